"""The mapping document of a connection: how one company's CRM speaks of stages, states and fields."""

from decimal import Decimal
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import jmespath
from jmespath.exceptions import JMESPathError
from pydantic import BaseModel, ConfigDict, Field, field_validator

from gateway.mapping.values import AmountUnit
from libs.common import money
from libs.common.events.crm import Category, DealType, State, ValueBasis

LeadStatus = Literal["new", "working", "qualified", "disqualified", "converted"]
Kind = Literal["deal", "lead", "account", "user", "product", "contact"]


def _checked_path(expression: str) -> str:
    try:
        jmespath.compile(expression)
    except JMESPathError as error:
        raise ValueError(f"{expression!r} is not a JMESPath expression: {error}") from None
    return expression


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StageMapping(_Part):
    """What a stage of the CRM means: our name for it, the state it puts a deal in, its probability in [0, 1], its category."""

    stage: str
    state: State = "open"
    probability: Annotated[Decimal, Field(ge=0, le=1)] | None = None
    category: Category | None = None


class Mapping(_Part):
    """Fields are JMESPath expressions over the provider's record; what is not named keeps the provider's preset.

    `stages` is keyed by the CRM's stage id, or by `pipeline/stage` where two pipelines share ids. A record whose stage, lead
    status or category is not listed is parked, never guessed.
    """

    version: int = Field(default=1, ge=1)
    fields: dict[Kind, dict[str, str]] = Field(default_factory=dict)
    stages: dict[str, StageMapping] = Field(default_factory=dict)
    pipelines: dict[str, str] = Field(default_factory=dict)
    categories: dict[str, Category] = Field(default_factory=dict)
    deal_types: dict[str, DealType] = Field(default_factory=dict)
    value_bases: dict[str, ValueBasis] = Field(default_factory=dict)
    lead_statuses: dict[str, LeadStatus] = Field(default_factory=dict)
    lead_when: str | None = None
    currency: str | None = None
    amounts: AmountUnit = Field(
        default="major", description="minor: the CRM sends cents, pence, yen; micro: millionths"
    )
    probability_scale: Literal[1, 100] | None = None
    timezone: str | None = None

    @field_validator("fields")
    @classmethod
    def _paths(cls, value: dict[Kind, dict[str, str]]) -> dict[Kind, dict[str, str]]:
        for names in value.values():
            for expression in names.values():
                _checked_path(expression)
        return value

    @field_validator("lead_when")
    @classmethod
    def _path(cls, value: str | None) -> str | None:
        return value if value is None else _checked_path(value)

    @field_validator("currency")
    @classmethod
    def _known_currency(cls, value: str | None) -> str | None:
        if value is not None:
            money.exponent(value)
        return value

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                ZoneInfo(value)
            except Exception as error:
                raise ValueError(f"{value!r} is not a time zone name such as Europe/Berlin") from error
        return value
