"""Bases of what comes in and goes out by HTTP, and the envelope of every reading."""

from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class In(BaseModel):
    """Input: unknown fields are refused, so that a typing error is not a silent loss."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class Out(BaseModel):
    """Output: every field is always there; unknown is null."""

    model_config = ConfigDict(extra="forbid", frozen=True, from_attributes=True)


class Reading(Out):
    """What every reading says about itself.

    `watermark`: all deliveries that arrived before it are in the numbers; null when a part has not been heard of.
    `completeness`: share of the CRM that ours equals, in [0, 1]; null when it was not measured.
    """

    as_of: datetime
    known_at: datetime
    business_date: date
    org: UUID
    currency: str
    watermark: datetime | None
    completeness: float | None
    metric_version: str
