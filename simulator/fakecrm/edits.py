"""Changes that the CRMs' interfaces take of deals: property names back to a record, each with what the CRM refuses."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from libs.common import clock
from simulator.config import Provider
from simulator.forms import STAGE_IDS
from simulator.forms.pipedrive import custom_key
from simulator.records import STAGE_CATEGORY, DealRecord

FARTHEST_DAYS = 5 * 366
"""The simulated company's own rule: no close date more than five years ahead."""


class Refused(ValueError):
    """What the CRM does not take, in its words; `code` is its name for the reason."""

    def __init__(self, words: str, code: str) -> None:
        super().__init__(words)
        self.code = code


def _amount(value: Any) -> Decimal | None:
    if value in (None, ""):
        return None
    try:
        amount = Decimal(str(value)).quantize(Decimal("0.01"))
    except InvalidOperation:
        raise Refused(f"{value} was not a valid number.", "INVALID_DOUBLE") from None
    if amount < 0:
        raise Refused("Amount must not be negative.", "FIELD_CUSTOM_VALIDATION_EXCEPTION")
    return amount


def _day(value: Any) -> date:
    try:
        found = (
            datetime.fromisoformat(str(value)).astimezone(UTC).date()
            if "T" in str(value)
            else date.fromisoformat(str(value))
        )
    except ValueError:
        raise Refused(f"{value} was not a valid date.", "INVALID_DATE") from None
    if found > clock.now().date() + timedelta(days=FARTHEST_DAYS):
        raise Refused("Close date lies more than five years ahead.", "FIELD_CUSTOM_VALIDATION_EXCEPTION")
    return found


def _text(value: Any) -> str | None:
    return str(value) if value not in (None, "") else None


def _stage(provider: Provider) -> Callable[[Any], Any]:
    known = {identifier: stage for stage, identifier in STAGE_IDS[provider].items()}

    def read(value: Any) -> Any:
        if str(value) not in known:
            raise Refused(f"{value} is not a stage of this pipeline.", "INVALID_OPTION")
        return known[str(value)]

    return read


PROPERTIES: Mapping[Provider, Mapping[str, tuple[str, Callable[[Any], Any]]]] = {
    "hubspot": {
        "hs_next_step": ("next_step", _text),
        "closedate": ("close_date", _day),
        "amount": ("amount", _amount),
        "dealstage": ("stage", _stage("hubspot")),
        "ft_category": ("category", _text),
        "hubspot_owner_id": ("owner_id", _text),
    },
    "salesforce": {
        "NextStep": ("next_step", _text),
        "CloseDate": ("close_date", _day),
        "Amount": ("amount", _amount),
        "StageName": ("stage", _stage("salesforce")),
        "Category__c": ("category", _text),
        "OwnerId": ("owner_id", _text),
    },
    "pipedrive": {
        f"custom_fields.{custom_key('next_step')}": ("next_step", _text),
        "expected_close_date": ("close_date", _day),
        "value": ("amount", _amount),
        "stage_id": ("stage", _stage("pipedrive")),
        f"custom_fields.{custom_key('category')}": ("category", _text),
        "owner_id": ("owner_id", _text),
    },
}
"""What each interface takes, the field of a record that it is, and how it reads a value."""

TARGETS: Mapping[Provider, Mapping[str, str]] = {
    provider: {field: name for name, (field, _) in properties.items()} for provider, properties in PROPERTIES.items()
}
"""What a connection's document says under `write_back`."""


def edited(provider: Provider, deal: DealRecord, values: Mapping[str, Any]) -> DealRecord:
    """The deal after the change, modified now. A stage brings its category along unless somebody chose one. Raises Refused."""
    changes: dict[str, Any] = {}
    for name, value in values.items():
        if name not in PROPERTIES[provider]:
            raise Refused(f"Property {name} does not exist.", "PROPERTY_DOESNT_EXIST")
        field, read = PROPERTIES[provider][name]
        changes[field] = read(value)
    stage = changes.get("stage")
    if stage and "category" not in changes and deal.category == STAGE_CATEGORY[deal.stage]:
        changes["category"] = STAGE_CATEGORY[stage]
    at = clock.now()
    step = timedelta(seconds=1) if provider in ("salesforce", "pipedrive") else timedelta(milliseconds=1)
    at = at.replace(microsecond=0) if step.seconds else at.replace(microsecond=at.microsecond // 1000 * 1000)
    return replace(deal, **changes, changed_at=max(at, deal.changed_at + step))
