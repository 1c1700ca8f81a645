"""What stands beside a deal on its page: who is credited, what is sold, who else offers, and the closed deals that are like it."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.pages.names import names_of, speakers
from gateway.proxy.client import ServiceDown, ServiceRefused, services_of
from libs.common.web.auth import Principal

MAY_ACT: Final = frozenset({"seller", "manager", "sales_ops", "cso", "admin"})
STATES: Final = {
    "in_play": ("warn", "In play"),
    "out": ("", "Out"),
    "lost_to": ("bad", "Lost to them"),
    "displaced": ("good", "Displaced"),
    "withdrawn": ("", "Named in error"),
}
SOURCES: Final = {"buyer": "The buyer", "seller": "Our seller", "partner": "A partner", "public": "Public"}
IN_COMMON: Final = {
    "product": "product",
    "segment": "segment",
    "deal_type": "type",
    "stage": "stage",
    "region": "region",
    "team": "team",
}
READ: Final = ("splits", "lines", "competitors", "nearest")


@dataclass(frozen=True)
class Parts:
    """The cards. Each reading is null where the deals service does not answer, or does not know the deal yet."""

    splits: dict[str, Any] | None
    lines: dict[str, Any] | None
    competitors: dict[str, Any] | None
    nearest: dict[str, Any] | None
    names: Mapping[str, str]
    authors: Mapping[str, str]
    staff: Sequence[tuple[str, str]]
    """Whom one may credit: names with ids, those of one name told apart by the beginning of the id."""
    may_act: bool
    states: Mapping[str, tuple[str, str]]
    sources: Mapping[str, str]
    common: Mapping[str, str]

    @property
    def is_known(self) -> bool:
        return self.splits is not None

    def typed_name(self, person_id: str) -> str:
        """As a form names somebody: the name by which they are chosen, else the id."""
        return next((name for name, person in self.staff if person == person_id), person_id)


@dataclass(frozen=True)
class Readings:
    """What the deals service says, before anybody is named."""

    splits: dict[str, Any] | None
    lines: dict[str, Any] | None
    competitors: dict[str, Any] | None
    nearest: dict[str, Any] | None
    people: dict[str, Any] | None


async def readings_of(request: Request, deal_id: UUID, *, principal: Principal) -> Readings:
    """What the cards are made of, asked at once; a service that does not answer leaves the rest of the page as it is."""
    paths = [f"deals/{deal_id}/{name}" for name in READ]
    paths += ["organisation/people"] if principal.roles & MAY_ACT else []
    found = await asyncio.gather(*(_read(request, path, principal=principal) for path in paths))
    splits, lines, competitors, nearest, people = (*found, None)[:5]
    return Readings(splits, lines, competitors, nearest, people)


async def parts_of(session: AsyncSession, found: Readings, *, principal: Principal) -> Parts:
    """The cards, with people named."""
    said = [each for part in (found.splits, found.lines, found.competitors) if part for each in part["said"]]
    people = {UUID(person) for person in _people(found.splits, found.nearest)}
    return Parts(
        found.splits,
        found.lines,
        found.competitors,
        found.nearest,
        names={str(key): name for key, name in (await names_of(session, people, principal=principal)).items()},
        authors=await speakers(session, {each["author"] for each in said}, principal=principal),
        staff=await _staff(session, found.people, principal=principal) if found.splits else [],
        may_act=bool(principal.roles & MAY_ACT),
        states=STATES,
        sources=SOURCES,
        common=IN_COMMON,
    )


async def staff_of(request: Request, session: AsyncSession, *, principal: Principal) -> list[tuple[str, str]]:
    """Active people within scope as they are written into a form, each with the id."""
    return await _staff(session, await _read(request, "organisation/people", principal=principal), principal=principal)


async def _staff(session: AsyncSession, known: dict[str, Any] | None, *, principal: Principal) -> list[tuple[str, str]]:
    ids = [UUID(each["person_id"]) for each in known["people"] if each["is_active"]] if known else []
    names = await names_of(session, ids, principal=principal)
    return written(names)


def written(names: Mapping[UUID, str]) -> list[tuple[str, str]]:
    """Names by which people are chosen: those of one name are told apart by the beginning of the id."""
    told = list(names.values())
    return sorted(
        (name if told.count(name) == 1 else f"{name} ({str(person)[:8]})", str(person))
        for person, name in names.items()
    )


def chosen(typed: str, staff: Sequence[tuple[str, str]]) -> str:
    """The id of whom somebody typed: by the name as it is offered, however it is capitalised, or by the id itself."""
    plain = typed.strip().casefold()
    return next((person for name, person in staff if name.casefold() == plain), typed.strip())


def _people(splits: Mapping[str, Any] | None, nearest: Mapping[str, Any] | None) -> Collection[str]:
    found = {each["owner_id"] for each in nearest["items"]} if nearest else set()
    if splits:
        found |= {each["person_id"] for kind in ("revenue", "overlay") for each in splits[kind]}
        found |= {one["person_id"] for each in splits["said"] for one in each["shares"]}
    return found - {None}


async def _read(request: Request, path: str, *, principal: Principal) -> dict[str, Any] | None:
    try:
        return await services_of(request).get("deals", path, principal=principal)
    except (ServiceDown, ServiceRefused):
        return None
