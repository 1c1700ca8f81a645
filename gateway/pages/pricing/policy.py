"""The price policy: who is asked beyond which limit, what that would have meant last quarter, budgets, and what is left of list."""

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from gateway.auth.dependencies import CurrentUser
from gateway.pages.names import speakers
from gateway.pages.pricing.offered import AUTHORITIES, MEASURES, REASONS
from gateway.pages.templates import page
from gateway.proxy.client import ServiceDown, ServiceRefused, services_of
from libs.common.web.api import Transaction
from libs.common.web.auth import Principal

router = APIRouter(include_in_schema=False, prefix="/prices")

ROWS = (
    ("discount", "line", "Below list price, a line", "%"),
    ("discount", "quote", "Below list price, the whole", "%"),
    ("margin", "quote", "Pocket margin under", "%"),
    ("payment_days", "quote", "Days to pay over", "days"),
    ("term_months", "quote", "Months of term over", "months"),
)
"""The rows of the form; rules of a market, segment or family come by REST and stay when the form is published."""
PUBLISHERS = frozenset({"sales_ops", "cso", "admin"})
REHEARSERS = frozenset({"sales_ops", "finance", "cso", "ceo", "admin"})
WATCHERS = frozenset({"manager", "sales_ops", "finance", "cso", "ceo", "admin"})


@router.get("/policy")
async def policy(request: Request, session: Transaction, principal: CurrentUser) -> Response:
    return await _shown(request, session, principal=principal)


@router.post("/policy")
async def publish(request: Request, session: Transaction, principal: CurrentUser) -> Response:
    """Try a policy over last quarter, or publish it: the button says which."""
    form = await request.form()
    services = services_of(request)
    versions = (await services.get("pricing", "price-policies", principal=principal))["items"]
    before = _own(next(each for each in versions if each["is_in_force"]))
    document, mistake = written(form, before)
    load = None
    if not mistake:
        try:
            if form.get("do") == "publish":
                body = {
                    "document": document,
                    "note": str(form.get("note") or "").strip() or "Published on the policy page",
                    "after": versions[0]["version"],
                }
                await services.post("pricing", "price-policies", body, principal=principal)
                return RedirectResponse("/prices/policy", status_code=303)
            load = await services.post("pricing", "price-policies/dry-run", {"document": document}, principal=principal)
        except (ServiceDown, ServiceRefused) as refused:
            mistake = str(refused)
    return await _shown(request, session, typed=form, mistake=mistake, tried=load, principal=principal)


async def _shown(
    request: Request,
    session: Transaction,
    *,
    typed: FormData | None = None,
    mistake: str = "",
    tried: dict[str, Any] | None = None,
    principal: Principal,
) -> Response:
    services = services_of(request)
    versions = (await services.get("pricing", "price-policies", principal=principal))["items"]
    held = next(each for each in versions if each["is_in_force"])
    may_rehearse = bool(principal.roles & REHEARSERS)
    load = await services.get("pricing", "price-policies/load", principal=principal) if may_rehearse else None
    budgets = await services.get("pricing", "approvals/budgets", principal=principal)
    return page(
        request,
        "pricing/policy.html",
        status=422 if mistake else 200,
        versions=versions,
        held=held,
        load=load,
        tried=tried,
        mistake=mistake,
        cells=cells(_own(held)) | ({name: str(value) for name, value in typed.items()} if typed else {}),
        rows=ROWS,
        scoped=scoped(_own(held)),
        budgets=budgets["items"],
        may_publish=bool(principal.roles & PUBLISHERS),
        may_rehearse=may_rehearse,
        names=await speakers(session, {each["published_by"] for each in versions}, principal=principal),
        authorities=AUTHORITIES,
        measures=MEASURES,
        reasons=REASONS,
    )


@router.get("/realisation")
async def realisation(
    request: Request, principal: CurrentUser, currency: str = "", market: str = "", segment: str = ""
) -> Response:
    """What was left of the list price by month, and what took it away."""
    asked = {
        name: value[:100] for name, value in (("currency", currency), ("market", market), ("segment", segment)) if value
    }
    found = None
    if principal.roles & WATCHERS:
        found = await services_of(request).get("pricing", "price-realisation", principal=principal, params=asked)
    query = urlencode(asked)
    return page(
        request,
        "pricing/realisation.html",
        found=found,
        lines=lines(found["months"]) if found else None,
        asked={"market": market, "segment": segment},
        csv_href="/api/v1/price-realisation/export" + (f"?{query}" if query else ""),
    )


