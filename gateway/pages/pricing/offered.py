"""A quote in words and bars: its states, measures, way to the margin, and what is granted and asked for it. Pure."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

STATES = {
    "draft": ("Draft", ""),
    "submitted": ("Waits for approval", "warn"),
    "approved": ("Approved", "good"),
    "rejected": ("Rejected", "bad"),
    "accepted": ("Accepted", "good"),
    "withdrawn": ("Withdrawn", ""),
    "expired": ("Expired", "bad"),
}
AUTHORITIES = {
    "manager": "Manager",
    "vp": "Manager above",
    "cso": "CSO",
    "finance": "Finance",
    "ceo": "CEO",
}
STEPS = {
    "waiting": ("Comes later", ""),
    "asked": ("Asked", "warn"),
    "approved": ("Approved", "good"),
    "rejected": ("Rejected", "bad"),
    "carried": ("Agreed before", "good"),
    "cancelled": ("Not needed any more", ""),
}
MEASURES = {
    "discount": "Below list price",
    "below_floor": "Below the floor",
    "below_minimum": "Below the policy's least price",
    "margin": "Margin",
    "payment_days": "Days to pay",
    "term_months": "Months of term",
    "over_budget": "Over the exception budget",
}
REASONS = {"new_logo": "New logo", "displacement": "Displacement", "churn_defence": "Churn defence"}
GIVEN = {
    "discount": "Discount",
    "payment_terms": "Longer time to pay",
    "shorter_term": "Shorter term",
    "free_months": "Free months",
    "service": "Service",
    "other": "Something else",
}
GOT = {
    "longer_term": "Longer term",
    "volume": "More volume",
    "reference": "A reference",
    "earlier_payment": "Earlier payment",
    "earlier_signature": "Earlier signature",
    "other": "Something else",
}
PAIRS = 3
"""Rows of give and get in the form; by REST there can be more."""
IN_NUMBERS = ("payment_days", "term_months", "over_budget", "in return: ")


def pairs(form: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What a form says is granted and asked for it; rows without either are left out."""
    names = ("given", "given_note", "got", "got_note", "value")
    rows = [{name: str(form.get(f"{name}-{place}") or "").strip() for name in names} for place in range(PAIRS)]
    return [row | {"value": row["value"] or None} for row in rows if row["given"] or row["got"]]


def paired(requests: Sequence[Mapping[str, Any]], decisions: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows of the form: what was said last, and what an approver then asked for."""
    if not requests:
        return []
    last = requests[0]
    rows = [dict(each) for each in last["pairs"]]
    for decision in decisions:
        if decision["request_id"] == last["request_id"]:
            rows += [{"given": "discount", "given_note": "", "got": each["got"], "got_note": each["note"], "value": None} for each in decision["asks"]]  # fmt: skip
    return rows[:PAIRS]


def net_price(line: Mapping[str, Any]) -> str:
    """What one costs on the invoice before promotions, as a form shows it."""
    value = Decimal(line["unit_price"])
    for each in line["deductions"]:
        if each["kind"] == "on_invoice" and each["promotion_id"] is None:
            value *= 1 - Decimal(each["share"])
    if not line["deductions"]:
        value *= 1 - Decimal(line["discount"])
    return f"{value.quantize(Decimal('0.000001')).normalize():f}"


def bars(fall: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Bars of the waterfall on a scale of 0 to 1000: from list to invoice, paid, pocket and margin, each deduction between."""
    top = Decimal(fall["list_amount"] or fall["invoice"])
    found: list[dict[str, Any]] = []
    if fall["list_amount"] is not None:
        found.append(
            {"name": "List price", "kind": "total", "from": Decimal(), "to": top, "amount": fall["list_amount"]}
        )
    at = top
    kinds = (
        ("on_invoice", "Invoice price", "invoice"),
        ("off_invoice", "Paid", "paid"),
        ("cost_to_serve", "Pocket price", "pocket"),
    )
    for kind, name, key in kinds:
        taken = [step for step in fall["steps"] if step["kind"] == kind]
        for step in taken if fall["list_amount"] is not None or kind != "on_invoice" else []:
            amount = Decimal(step["amount"])
            found.append({"name": step["name"], "kind": "step", "from": at - amount, "to": at, "amount": str(-amount)})
            at -= amount
        if taken or key == "invoice":
            found.append(
                {"name": name, "kind": "total", "from": Decimal(), "to": Decimal(fall[key]), "amount": fall[key]}
            )
        at = Decimal(fall[key])
    if fall["margin"] is not None:
        cost = Decimal(fall["cost_amount"])
        found.append(
            {
                "name": "Cost",
                "kind": "cost",
                "from": at - cost,
                "to": at,
                "amount": str(-cost),
            }
        )
        found.append(
            {
                "name": "Pocket margin",
                "kind": "margin",
                "from": Decimal(),
                "to": Decimal(fall["margin"]),
                "amount": fall["margin"],
            }
        )
    low = min([Decimal(), *(min(each["from"], each["to"]) for each in found)])
    high = max([Decimal(1), *(max(each["from"], each["to"]) for each in found)])
    for each in found:
        left, right = sorted((each["from"], each["to"]))
        each["x"] = round(float(1000 * (left - low) / (high - low)), 1)
        each["width"] = max(2.0, round(float(1000 * (right - left) / (high - low)), 1))
    return found


def beyond(measure: str, value: str | None) -> str:
    """A value of a finding: a share in percent, days, months and money as they are."""
    if value is None:
        return "nothing known" if measure.startswith("in return: ") else "unknown"
    if measure.startswith(IN_NUMBERS):
        return f"{Decimal(value).normalize():f}"
    return f"{(Decimal(value) * 100).quantize(Decimal('0.1'))}\u202f%"


def subject_in_words(subject: str) -> str:
    """`2: CORE` is line 2, CORE."""
    if subject == "quote":
        return "the whole quote"
    number, _, name = subject.partition(": ")
    return f"line {number}, {name}"


def input_in_words(name: str) -> str:
    if name.startswith(("granted: ", "in return: ")):
        return name
    measure, _, subject = name.partition(" of ")
    return f"{MEASURES.get(measure, measure)}, {subject_in_words(subject)}"
