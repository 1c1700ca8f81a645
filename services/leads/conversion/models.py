"""Rows of the registry of models."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

Method = Literal["model", "rules"]


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A fit as registered. `method`: what scores leads since; `why` says it in words. `figures` is None where nothing could be judged.

    `figures` and each entry of `segments` hold the fields of `Figures`; `leaks` columns left out with kind and reason.
    """

    model_id: UUID
    fitted_at: datetime
    method: Method
    why: str
    horizon_days: int
    leads: int
    conversions: int
    ridge: float | None
    figures: dict[str, Any] | None
    segments: list[dict[str, Any]]
    leaks: list[dict[str, str]]
    parameters: dict[str, Any]
