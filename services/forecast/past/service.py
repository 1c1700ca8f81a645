"""The deals as they stood at a pair of instants."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.ids import ROOT_UNIT
from libs.common.web.auth import Principal
from services.forecast.history.columns import Columns, effective
from services.forecast.history.loading import ledger_of
from services.forecast.organisation.tree import Organisation
from services.forecast.past.population import Population
from services.forecast.rates.conversion import Rates


async def population(
    session: AsyncSession,
    *,
    as_of: datetime,
    known_at: datetime,
    rates: Rates,
    organisation: Organisation,
    org: UUID,
    filters: Mapping[str, str],
    principal: Principal,
) -> Population:
    """Every deal that stands in a line at both instants, below `org`, within the principal's scope and with all of `filters`.

    Scope and `org` are units of `organisation`: who leads a team sees what was the team's then. A filter is a column and its
    text; an empty one asks for those without a value.
    """
    columns = await ledger_of(session).up_to_date(session)
    found = Population.of(columns, effective(columns, as_of, known_at), rates)
    return found.where(_matching(columns, found, filters) & _visible(found, organisation, org, principal))


def _matching(columns: Columns, found: Population, filters: Mapping[str, str]) -> np.ndarray:
    wanted = np.ones(len(found), dtype=bool)
    for column, given in filters.items():
        codes = getattr(columns, column)[found.rows]
        accepted = {columns.code(column, given)} if given else {0, columns.code(column, "")}
        wanted &= np.isin(codes, list(accepted))
    return wanted


def _visible(found: Population, organisation: Organisation, org: UUID, principal: Principal) -> np.ndarray:
    everything = ROOT_UNIT in principal.scope
    if everything and org == ROOT_UNIT:
        return np.ones(len(found), dtype=bool)
    below = organisation.below(org)
    units = below if everything else below & organisation.within(principal.scope)
    return found.owned_within(units, organisation)
