"""One function per kind of object: which canonical fields it has and where each comes from."""

from dataclasses import replace
from typing import Any

from gateway.connectors.items import PARTS, FullRecord
from gateway.mapping import beside, values
from gateway.mapping.activities import activity
from gateway.mapping.canonical import Context, Draft, Fields, Mapped, Mapper, choose, complete, person
from gateway.mapping.deals import deal
from gateway.mapping.paths import read
from gateway.mapping.values import MappingError
from libs.common.events.crm import CrmAccountChanged, CrmLeadChanged, CrmProductChanged, CrmUserChanged
from libs.common.ids import entity_id


def to_canonical(source: FullRecord, context: Context) -> Mapped:
    """The record in canonical form. Raises MappingError, which names the field, its value and what to do."""
    object_type = "lead" if source.object_type == "contact" and context.preset.lead_when else source.object_type
    if object_type in PARTS:
        object_type = "deal"  # its parts go the way of the deal, behind it
    identifier = entity_id(context.connection, object_type, source.external_id)
    mapper = MAPPERS[source.object_type]
    try:
        draft = mapper(source, context)
    except MappingError:
        if not source.deleted or source.record is None:
            raise
        draft = mapper(replace(source, record=None), context)  # what is gone need not be understood to be gone
    return complete(source, context, identifier, draft)


def lead(source: FullRecord, context: Context) -> Draft:
    fields = Fields(context, "lead", source.record or {})
    lead_id = entity_id(context.connection, "lead", source.external_id)
    content: dict[str, Any] = {"lead_id": lead_id}
    who = None
    if source.record is not None:
        who = person(context, "lead", source.external_id, fields)
        content |= _lead_content(fields, context)
        apart = context.id_of("person", fields["person_id"])
        content["person_id"] = apart or entity_id(context.connection, "person", source.external_id)
    content["merged_into"] = context.id_of("lead", source.merged_into)
    return Draft(CrmLeadChanged, content, who)


def _lead_content(fields: Fields, context: Context) -> dict[str, Any]:
    mapping = context.mapping
    currency = values.currency("currency", fields["currency"]) or mapping.currency
    amount = values.amount("amount", fields["amount"], currency, mapping.amounts)
    return {
        "company": fields.text("company"),
        "owner_id": context.id_of("user", fields["owner_id"]),
        "status": _status(fields, context),
        "source": fields.text("source"),
        "campaign": fields.text("campaign"),
        "region": fields.text("region"),
        "market": fields.text("market"),
        "segment": fields.text("segment"),
        "product": fields.text("product"),
        "amount": amount,
        "currency": currency if amount is not None else None,
        "employees": values.integer("employees", fields["employees"]),
        "industry": fields.text("industry"),
        "role": fields.text("role"),
        "engagement_count": values.integer("engagement_count", fields["engagement_count"]),
        "last_activity_at": values.optional_instant("last_activity_at", fields["last_activity_at"]),
        "converted_deal_id": context.id_of("deal", fields["converted_deal_id"]),
        "created_at": values.optional_instant("created_at", fields["created_at"]),
    }


def _status(fields: Fields, context: Context) -> str:
    known = {**(context.mapping.lead_statuses or context.preset.lead_statuses)}
    return choose("status", fields.text("status"), known, "lead_statuses") or "new"


def contact(source: FullRecord, context: Context) -> Draft:
    """A person; where the provider has no leads of its own, also a lead as long as the mapping says so."""
    fields = Fields(context, "contact", source.record or {})
    who = person(context, "contact", source.external_id, fields) if source.record is not None else None
    expression = context.mapping.lead_when or context.preset.lead_when
    if expression and (source.record is None or read(expression, source.record)):
        drafted = lead(source, context)
        if source.record is not None:
            drafted.content["person_id"] = entity_id(context.connection, "person", source.external_id)
        return Draft(drafted.event, drafted.content, who)
    return Draft(None, {"person": str(who)}, who)


def account(source: FullRecord, context: Context) -> Draft:
    fields = Fields(context, "account", source.record or {})
    return Draft(
        CrmAccountChanged,
        {
            "account_id": entity_id(context.connection, "account", source.external_id),
            "name": fields.text("name") or "",
            "region": fields.text("region"),
            "market": fields.text("market"),
            "segment": fields.text("segment"),
            "tier": fields.text("tier"),
            "parent_id": context.id_of("account", fields["parent_id"]),
            "created_at": values.optional_instant("created_at", fields["created_at"]),
            "merged_into": context.id_of("account", source.merged_into),
        },
    )


def user(source: FullRecord, context: Context) -> Draft:
    fields = Fields(context, "user", source.record or {})
    active = values.truth("is_active", fields["is_active"])
    content = {
        "user_id": entity_id(context.connection, "user", source.external_id),
        "is_active": active is not False and not source.deleted,
        "team_path": fields.text("team_path"),
        "manager_id": context.id_of("user", fields["manager_id"]),
    }
    return Draft(CrmUserChanged, content, person(context, "user", source.external_id, fields))


def product(source: FullRecord, context: Context) -> Draft:
    fields = Fields(context, "product", source.record or {})
    code = fields.text("code") or (source.external_id if source.record is None else None)
    if code is None:
        raise MappingError("code", None, "Give the product a code in the CRM, or map code to another property.")
    currency = values.currency("currency", fields["currency"]) or context.mapping.currency
    unit = context.mapping.amounts
    return Draft(
        CrmProductChanged,
        {
            "product_id": entity_id(context.connection, "product", source.external_id),
            "code": code,
            "name": fields.text("name") or "",
            "line": fields.text("line"),
            "list_price": values.amount("list_price", fields["list_price"], currency, unit),
            "cost": values.amount("cost", fields["cost"], currency, unit),
            "currency": currency,
            "created_at": values.optional_instant("created_at", fields["created_at"]),
        },
    )


MAPPERS: dict[str, Mapper] = {
    "deal": deal,
    "lead": lead,
    "contact": contact,
    "account": account,
    "user": user,
    "product": product,
    "lines": beside.lines,
    "splits": beside.splits,
    "competitors": beside.competitors,
    "activity": activity,
}
