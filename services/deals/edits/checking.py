"""Whether an edit of a deal can be wanted at all, and how its value is written. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Final, get_args
from uuid import UUID

from libs.common import money
from libs.common.events.crm import Category, EditedField, OfferedStage, State
from libs.common.remarks import names_an_address

FIELDS: Final[tuple[EditedField, ...]] = get_args(EditedField)
LONGEST_REMARK: Final = 255
LATEST: Final = 3653
"""Days from today within which a close date lies."""
_TOO_MUCH = Decimal(10) ** 14


class Unacceptable(ValueError):
    """An edit that is not taken; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a connection takes back from here."""

    fields: Collection[str] = ()
    stages: Collection[OfferedStage] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A deal as an edit meets it. `shown` are its values here, `crm` those of the CRM's last record, both as text."""

    deal_id: UUID
    name: str
    connection: str | None
    external_id: str | None
    state: State
    removed: bool
    provisional: bool
    pipeline: str
    currency: str | None
    amount_from: str
    shown: Mapping[str, str | None]
    crm: Mapping[str, str | None]


def written(field: str, value: str | None, currency: str | None) -> str | None:
    """A value as edits compare it: trimmed, amounts with the currency's decimals, nothing as null. Raises Unacceptable."""
    text = (value or "").strip()
    if not text:
        return None
    if field == "amount":
        return _amount(text, currency)
    if field == "close_date":
        return _day(text).isoformat()
    if field == "owner_id":
        try:
            return str(UUID(text))
        except ValueError:
            raise Unacceptable(f"{text!r} is no person; choose one by their id.") from None
    return text


def check_deal(deal: Held, field: EditedField, offer: Offer | None) -> None:
    """Raise Unacceptable for a deal that takes no edits, or a field that somebody else has the say over."""
    what = field.replace("_", " ").removesuffix(" id")
    if deal.removed:
        raise Unacceptable("The deal is gone from its CRM; restore it there first.")
    if deal.provisional or deal.connection is None or deal.external_id is None:
        raise Unacceptable("The deal stands for a lead and is in no CRM yet; create the opportunity there.")
    if deal.state != "open":
        raise Unacceptable(f"The deal is {deal.state}; reopen it in its CRM before changing its {what}.")
    if field == "amount" and deal.amount_from == "quote":
        raise Unacceptable("The amount is that of the deal's quote; change the quote.")
    if offer is None or field not in offer.fields:
        raise Unacceptable(
            f"The CRM has the say over {what}, and connection {deal.connection} takes none back. Change it in the CRM, "
            f"or have sales ops name {field} under settings.write_back of the connection."
        )


def check_value(deal: Held, field: EditedField, value: str | None, offer: Offer, *, today: date) -> None:
    """Raise Unacceptable for a written value that the field cannot hold."""
    if value is None:
        if field in ("next_step", "amount"):
            return
        raise Unacceptable(f"{field.replace('_', ' ').removesuffix(' id').capitalize()} cannot be empty.")
    if field == "next_step" and len(value) > LONGEST_REMARK:
        raise Unacceptable(f"The next step has {len(value)} characters; at most {LONGEST_REMARK} are kept.")
    if field == "next_step" and names_an_address(value):
        raise Unacceptable("A next step names nobody's mail address or phone number; those belong to the contact.")
    if field == "close_date":
        day = date.fromisoformat(value)
        if day < today:
            raise Unacceptable(f"{day} has passed; an open deal closes today or later.")
        if (day - today).days > LATEST:
            raise Unacceptable(f"{day} is more than ten years ahead.")
    if field == "category" and value not in get_args(Category):
        raise Unacceptable(f"{value!r} is no category; there are {', '.join(get_args(Category))}.")
    if field == "stage" and value not in (names := stages_of(deal.pipeline, offer)):
        raise Unacceptable(
            f"{value!r} is no open stage of this pipeline; there are {', '.join(names) or 'none'}. Deals are closed in the CRM."
        )


def stages_of(pipeline: str, offer: Offer) -> list[str]:
    """The open stages of a pipeline, in the order of the connection's mapping."""
    own = [each.stage for each in offer.stages if each.pipeline == pipeline]
    return list(dict.fromkeys([*own, *(each.stage for each in offer.stages if each.pipeline is None)]))


def _amount(text: str, currency: str | None) -> str:
    if currency is None:
        raise Unacceptable("The deal has no currency, so no amount can be set; set the currency in the CRM.")
    plain = text.replace(" ", "").replace("\u00a0", "").replace("\u202f", "")
    try:
        number = Decimal(plain if plain.count(",") == 0 else plain.replace(",", ""))
    except InvalidOperation:
        raise Unacceptable(f"{text!r} is no amount; write a plain number such as 1234.50.") from None
    if not number.is_finite() or not 0 <= number < _TOO_MUCH:
        raise Unacceptable("An amount is a number from 0 to below 10^14.")
    if number != money.quantise(number, currency):
        raise Unacceptable(f"{text!r} has more decimals than {currency} has.")
    return str(money.quantise(number, currency))


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Unacceptable(f"{text!r} is no date; write it like 2026-03-31.") from None
