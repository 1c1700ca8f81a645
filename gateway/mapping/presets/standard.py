"""Foretell's own body in Standard Webhooks: its fields have our names."""

from gateway.mapping.presets.form import OURS, STATUSES, Preset

_DEAL_FIELDS = (
    "name amount currency close_date closed_on pipeline stage state probability category owner_id account_id lead_id region market"
    " segment product source deal_type value_basis term_months created_at loss_reason next_step last_activity_at"
)
_LEAD_FIELDS = (
    "company status owner_id source campaign region market segment product amount currency employees industry role engagement_count"
    " last_activity_at converted_deal_id created_at email phone"
)

STANDARD = Preset(
    fields={
        "deal": {name: name for name in _DEAL_FIELDS.split()},
        "lead": {name: name for name in _LEAD_FIELDS.split()} | {"name": "person_name"},
        "contact": {"name": "name || person_name", "email": "email", "phone": "phone"},
        "account": {name: name for name in ["name", "region", "market", "segment", "tier", "parent_id", "created_at"]},
        "user": {name: name for name in ["name", "email", "team_path", "manager_id"]} | {"is_active": "active"},
        "product": {name: name for name in ["code", "name", "line", "list_price", "cost", "currency"]},
    },
    categories=OURS,
    lead_statuses=STATUSES,
    probability_scale=1,
)
