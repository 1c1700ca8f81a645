"""The organisation's versions with both clocks, and the organisation at an instant."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.events.base import Received
from libs.common.events.deals import PersonPlaced, UnitChanged
from services.forecast.organisation.tree import Organisation, Unit


async def append_units(session: AsyncSession, events: Sequence[Received[UnitChanged]]) -> None:
    """Append versions of units; one that is there already stays as it was."""
    await session.execute(
        text(
            """
            INSERT INTO unit_version
            VALUES (:unit_id, :version, :valid_from, :recorded_at, :parent_id, :name, :kind, :removed)
            ON CONFLICT DO NOTHING
            """
        ),
        [{**event.data.model_dump(), "recorded_at": event.recorded_at} for event in events],
    )


async def append_placements(session: AsyncSession, events: Sequence[Received[PersonPlaced]]) -> None:
    """Append versions of placements; one that is there already stays as it was."""
    await session.execute(
        text(
            """
            INSERT INTO placement_version
            VALUES (:person_id, :version, :valid_from, :recorded_at, :unit_id, :manager_id, :is_active)
            ON CONFLICT DO NOTHING
            """
        ),
        [{**event.data.model_dump(), "recorded_at": event.recorded_at} for event in events],
    )


async def today(session: AsyncSession) -> Organisation:
    """The organisation as it is."""
    units = await session.execute(text("SELECT unit_id, parent_id, name, kind, removed FROM org_unit"))
    people = await session.execute(text("SELECT person_id, unit_id, is_active FROM org_person"))
    return _organisation(units, people)


async def at(session: AsyncSession, as_of: datetime, known_at: datetime) -> Organisation:
    """The organisation as valid at `as_of` as known at `known_at`.

    Before its first entry a unit or a person stands where that first entry puts it: CRMs rarely tell since when.
    """
    both = {"as_of": as_of, "known_at": known_at}
    units = await session.execute(
        text(
            """
            SELECT DISTINCT ON (unit_id) unit_id, parent_id, name, kind, removed FROM unit_version
            WHERE recorded_at <= :known_at
            ORDER BY unit_id, valid_from <= :as_of DESC,
                     CASE WHEN valid_from <= :as_of THEN valid_from END DESC, valid_from, version DESC
            """
        ),
        both,
    )
    people = await session.execute(
        text(
            """
            SELECT DISTINCT ON (person_id) person_id, unit_id, is_active FROM placement_version
            WHERE recorded_at <= :known_at
            ORDER BY person_id, valid_from <= :as_of DESC,
                     CASE WHEN valid_from <= :as_of THEN valid_from END DESC, valid_from, version DESC
            """
        ),
        both,
    )
    return _organisation(units, people)


def _organisation(units: Iterable[Any], people: Iterable[Any]) -> Organisation:
    placed = list(people)
    return Organisation(
        {row.unit_id: Unit(*row) for row in units},
        {row.person_id: row.unit_id for row in placed},
        frozenset(row.person_id for row in placed if not row.is_active),
    )
