"""The way back: which property of a CRM takes a field, and how the CRM writes a value of ours. Pure."""

from collections.abc import Mapping as AnyMapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from gateway.mapping.canonical import Context, Fields
from gateway.mapping.deals import stage_mapping
from gateway.mapping.presets import PRESETS
from gateway.mapping.schemas import Mapping
from gateway.mapping.values import MappingError
from libs.common import money
from libs.common.events.crm import CrmDealChanged, EditedField, OfferedStage

SETTING = "write_back"
PROVIDERS = ("hubspot", "salesforce", "pipedrive", "dataverse")
"""Those with an interface that takes changes and is asked back."""
_NOON = time(12)


class CannotBeWritten(ValueError):
    """The CRM has no form for the value; the message says which, for the author of the edit."""


class Target(BaseModel):
    """The property that takes a field. `values`: what the CRM calls our words, where it has its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    property: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.]{0,99}$")
    values: dict[str, str | int] = Field(default_factory=dict)


_TARGETS = TypeAdapter(dict[EditedField, Target | str])


def targets(settings: AnyMapping[str, Any]) -> dict[EditedField, Target]:
    """The fields that a connection takes back, from its settings. Raises pydantic's ValidationError."""
    told = _TARGETS.validate_python(settings.get(SETTING) or {})
    return {field: Target(property=each) if isinstance(each, str) else each for field, each in told.items()}


def stages(provider: str, mapping: Mapping) -> tuple[OfferedStage, ...]:
    """The open stages, in the order of the mapping; of a pipeline where the mapping names one."""
    found = []
    for key, meaning in (mapping.stages or PRESETS[provider].stages).items():
        if meaning.state == "open":
            raw, slash, _ = key.partition("/")
            pipeline = mapping.pipelines.get(raw, raw) if slash and _has_pipelines(provider) else None
            found.append(OfferedStage(pipeline=pipeline, stage=meaning.stage))
    return tuple(dict.fromkeys(found))


def held(event: CrmDealChanged, field: EditedField) -> str | None:
    """What a CRM's record has in a field, as text like that of edits."""
    value = getattr(event, field)
    if isinstance(value, Decimal) and event.currency:
        value = money.quantise(value, event.currency)
    return None if value in (None, "") else str(value)


def value_for(  # what a value of ours depends on
    field: EditedField,
    wanted: str | None,
    target: Target,
    *,
    record: AnyMapping[str, Any],
    context: Context,
    currency: str | None,
    owner: str | None,
) -> tuple[str, Any]:
    """The property and its value as the CRM's interface takes it. Raises CannotBeWritten."""
    name = target.property
    if wanted is None:
        return name, "" if context.provider == "hubspot" else None
    if wanted in target.values:
        return name, target.values[wanted]
    match field:
        case "amount":
            return name, _amount(Decimal(wanted), context, currency)
        case "close_date":
            return name, _day(date.fromisoformat(wanted), context)
        case "stage":
            return name, _stage(wanted, record, context)
        case "owner_id":
            return _owner(name, owner, context.provider)
        case _:
            return name, wanted


def _amount(wanted: Decimal, context: Context, currency: str | None) -> Any:
    unit = context.mapping.amounts
    if unit == "minor" and currency:
        wanted = wanted.scaleb(money.exponent(currency))
    elif unit == "micro":
        wanted = wanted.scaleb(6)
    plain = f"{wanted:f}"
    return plain if context.provider == "hubspot" else orjson.Fragment(plain.encode())


def _day(wanted: date, context: Context) -> str:
    """HubSpot keeps an instant: noon is the same day in every zone that the mapping may read it in."""
    if context.provider != "hubspot":
        return wanted.isoformat()
    at = datetime.combine(wanted, _NOON, context.zone).astimezone(UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.000Z"


def _stage(wanted: str, record: AnyMapping[str, Any], context: Context) -> Any:
    pipeline = Fields(context, "deal", record).text("pipeline") or "default"
    known = context.mapping.stages or context.preset.stages
    own = [key.removeprefix(f"{pipeline}/") for key in known if key.startswith(f"{pipeline}/")]
    shared = [key for key in known if "/" not in key or not _has_pipelines(context.provider)]
    for keys in (own, shared):
        found = [key for key in keys if _means(key, wanted, pipeline, context)]
        if len(found) > 1:
            raise CannotBeWritten(
                f"Several stages of the CRM are {wanted} here: {', '.join(found)}. Move it in the CRM."
            )
        if found:
            return int(found[0]) if context.provider == "pipedrive" and found[0].isdigit() else found[0]
    raise CannotBeWritten(f"No stage of the CRM's pipeline {pipeline} is {wanted} here; move it in the CRM.")


def _means(raw: str, wanted: str, pipeline: str, context: Context) -> bool:
    try:
        meaning = stage_mapping(raw, pipeline, context)
    except MappingError:
        return False
    return meaning.stage == wanted and meaning.state == "open"


def _owner(name: str, owner: str | None, provider: str) -> tuple[str, Any]:
    if owner is None:
        raise CannotBeWritten("The person is no user of this CRM; choose one of its users.")
    if provider == "dataverse":
        return f"{name}@odata.bind", f"/systemusers({owner})"
    return name, int(owner) if provider == "pipedrive" and owner.isdigit() else owner


def _has_pipelines(provider: str) -> bool:
    """Salesforce's stages have none, and may have a slash in their names."""
    return provider != "salesforce"


Outcome = Literal["taken", "refused", "conflict"]