def _own(held: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What the company published; of the starting policy nothing is carried into the form, which asks by levels of its own."""
    return None if held["is_starting"] else held["document"]


def cells(document: Mapping[str, Any] | None) -> dict[str, str]:
    """What stands in the form: the limits of rules for everything, in percent, days or months."""
    found = {f"{measure}-{scope}-{level}": "" for measure, scope, _, _ in ROWS for level in (1, 2, 3)}
    found |= {"minimum": "", "margin": "", "hours": "24", "below": "1", "note": ""}
    found |= {f"budget-{reason}": "" for reason in REASONS} | {"budget-currency": "EUR", "budget-year": ""}
    if document is None:
        return found
    for rule in document["rules"]:
        if _is_general(rule):
            unit = next((unit for m, s, _, unit in ROWS if (m, s) == (rule["measure"], rule["scope"])), "")
            for limit in rule["limits"]:
                key = f"{rule['measure']}-{rule['scope']}-{limit['level']}"
                if key in found:
                    found[key] = _plain(Decimal(limit["beyond"]) * (100 if unit == "%" else 1))
    for name, key in (("minima", "minimum"), ("planned_margins", "margin")):
        general = [each for each in document[name] if _is_general(each)]
        found[key] = _plain(Decimal(general[0]["share"]) * 100) if general else ""
    found |= {"hours": str(document["escalate_after_hours"]), "below": str(document["below_floor_level"])}
    for budget in document["budgets"]:
        found[f"budget-{budget['reason']}"] = _plain(Decimal(budget["amount"]))
        found |= {"budget-currency": budget["currency"], "budget-year": str(budget["year"])}
    return found


def written(form: Mapping[str, Any], before: Mapping[str, Any] | None) -> tuple[dict[str, Any], str]:
    """The policy that a form says, with what only REST can say kept from the one in force; and what is wrong with the form."""
    document: dict[str, Any] = {**(before or {})}
    try:
        rules = []
        for measure, scope, _, unit in ROWS:
            limits = [
                {"beyond": str(value / (100 if unit == "%" else 1)), "level": level}
                for level in (1, 2, 3)
                if (value := _number(form.get(f"{measure}-{scope}-{level}"))) is not None
            ]
            if limits:
                rules.append({"measure": measure, "scope": scope, "limits": limits, "unknown_level": 0})
        shown = {(measure, scope) for measure, scope, _, _ in ROWS}
        rest = [r for r in document.get("rules", ()) if not _is_general(r) or (r["measure"], r["scope"]) not in shown]
        document["rules"] = [*rules, *rest]
        for name, key in (("minima", "minimum"), ("planned_margins", "margin")):
            value = _number(form.get(key))
            kept = [each for each in document.get(name, ()) if not _is_general(each)]
            document[name] = [*([] if value is None else [{"share": str(value / 100)}]), *kept]
        document["escalate_after_hours"] = int(_number(form.get("hours")) or 24)
        document["below_floor_level"] = int(_number(form.get("below")) or 1)
        year, currency = int(_number(form.get("budget-year")) or 0), str(form.get("budget-currency") or "EUR").upper()
        kept = [b for b in document.get("budgets", ()) if (b["year"], b["currency"]) != (year, currency)]
        named = [
            {"year": year, "reason": reason, "currency": currency, "amount": str(value)}
            for reason in REASONS
            if (value := _number(form.get(f"budget-{reason}"))) is not None
        ]
        if named and not year:
            return document, "Say for which year the exception budget is."
        document["budgets"] = [*kept, *named]
    except InvalidOperation:
        return document, "Write numbers only, such as 12.5; leave a field empty where there is no limit."
    return document, ""


def scoped(document: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    """Rules for a market, segment or family."""
    return [rule for rule in document["rules"] if not _is_general(rule)] if document else []


def lines(months: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Points of the shares by month on 1000 x 300; months without sales break the line. None when nothing was sold."""
    known = [float(m[key]) for m in months for key in ("invoice_share", "pocket_share") if m[key] is not None]
    if not known:
        return None
    low = max(0.0, min(known) - 0.05)
    high = max(1.0, *known)

    def points(key: str) -> list[list[str]]:
        runs: list[list[str]] = [[]]
        for place, month in enumerate(months):
            if month[key] is None:
                runs.append([])
                continue
            x = 1000 * (place + 0.5) / len(months)
            runs[-1].append(f"{x:.1f},{300 * (high - float(month[key])) / (high - low):.1f}")
        return [run for run in runs if run]

    return {"pocket": points("pocket_share"), "invoice": points("invoice_share"), "low": low, "high": high}


def _is_general(each: Mapping[str, Any]) -> bool:
    return all(each.get(name) is None for name in ("market", "segment", "family"))


def _number(value: object) -> Decimal | None:
    """Raises InvalidOperation."""
    text = str(value or "").strip().replace(",", ".")
    if not text:
        return None
    number = Decimal(text)
    if not number.is_finite():
        raise InvalidOperation
    return number


def _plain(value: Decimal) -> str:
    return f"{value.normalize():f}"
