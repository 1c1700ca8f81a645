"""The rules of scorecards: what a month's says, who may sign it, and how it is proven that nobody changed one since."""

from datetime import date
from decimal import Decimal
from typing import Any, Final
from uuid import uuid5

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.calendar import Period
from libs.common.events.forecast import ScorecardSigned
from libs.common.ids import NAMESPACE, ROOT_UNIT
from libs.common.messaging import outbox
from libs.common.organisation import sees_everything
from libs.common.web.auth import MissingRole, Principal, require_person
from libs.common.web.errors import Conflict, Forbidden, Invalid, NotFound, PreconditionFailed
from services.forecast.config import settings_of
from services.forecast.periods import service as periods
from services.forecast.periods.states import Standing
from services.forecast.readings.canonical import canonical
from services.forecast.scorecard import drafting, repository
from services.forecast.scorecard.drafting import Draft
from services.forecast.scorecard.schemas import (
    BreakOut,
    CardOut,
    DraftOut,
    MonthOut,
    MonthsOut,
    NoteOut,
    SignatureOut,
    SignIn,
    VerifiedOut,
    VersionOut,
)
from services.forecast.scorecard.sealing import Sealed, broken, chained

SIGNER: Final = "cso"


class OnlyForTheCompany(Forbidden):
    """A scorecard is of the whole company; the principal's scope is a part of it."""


class NotAMonth(Invalid):
    """Scorecards are of months."""


class MonthNotOver(Conflict):
    """The month's last day is still to come."""


class NoSuchCard(NotFound):
    """The month was not signed, or not in that version."""


class NotToBeSigned(Conflict):
    """Something is missing before the month can be signed."""


class SignWhatWasRead(Invalid):
    """A signature without the digest of what was read."""


class NotWhatWasRead(PreconditionFailed):
    """The scorecard is another one than the one that was read."""


def whole_company(principal: Principal) -> None:
    """Raise OnlyForTheCompany unless the principal sees everything."""
    if not sees_everything(principal):
        raise OnlyForTheCompany("Scorecards are of the whole company, and your scope is a part of it.")


async def listing(session: AsyncSession, *, principal: Principal) -> MonthsOut:
    """The months of this fiscal year and the last that are over, newest first, each with what was signed."""
    whole_company(principal)
    found = await repository.listed(session, principal=principal)
    today = periods.today_of(settings_of(session))
    months = [
        (state, [_version(row) for row in found if row["period_key"] == state.period.key])
        for state, _ in await periods.listing(session, None, principal=principal)
        if state.period.kind == "month" and state.period.end <= today
    ]
    items = [
        MonthOut(
            period=state.period.key,
            label=state.period.label,
            start=state.period.start,
            last_day=state.period.last_day,
            state=state.state,
            due=state.due,
            versions=versions,
        )
        for state, versions in sorted(months, key=lambda each: each[0].period.start, reverse=True)
    ]
    return MonthsOut(items=items)


async def draft(session: AsyncSession, key: str, *, principal: Principal) -> DraftOut:
    """A month as it would be signed now. Raises NotAMonth, MonthNotOver, OnlyForTheCompany and what readings raise."""
    whole_company(principal)
    made = await _drafted(session, key, principal=principal)
    return DraftOut(
        format=made.contents["format"],
        digest=made.digest,
        can_be_signed=made.why_not is None,
        why_not=made.why_not,
        contents=made.contents,
    )


async def sign(
    session: AsyncSession, key: str, wanted: SignIn, *, if_match: str | None, principal: Principal
) -> CardOut:
    """Freeze a month as it was read, in one's own name, at the end of the chain. The same again changes nothing.

    Raises MissingRole (nobody but a CSO, not even an administrator), NotAPerson, SignWhatWasRead, NotWhatWasRead, NotToBeSigned, and what
    `draft` raises.
    """
    whole_company(principal)
    if SIGNER not in principal.roles:
        raise MissingRole(f"Scorecards are signed by the role {SIGNER}; you have {', '.join(sorted(principal.roles))}.")
    require_person(principal, "Scorecards are signed")
    read_digest = (if_match or "").strip().removeprefix("W/").strip('"')
    if not read_digest or read_digest == "*":
        raise SignWhatWasRead("If-Match: name the digest of the draft that you read, as its ETag gave it.")
    await repository.hold_alone(session)
    before = await repository.signed(session, period=_month(session, key).key, principal=principal)
    if before and before[0]["contents_digest"] == read_digest and before[0]["signed_by"] == principal.subject:
        return await _card(session, before[0])
    made = await _drafted(session, key, principal=principal)
    if made.digest != read_digest:
        raise NotWhatWasRead(
            f"The scorecard of {made.month.label} is not the one that you read; read it again, then sign."
        )
    if made.why_not is not None:
        raise NotToBeSigned(made.why_not)
    if before and before[0]["contents_digest"] == made.digest:
        raise NotToBeSigned(f"{made.month.label} was signed as it stands by {before[0]['signed_by']}.")
    row = await _append(session, made, wanted, version=len(before) + 1, principal=principal)
    return await _card(session, row)


async def read(session: AsyncSession, key: str, version: int | None, *, principal: Principal) -> CardOut:
    """A signed month, the newest version without one. Raises NoSuchCard, OnlyForTheCompany."""
    return await _card(session, await signed(session, key, version, principal=principal))


