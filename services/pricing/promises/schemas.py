"""Promised parts as they come in and go out by HTTP."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator

from libs.common.web.schemas import In, Out, Written
from services.pricing.promises.models import Followed
from services.pricing.promises.standing import Answer, Record

State = Literal["kept", "not_kept", "not_known"]


class AnswerIn(In):
    """Whether the customer kept their part, or that the day on which it is asked was moved. Words about the case; no person data."""

    answer: Answer
    due: date | None = None
    note: Annotated[str, Field(max_length=1000)] = ""

    @model_validator(mode="after")
    def _moved_says_when(self) -> Self:
        if (self.answer == "moved") != (self.due is not None):
            raise ValueError("due: belongs to moved, and moved needs it")
        return self


class PartOut(Out):
    """What a customer promised by accepting a quote, and how it stands. `not_known`: nobody said yet; `due` is the day it is asked for."""

    part_id: UUID
    quote_id: UUID
    revision: int
    deal_id: UUID
    deal: str
    given: str
    given_note: str
    got: str
    got_note: str
    value: Written | None
    currency: str
    agreed_at: datetime
    due: date
    moves: int
    state: State
    is_overdue: bool
    answered_by: str | None
    note: str

    @classmethod
    def of(cls, row: Followed) -> Self:
        own = {name: getattr(row.part, name) for name in cls.model_fields if hasattr(row.part, name)}
        now = row.standing
        told = {"due": now.due, "moves": now.moves, "state": now.state, "is_overdue": now.is_overdue}
        return cls.model_validate(
            own | told | {"deal_id": row.deal_id, "deal": row.deal, "answered_by": row.author, "note": row.note}
        )


class RecordOut(Out):
    """Of `known` parts of a kind, of the whole company, `kept` were kept; `low` to `high` holds the share with 90 %, null without any."""

    got: str
    kept: int
    known: int
    not_known: int
    low: Decimal | None
    high: Decimal | None

    @classmethod
    def of(cls, got: str, row: Record) -> Self:
        low, high = (None if each is None else Decimal(f"{each:.4f}") for each in (row.low, row.high))
        return cls(got=got, kept=row.kept, known=row.known, not_known=row.not_known, low=low, high=high)


class PartsOut(Out):
    """What is overdue first, then what is not known yet, by its day, then what was answered; `record` is of the whole company."""

    items: list[PartOut]
    record: list[RecordOut]
