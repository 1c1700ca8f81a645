"""How a CRM's opportunity becomes a canonical deal: stage, state, category and dates, each from its own authority."""

from typing import Any, get_args

from gateway.connectors.items import FullRecord
from gateway.mapping import values
from gateway.mapping.canonical import Context, Draft, Fields, choose
from gateway.mapping.schemas import StageMapping
from gateway.mapping.values import MappingError
from libs.common.events.crm import CrmDealChanged, DealType, ValueBasis
from libs.common.ids import entity_id

_STATES = {"open": "open", "won": "won", "lost": "lost"}


def deal(source: FullRecord, context: Context) -> Draft:
    """The deal; a tombstone without content carries nothing but its id. Raises MappingError."""
    content: dict[str, Any] = {"deal_id": entity_id(context.connection, "deal", source.external_id)}
    if source.record is not None:
        fields = Fields(context, "deal", source.record)
        content |= (
            _money(fields, context)
            | _progress(fields, context, deleted=source.deleted)
            | _facts(fields, context)
            | _care(fields, context)
        )
    content["changed_by"] = context.actor_id(source.actor)
    content["merged_into"] = context.id_of("deal", source.merged_into)
    return Draft(CrmDealChanged, content)


def _money(fields: Fields, context: Context) -> dict[str, Any]:
    currency = values.currency("currency", fields["currency"]) or context.mapping.currency
    amount = values.amount("amount", fields["amount"], currency, context.mapping.amounts)
    if amount is not None and currency is None:
        raise MappingError("currency", None, "Set currency in the mapping of this connection: the CRM sends none.")
    return {"amount": amount, "currency": currency}


def _progress(fields: Fields, context: Context, *, deleted: bool) -> dict[str, Any]:
    pipeline, raw_stage = fields.text("pipeline") or "default", fields.text("stage")
    stage = stage_mapping(raw_stage, pipeline, context)
    state = _state(fields, stage, deleted=deleted)
    moved = state != stage.state
    if state == "open":
        probability = stage.probability if not moved else None
        if probability is None:
            scale = context.mapping.probability_scale or context.preset.probability_scale
            probability = values.probability("probability", fields["probability"], scale)
        mapped_category = stage.category if not moved else None
        category = _category(fields, context) or mapped_category
    else:
        probability, mapped_category, category = None, None, None
    close_date = values.local_date("close_date", fields["close_date"], context.zone)
    closed_on = values.local_date("closed_on", fields["closed_on"], context.zone) or close_date
    return {
        "pipeline": context.mapping.pipelines.get(pipeline, pipeline),
        "stage": stage.stage,
        "state": state,
        "stage_probability": {"won": values.decimal("", 1), "lost": values.decimal("", 0)}.get(state, probability),
        "mapped_category": mapped_category,
        "category": category,
        "close_date": close_date,
        "closed_on": closed_on if state != "open" else None,
        "loss_reason": fields.text("loss_reason") if state == "lost" else None,
    }


def stage_mapping(raw_stage: str | None, pipeline: str, context: Context) -> StageMapping:
    """What the CRM's stage means; `pipeline/stage` is asked for first. Raises MappingError if nobody has said."""
    if raw_stage is None:
        raise MappingError(
            "stage", None, "Map stage to the property that holds it, or select that property in the CRM."
        )
    stages = context.mapping.stages or context.preset.stages
    qualified = stages.get(f"{pipeline}/{raw_stage}")
    if qualified is not None:
        return qualified
    found: StageMapping = choose("stage", raw_stage, dict(stages), "stages")
    return found


def _state(fields: Fields, stage: StageMapping, *, deleted: bool) -> str:
    """The CRM's own word on open, won or lost where it has one; otherwise what its stage means."""
    if (told := fields.text("state")) is not None and not (deleted and told == "deleted"):
        return str(choose("state", told, _STATES, "stages"))
    closed = values.truth("is_closed", fields["is_closed"])
    if closed is None:
        return stage.state
    if not closed:
        return "open"
    return "won" if values.truth("is_won", fields["is_won"]) else "lost"


def _category(fields: Fields, context: Context) -> str | None:
    told = fields.text("category")
    if told is None or told.casefold() == "closed":
        return None
    known = {**context.preset.categories, **context.mapping.categories}
    return choose("category", told, known, "categories")  # type: ignore[no-any-return]


def _facts(fields: Fields, context: Context) -> dict[str, Any]:
    return {
        "name": fields.text("name") or "",
        "owner_id": context.id_of("user", fields["owner_id"]),
        "account_id": context.id_of("account", fields["account_id"]),
        "lead_id": context.id_of("lead", fields["lead_id"]),
        "region": fields.text("region"),
        "market": fields.text("market"),
        "segment": fields.text("segment"),
        "product": fields.text("product"),
        "source": fields.text("source"),
        "deal_type": _deal_type(fields, context),
        "value_basis": _value_basis(fields, context),
        "term_months": values.integer("term_months", fields["term_months"]),
        "created_at": values.optional_instant("created_at", fields["created_at"]),
    }


def _care(fields: Fields, context: Context) -> dict[str, Any]:
    """What is done about the deal; of what the CRM does not tell, that it is unknown."""
    return {
        "next_step": values.remark(fields["next_step"]),
        "next_step_known": fields.tells("next_step"),
        "last_activity_at": values.moment("last_activity_at", fields["last_activity_at"], context.zone),
        "activity_known": fields.tells("last_activity_at"),
    }


def _deal_type(fields: Fields, context: Context) -> str:
    """A type that nobody has explained is `unmapped`: a visible line of its own, no reason to park the deal."""
    told = fields.text("deal_type")
    known: dict[str, str] = {each: each for each in get_args(DealType)} | dict(context.mapping.deal_types)
    return known.get(told or "", known.get((told or "").casefold(), "unmapped"))


def _value_basis(fields: Fields, context: Context) -> str:
    known = {each: each for each in get_args(ValueBasis)} | context.mapping.value_bases
    return str(choose("value_basis", fields.text("value_basis"), known, "value_bases") or "one_off")
