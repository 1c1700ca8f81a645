"""The four questions at set-up, by HTTP: what was answered, what history says, and whether anything is still to be answered."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Final

import numpy as np
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.web.auth import Principal
from libs.common.web.errors import Conflict
from libs.common.web.schemas import In, Out
from services.forecast.calls.service import exact
from services.forecast.config import settings_of
from services.forecast.outlook import service as outlook
from services.forecast.outlook import shown
from services.forecast.projection.settings import DEFAULT
from services.forecast.projection.steps import LOST, WON, Steps
from services.forecast.readings.asked import Question
from services.forecast.setup import service as setup
from services.forecast.setup.answered import in_force

ENOUGH: Final = 30
"""Closed deals from which on history answers."""
_DAYS_A_MONTH: Final = 365.25 / 12


class AnswersIn(In):
    """`win_rate` is a share, `cycle_days` the median from creation to close, `won_amount` what a won deal brings on average."""

    win_rate: Annotated[Decimal, Field(gt=0, le=1, max_digits=10, allow_inf_nan=False)]
    cycle_days: Annotated[Decimal, Field(ge=1, le=3650, max_digits=10, allow_inf_nan=False)]
    deals_a_month: Annotated[Decimal, Field(gt=0, le=1_000_000, max_digits=12, allow_inf_nan=False)]
    won_amount: Annotated[Decimal, Field(gt=0, max_digits=20, allow_inf_nan=False)]


class AnswersOut(Out):
    """Each null where nothing tells."""

    win_rate: Decimal | None
    cycle_days: Decimal | None
    deals_a_month: Decimal | None
    won_amount: Decimal | None


class SetupOut(Out):
    """`is_asked` while fewer than `enough` deals are closed. `answers` hold since `given_at`; `history` is what it says so far,
    `assumed` what the engine takes where nobody answered.
    """

    as_of: datetime
    currency: str
    closed: int
    enough: int
    is_asked: bool
    answers: AnswersOut | None
    given_by: str | None
    given_at: datetime | None
    history: AnswersOut
    assumed: AnswersOut


class HistoryAnswers(Conflict):
    """Enough deals are closed: what they say is better than an answer."""


async def read(session: AsyncSession, *, principal: Principal) -> SetupOut:
    """What the company answered, and what its history says."""
    found = await outlook.ground(session, Question(), principal=principal)
    currency = settings_of(session).base_currency
    answered = await setup.answered(session, known_at=clock.now())
    answer = in_force(answered, clock.now())
    closed, history = _history(found.learnt.steps, found.learnt.model.today, currency)
    return SetupOut(
        as_of=found.asked.as_of,
        currency=currency,
        closed=closed,
        enough=ENOUGH,
        is_asked=closed < ENOUGH,
        answers=AnswersOut.model_validate(answer) if answer else None,
        given_by=answer.given_by if answer else None,
        given_at=answer.given_at if answer else None,
        history=history,
        assumed=AnswersOut(
            win_rate=_rounded(DEFAULT.win_rate),
            cycle_days=_rounded(DEFAULT.cycle),
            deals_a_month=_rounded(DEFAULT.deals_a_month),
            won_amount=None,
        ),
    )


async def give(
    session: AsyncSession, wanted: AnswersIn, *, idempotency_key: str | None, principal: Principal
) -> SetupOut:
    """Answer the four questions, anew or for the first time; earlier answers hold for what was asked before.

    Raises MissingRole, HistoryAnswers, AmountNotExact, IdempotencyKeyReused.
    """
    request, is_taken = await setup.received(session, wanted.model_dump_json(), idempotency_key, principal=principal)
    if not is_taken:
        currency = settings_of(session).base_currency
        said = wanted.model_dump() | {
            "won_amount": exact("won_amount", wanted.won_amount, currency),
            "currency": currency,
        }
        now = await read(session, principal=principal)
        if not now.is_asked:
            raise HistoryAnswers(
                f"{now.closed} deals are closed; from {ENOUGH} on their history answers these questions."
            )
        await setup.give(session, said, request, principal=principal)
    return await read(session, principal=principal)


def _history(steps: Steps, today: int, currency: str) -> tuple[int, AnswersOut]:
    """How many deals are closed, and the answers as far as deals known so far give them; of the last year where it is a rate."""
    if not len(steps):
        return 0, AnswersOut(win_rate=None, cycle_days=None, deals_a_month=None, won_amount=None)
    first = np.ones(len(steps), dtype=bool)
    first[1:] = steps.deal[1:] != steps.deal[:-1]
    last = np.append(first[1:], True)
    born, ended, state = steps.at[first], steps.at[last], steps.state[last]
    won, lost = state == WON, state == LOST
    closed = int(won.sum() + lost.sum())
    amounts = steps.amount[last][won]
    known = amounts[~np.isnan(amounts)]
    months = min(max(today - float(born.min()), 1.0), 365.25) / _DAYS_A_MONTH
    return closed, AnswersOut(
        win_rate=_rounded(float(won.sum() / closed)) if closed else None,
        cycle_days=_rounded(float(np.median((ended - born)[won | lost]))) if closed else None,
        deals_a_month=_rounded(float((born >= today - 365.25).sum() / months)),
        won_amount=shown.amount(float(known.mean()), currency) if len(known) else None,
    )


def _rounded(number: float) -> Decimal:
    return Decimal(repr(round(number, 4)))
