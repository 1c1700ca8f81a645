"""Exchange rates: which hold, and what a change of them means for everything already valued."""

import dataclasses
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.calendar import FiscalCalendar
from libs.common.messaging import outbox
from libs.common.money import UnknownCurrency, exponent
from libs.common.web.auth import Principal, require
from libs.common.web.errors import Conflict, Invalid
from services.forecast.config import settings_of
from services.forecast.rates import repository
from services.forecast.rates.conversion import MissingBaseRate, Rates, assemble, held_by_day

_held: dict[tuple[str, FiscalCalendar, str], Rates] = {}
"""The last rates that deals were valued with, by base currency, fiscal calendar and version."""


class UnusableRates(Invalid):
    """A rate set that cannot be used."""


class NoBaseRate(Conflict):
    """The deployment's base currency has no rate, so nothing can be valued in it."""


async def load(session: AsyncSession, *, known_at: datetime | None = None, base: str | None = None) -> Rates:
    """The rates into `base` (the base currency), as they are or as they were known at `known_at`. Raises NoBaseRate."""
    configured = settings_of(session)
    sets = await repository.known(session, known_at)
    try:
        return assemble(base or configured.base_currency, sets, configured.calendar)
    except MissingBaseRate as error:
        raise NoBaseRate(f"{error}.") from None


async def at_booking(session: AsyncSession, constant: Rates, *, known_at: datetime | None = None) -> Rates:
    """The same rates, with those of the booking days of won deals, as they are or as they were known at `known_at`."""
    configured = settings_of(session)
    entries = await repository.entries(session, known_at)
    held = held_by_day(constant.base, entries, configured.calendar, configured.org_timezone)
    return dataclasses.replace(constant, at_booking=held)


async def version_at(session: AsyncSession, known_at: datetime) -> str:
    """What names the rates that were known at an instant; a later change has another name."""
    return await repository.version_at(session, known_at)


async def hold(session: AsyncSession) -> None:
    """Keep the rates from changing until this transaction ends: what is valued with them stays consistent."""
    await repository.hold(session)


async def held(session: AsyncSession, version: str) -> Rates:
    """The rates that this transaction holds, whose version it read after `hold`; read again only when that is a new one."""
    configured = settings_of(session)
    key = (configured.base_currency, configured.calendar, version)
    if key not in _held:
        rates = await load(session)
        _held.clear()
        _held[key] = rates
    return _held[key]


async def replace(
    session: AsyncSession, *, fiscal_year: int | None, rates: Mapping[str, Decimal], principal: Principal
) -> Rates:
    """Make `rates` the whole of a set; returns the rates that hold now. The caller revalues the deals.

    Raises UnusableRates for an unknown currency or a default set without the base currency.
    """
    require(principal, "sales_ops", "finance", "cso")
    configured = settings_of(session)
    for currency in rates:
        try:
            exponent(currency)
        except UnknownCurrency as error:
            raise UnusableRates(f"rates.{currency}: {error}.") from None
    if fiscal_year is None and configured.base_currency not in rates:
        raise UnusableRates(f"rates: {configured.base_currency}, the base currency, is missing; add its rate.")
    await repository.hold_alone(session)
    before = (await repository.known(session)).get(fiscal_year, {})
    changed: dict[str, Decimal | None] = {
        currency: rates.get(currency)
        for currency in sorted({*before, *rates})
        if before.get(currency) != rates.get(currency)
    }
    if changed:
        await repository.store(
            session,
            changed,
            fiscal_year=fiscal_year,
            recorded_at=await outbox.stamp(session),
            recorded_by=principal.subject,
        )
    return await load(session)
