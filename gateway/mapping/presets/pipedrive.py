"""Pipedrive's fields, version 2."""

from gateway.mapping.presets.form import OURS, STATUSES, Preset

PIPEDRIVE = Preset(
    fields={
        "deal": {
            "name": "title",
            "amount": "value",
            "currency": "currency",
            "close_date": "expected_close_date",
            "closed_on": "local_close_date || won_time || lost_time || close_time",
            "pipeline": "to_string(pipeline_id)",
            "stage": "to_string(stage_id)",
            "state": "status",
            "probability": "probability",
            "owner_id": "owner_id",
            "account_id": "org_id",
            "lead_id": "source_lead_id",
            "created_at": "add_time",
            "loss_reason": "lost_reason",
            "next_step": "next_activity_subject || next_activity_date",
            "last_activity_at": "last_activity_date",
        },
        "lead": {
            "person_id": "person_id",
            "owner_id": "owner_id",
            "status": "is_archived && 'disqualified' || 'new'",
            "source": "source_name",
            "amount": "value.amount",
            "currency": "value.currency",
            "created_at": "add_time",
        },
        "contact": {"name": "name", "email": "emails[0].value", "phone": "phones[0].value"},
        "account": {"name": "name", "created_at": "add_time"},
        "user": {"name": "name", "email": "email", "is_active": "active_flag"},
        "product": {
            "code": "code",
            "name": "name",
            "list_price": "prices[0].price",
            "cost": "prices[0].cost",
            "currency": "prices[0].currency",
            "created_at": "add_time",
        },
    },
    categories=OURS,
    lead_statuses=STATUSES,
    probability_scale=100,
)
