"""What of the leads' database is equal in two systems that got the same deliveries."""

from libs.common.organisation import FINGERPRINT as ORGANISATION
from libs.common.statehash import Hashed

FINGERPRINT = (
    *ORGANISATION,
    Hashed(
        "lead",
        "state",
        ("lead_id",),
        (
            "captured",
            "merged_into",
            "connection",
            "external_id",
            "owner_id",
            "verdict",
            "fit",
            "grade",
            "region",
            "deleted",
        ),
    ),
    Hashed("lead_deal", "state", ("deal_id",), ("lead_id", "state", "amount", "currency", "closed_on", "counts")),
    Hashed("lead_apart", "state", ("one", "other"), ("reason",)),
    Hashed("lead_input", "history", ("lead_id", "input_key"), ("kind", "at", "payload", "actor")),
    Hashed("lead_evidence", "history", ("entry_id",), ("lead_id", "at", "payload")),
    Hashed("campaign_cost", "history", ("campaign_id", "day", "currency", "version"), ("amount", "said_by")),
)
