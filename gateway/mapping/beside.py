"""What CRMs keep beside deals, in canonical form. The fetches of all providers give it in one shape, so nothing of it is mapped by hand."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from gateway.connectors.items import FullRecord
from gateway.mapping import values
from gateway.mapping.canonical import Context, Draft
from gateway.mapping.values import MappingError
from libs.common.events.beside import CrmBeside, CrmDealCompetitorsChanged, CrmDealLinesChanged, CrmDealSplitsChanged
from libs.common.ids import entity_id
from libs.common.remarks import without_addresses

Rows = Sequence[Mapping[str, Any]]
LONGEST_NAME = 120


def lines(source: FullRecord, context: Context) -> Draft:
    """Lines of several currencies are a problem: their sum would be of none."""
    return _drafted(CrmDealLinesChanged, source, context, _lines)


def splits(source: FullRecord, context: Context) -> Draft:
    """Somebody who stands twice has the sum: Salesforce lets one person have several splits by territory."""
    return _drafted(CrmDealSplitsChanged, source, context, _shares)


def competitors(source: FullRecord, context: Context) -> Draft:
    """By name, each once however it is written."""
    return _drafted(CrmDealCompetitorsChanged, source, context, _names)


def _drafted(
    event: type[CrmBeside], source: FullRecord, context: Context, read: Callable[[Rows, Context], dict[str, Any]]
) -> Draft:
    """What cannot be understood is told as a problem of this deal: no delivery waits for it that could be parked."""
    rows: Rows = (source.record or {}).get(source.object_type, ())
    content: dict[str, Any] = {"deal_id": entity_id(context.connection, "deal", source.external_id)}
    try:
        times = [values.optional_instant("changed_at", each.get("changed_at")) for each in rows]
        content |= {"since": max((each for each in times if each is not None), default=None)} | read(rows, context)
    except MappingError as error:
        content["problem"] = f"{error}. {error.advice}"
    return Draft(event, content)


def _lines(rows: Rows, context: Context) -> dict[str, Any]:
    currencies = {values.currency("currency", each.get("currency")) for each in rows} - {None}
    if len(currencies) > 1:
        raise MappingError(
            "currency", ", ".join(sorted(map(str, currencies))), "Give all lines of a deal one currency in the CRM."
        )
    currency = next(iter(currencies), None) or context.mapping.currency
    told = [_line(each, currency, context) for each in rows]
    return {"currency": currency, "lines": sorted(told, key=lambda each: (each["product"], str(each)))}


def _line(row: Mapping[str, Any], currency: str | None, context: Context) -> dict[str, Any]:
    unit = context.mapping.amounts
    term = values.integer("term_months", row.get("term_months"))
    return {
        "product": without_addresses(values.text(row.get("product")) or "Unnamed product"),
        "amount": values.amount("amount", row.get("amount"), currency, unit),
        "quantity": values.decimal("quantity", row.get("quantity")),
        "price": values.decimal("price", row.get("price")),
        "term_months": term if term and term > 0 else None,
    }


def _shares(rows: Rows, context: Context) -> dict[str, Any]:
    sums: dict[tuple[str, bool], Decimal] = {}
    for each in rows:
        person, share = values.text(each.get("owner_id")), values.decimal("share", each.get("share"))
        if person is not None and share:
            key = (str(context.id_of("user", person)), bool(each.get("overlay")))
            sums[key] = sums.get(key, Decimal()) + share / int(each.get("scale", 1))
    return {
        "shares": [
            {"person_id": who, "share": share, "overlay": beside} for (who, beside), share in sorted(sums.items())
        ]
    }


def _names(rows: Rows, context: Context) -> dict[str, Any]:
    del context
    names: dict[str, str] = {}
    for each in rows:
        if name := " ".join(without_addresses(values.text(each.get("name")) or "").split())[:LONGEST_NAME]:
            names.setdefault(name.casefold(), name)
    return {"names": [name for _, name in sorted(names.items())]}
