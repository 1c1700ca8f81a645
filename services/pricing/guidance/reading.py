"""Guidance of many lines at once, each by the publication that held at its instant."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.web.auth import Principal, require
from services.pricing.catalogue.models import ProductRow
from services.pricing.guidance import repository
from services.pricing.guidance.models import Guided, Path, Publication, PublishedBand
from services.pricing.guidance.service import READERS, answer, path_of


@dataclass(frozen=True, slots=True)
class Wanted:
    at: datetime
    product: ProductRow
    market: str | None
    segment: str | None


async def guided(
    session: AsyncSession,
    wanted: Sequence[Wanted],
    *,
    minimum: Callable[[str | None, str | None, str | None], Decimal | None],
    principal: Principal,
) -> list[Guided]:
    """What each line is told. `minimum` is a policy's, by market, segment and family; bands are read once a publication."""
    require(principal, *READERS)
    publications = await repository.publications(session)
    held = [_in_force(publications, each.at) for each in wanted]
    bands: dict[int, dict[Path, PublishedBand]] = {
        row.version: await repository.bands(session, row.version)
        for row in {row.version: row for row in held if row is not None}.values()
    }
    found = []
    for each, row in zip(wanted, held, strict=True):
        levels = row.levels if row else ()
        path = path_of(levels, each.product, market=each.market, segment=each.segment)
        family = each.product.state.line if each.product.state else None
        least = minimum(each.market, each.segment, family)
        found.append(answer(levels, path, bands[row.version] if row else {}, least))
    return found


def _in_force(publications: Sequence[Publication], at: datetime) -> Publication | None:
    """Of publications, newest first."""
    return next((row for row in publications if row.effective_from <= at), None)
