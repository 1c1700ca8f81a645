"""What a preset holds, and what all of them share."""

from collections.abc import Mapping as MappingType
from dataclasses import dataclass, field
from decimal import Decimal

from gateway.mapping.schemas import Kind, LeadStatus, StageMapping
from libs.common.events.crm import Category


@dataclass(frozen=True)
class Preset:
    """The provider's defaults; `lead_when` decides whether a contact is a lead (None: contacts never are)."""

    fields: MappingType[Kind, MappingType[str, str]]
    stages: MappingType[str, StageMapping] = field(default_factory=dict)
    categories: MappingType[str, Category] = field(default_factory=dict)
    lead_statuses: MappingType[str, LeadStatus] = field(default_factory=dict)
    probability_scale: int = 100
    lead_when: str | None = None
    actors_are_users: bool = True
    """Whether who changed a record is named by the same key as its owner."""


def stages(*rows: tuple[str, str, str, str | None]) -> dict[str, StageMapping]:
    return {
        key: StageMapping.model_validate(
            {"stage": key, "state": state, "probability": Decimal(p), "category": category}
        )
        for key, state, p, category in rows
    }


OURS: dict[str, Category] = {
    "pipeline": "pipeline",
    "best_case": "best_case",
    "most_likely": "most_likely",
    "commit": "commit",
    "omitted": "omitted",
}
STATUSES: dict[str, LeadStatus] = {
    "new": "new",
    "working": "working",
    "qualified": "qualified",
    "disqualified": "disqualified",
    "converted": "converted",
}