async def document(session: AsyncSession, key: str, version: int | None, *, principal: Principal) -> str:
    """The exact text that was signed: with the digest before it, it has the digest of its signature. Raises as `read`."""
    return str((await signed(session, key, version, principal=principal))["document"])


async def verify(session: AsyncSession, *, principal: Principal) -> VerifiedOut:
    """Walk the whole chain. Raises OnlyForTheCompany."""
    whole_company(principal)
    rows = await repository.chain(session)
    found = broken(_sealed(row) for row in rows)
    return VerifiedOut(
        documents=len(rows),
        is_whole=found is None,
        head=rows[-1]["digest"] if rows else None,
        broken=None
        if found is None
        else BreakOut(position=found.position, period=found.period, version=found.version, why=found.why),
    )


def _month(session: AsyncSession, key: str) -> Period:
    period = periods.parse(settings_of(session), key)
    if period.kind != "month":
        raise NotAMonth(f"period: {key} is a {period.kind}; scorecards are of months, such as 2026-10.")
    return period


async def _drafted(session: AsyncSession, key: str, *, principal: Principal) -> Draft:
    month = _month(session, key)
    today: date = periods.today_of(settings_of(session))
    if today < month.end:
        raise MonthNotOver(f"{month.label} lasts until {month.last_day}; its scorecard is made after that day.")
    return await drafting.drafted(
        session, month, await _standing(session, month, principal=principal), principal=principal
    )


async def _standing(session: AsyncSession, month: Period, *, principal: Principal) -> Standing:
    year = settings_of(session).calendar.year(month.start)
    states = await periods.listing(session, year.key, principal=principal)
    return next(state for state, _ in states if state.period.key == month.key)


async def _append(
    session: AsyncSession, made: Draft, wanted: SignIn, *, version: int, principal: Principal
) -> dict[str, Any]:
    position, previous = await repository.head(session)
    at = await outbox.stamp(session)
    tied = made.contents["tie_out"]
    signature = {
        "position": position + 1,
        "unit_id": str(ROOT_UNIT),
        "period": made.month.key,
        "version": version,
        "contents_digest": made.digest,
        "previous_digest": previous,
        "signed_by": principal.subject,
        "signed_at": at.isoformat(),
        "comment": wanted.comment,
        "unmatched": tied["unmatched"],
    }
    text = canonical({"contents": made.contents, "signature": signature})
    row = {
        "position": position + 1,
        "unit_id": ROOT_UNIT,
        "period_key": made.month.key,
        "period_start": made.month.start,
        "period_end": made.month.end,
        "version": version,
        "contents_digest": made.digest,
        "document": text,
        "previous_digest": previous,
        "digest": chained(previous, text),
        "signed_by": principal.subject,
        "signed_at": at,
    }
    await repository.append(session, row)
    event = ScorecardSigned(
        position=position + 1,
        unit_id=ROOT_UNIT,
        period=made.month.key,
        start=made.month.start,
        last_day=made.month.last_day,
        version=version,
        digest=str(row["digest"]),
        previous_digest=previous,
        closed=Decimal(made.contents["bookings"][0]["closed"]),
        unmatched=None if tied["unmatched"] is None else Decimal(tied["unmatched"]),
        currency=made.contents["currency"],
        signed_by=principal.subject,
        signed_at=at,
    )
    outbox.add(
        session,
        event,
        key=uuid5(NAMESPACE, f"scorecard:{made.month.key}"),
        version=version,
        occurred_at=at,
        subject=made.month.key,
        actor=principal.subject,
    )
    return row


async def signed(session: AsyncSession, key: str, version: int | None, *, principal: Principal) -> dict[str, Any]:
    """The stored row of a signed version, the newest without one. Raises NoSuchCard, OnlyForTheCompany."""
    whole_company(principal)
    month = _month(session, key)
    rows = await repository.signed(session, period=month.key, version=version, principal=principal)
    if not rows:
        what = "has not been signed" if version is None else f"has no version {version}"
        raise NoSuchCard(f"The scorecard of {month.label} {what}.")
    return rows[0]


async def _card(session: AsyncSession, row: dict[str, Any]) -> CardOut:
    said = orjson.loads(row["document"])
    signature = {name: value for name, value in said["signature"].items() if name in SignatureOut.model_fields}
    return CardOut(
        format=said["contents"]["format"],
        signature=SignatureOut.model_validate(signature | {"digest": row["digest"]}),
        contents=said["contents"],
        notes=[note_out(each) for each in await repository.notes(session, row["position"])],
    )


def _version(row: dict[str, Any]) -> VersionOut:
    return VersionOut.model_validate({name: row[name] for name in VersionOut.model_fields})


def note_out(row: dict[str, Any]) -> NoteOut:
    return NoteOut.model_validate({name: row[name] for name in NoteOut.model_fields})


def _sealed(row: dict[str, Any]) -> Sealed:
    columns = {
        "position": row["position"],
        "unit_id": str(row["unit_id"]),
        "period": row["period_key"],
        "version": row["version"],
        "contents_digest": row["contents_digest"],
        "previous_digest": row["previous_digest"],
        "signed_by": row["signed_by"],
        "signed_at": row["signed_at"].isoformat(),
    }
    return Sealed(row["position"], row["document"], row["previous_digest"], row["digest"], columns)
