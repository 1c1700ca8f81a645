"""Bases of what comes in and goes out by HTTP."""

from pydantic import BaseModel, ConfigDict


class In(BaseModel):
    """Input: unknown fields are refused, so that a typing error is not a silent loss."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class Out(BaseModel):
    """Output: every field is always there; unknown is null."""

    model_config = ConfigDict(extra="forbid", frozen=True, from_attributes=True)
