"""What of the forecast's database is equal in two systems that got the same deliveries."""

from libs.common.organisation import FINGERPRINT as ORGANISATION
from libs.common.statehash import Hashed

_DEAL = (
    "connection", "external_id", "name", "state", "pipeline", "stage", "stage_entered_at", "stage_probability", "category", "gate",
    "amount", "currency", "close_date", "closed_on", "created_at", "owner_id", "account_id", "lead_id", "region", "market",
    "segment", "product", "source", "deal_type", "value_basis", "term_months", "loss_reason", "pushes", "provisional",
    "absorbed_into", "removed", "line",
)  # fmt: skip
_CELLS = """
    SELECT dim, month, line, dim_value, owner_id, deal_type, value_basis, sum(deal_count) AS deals, sum(amount) AS amount,
           sum(weighted) AS weighted, sum(unpriced) AS unpriced
    FROM rollup_cell GROUP BY dim, month, line, dim_value, owner_id, deal_type, value_basis HAVING sum(deal_count) <> 0
"""

FINGERPRINT = (
    *ORGANISATION,
    Hashed("deal_current", "state", ("deal_id",), ("valid_from", *_DEAL, "month", "amount_base", "weighted_base")),
    Hashed("rollup_cell", "state", (), query=_CELLS),
    Hashed("deal_credit", "state", ("deal_id", "person_id"), ("share", "amount_base", "weighted_base")),
    Hashed("split_version", "history", ("deal_id",), ("revenue", "overlay"), newest=True),
    Hashed("rate", "state", ("set_name", "currency", "version"), ("rate",)),
    Hashed("seat", "state", ("subject",), ("person_id",)),
    Hashed("deal_version", "history", ("deal_id", "valid_from"), _DEAL, newest=True),
    Hashed(
        "quote_weighed",
        "history",
        ("quote_id", "revision"),
        ("deal_id", "currency", "net_amount", "list_amount", "pocket_amount", "cost_amount", "below_floor"),
    ),
    Hashed(
        "placement_version", "history", ("person_id", "valid_from"), ("unit_id", "manager_id", "is_active"), newest=True
    ),
    Hashed(
        "submission",
        "history",
        ("submission_id",),
        (
            "person",
            "node_kind",
            "node_id",
            "period_key",
            "deal_type",
            "value_basis",
            "currency",
            "amount",
            "best",
            "worst",
            "made_at",
        ),
    ),
    Hashed(
        "adjustment_entry",
        "history",
        ("entry_id",),
        ("adjustment_id", "kind", "node_kind", "node_id", "period_key", "currency", "delta", "reason", "made_by", "at"),
    ),
    Hashed(
        "judgement", "history", ("judgement_id",), ("person", "deal_id", "verdict", "amount", "currency", "made_at")
    ),
    Hashed("quota", "history", ("quota_id",), ("node_kind", "node_id", "period_key", "currency", "amount", "made_at")),
    Hashed("forecast_lock", "history", ("due_at",), ("kind", "state", "currency", "rates_version", "periods")),
    Hashed("period_change", "history", ("position",), ("period", "start", "until", "state", "changed_by", "reason")),
)
