"""What of the gateway's database is equal in two systems that got the same deliveries."""

from libs.common.statehash import Hashed

FINGERPRINT = (
    Hashed("connection", "state", ("key",), ("provider", "name", "state", "mapping")),
    Hashed(
        "source_record",
        "state",
        ("connection", "object_type", "external_id"),
        ("entity_id", "crm_time", "deleted", "merged_into", "canonical"),
    ),
    Hashed("person", "state", ("connection", "kind", "external_id"), ("name", "email", "phone")),
    Hashed("delivery_claim", "history", ("connection", "dedupe_key")),
)
