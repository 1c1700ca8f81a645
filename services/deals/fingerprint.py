"""What of the deals' database is equal in two systems that got the same deliveries."""

from libs.common.organisation import FINGERPRINT as ORGANISATION
from libs.common.statehash import Hashed

FINGERPRINT = (
    *ORGANISATION,
    Hashed(
        "deal",
        "state",
        ("deal_id",),
        (
            "valid_from", "content", "name", "state", "pipeline", "stage", "category", "gate", "amount", "currency", "close_date",
            "closed_on", "owner_id", "account_id", "lead_id", "region", "market", "segment", "product", "provisional",
            "absorbed_into", "removed",
        ),
    ),
    Hashed(
        "account",
        "state",
        ("account_id",),
        ("name", "region", "market", "segment", "tier", "parent_id", "absorbed_into", "removed"),
    ),
    Hashed("lead", "state", ("lead_id",), ("provisional_id", "converted_deal_id", "merged_into")),
    Hashed("deal_version", "history", ("deal_id", "valid_from"), ("content",), newest=True),
    Hashed("account_version", "history", ("account_id", "valid_from"), ("content",), newest=True),
    Hashed("person_version", "history", ("person_id", "valid_from"), ("content",), newest=True),
    Hashed("touchpoint_entry", "history", ("entry_id",), ("touchpoint_id", "stated_at", "at", "kind", "deal_id", "withdrawn")),
    Hashed("commitment_entry", "history", ("entry_id",), ("commitment_id", "deal_id", "kind", "at", "promise", "side", "due")),
    Hashed("org_statement", "history", ("statement_id",), ("kind", "valid_from", "unit_id", "parent_id", "name", "person_id")),
    Hashed("deal_statement", "history", ("entry_id",), ("deal_id", "part", "subject", "said", "at", "author")),
    Hashed("close_plan_entry", "history", ("plan_id", "entry_id"), ("kind", "said_at", "actor", "payload")),
)  # fmt: skip
