"""What of the prices' database is equal in two systems that got the same deliveries."""

from libs.common.organisation import FINGERPRINT as ORGANISATION
from libs.common.statehash import Hashed

FINGERPRINT = (
    *ORGANISATION,
    Hashed(
        "product",
        "state",
        ("product_id",),
        ("connection", "code", "name", "line", "list_price", "cost", "currency", "is_active", "valid_from"),
    ),
    Hashed(
        "quote", "state", ("quote_id",), ("deal_id", "status", "currency", "list_amount", "net_amount", "valid_from")
    ),
    Hashed(
        "quote_line",
        "state",
        ("quote_id", "position"),
        ("product_id", "quantity", "list_price", "unit_price", "discount", "net_amount"),
    ),
    Hashed(
        "deal_reference", "state", ("deal_id",), ("state", "owner_id", "absorbed_into", "removed", "market", "segment")
    ),
    Hashed(
        "product_version",
        "history",
        ("product_id", "valid_from", "sequence", "digest"),
        ("connection", "code", "name", "line", "list_price", "cost", "currency", "is_active"),
    ),
    Hashed("quote_version", "history", ("quote_id", "version"), ("status", "valid_from", "actor")),
)
