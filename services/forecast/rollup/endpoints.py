"""Exchange rates by HTTP: here, because a change of rates values every deal of the roll-up anew."""

from fastapi import APIRouter
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.web.api import Reading, Transaction
from libs.common.web.auth import CurrentPrincipal
from services.forecast.config import settings_of
from services.forecast.rates import repository as rates
from services.forecast.rates.schemas import RateSetOut, RatesIn, RatesOut
from services.forecast.rollup import repository, service

router = APIRouter(prefix="/forecast", tags=["rates"])


@router.get("/rates")
async def read_rates(session: Reading, principal: CurrentPrincipal) -> RatesOut:
    """All rate sets, and the currencies of deals that none of them knows."""
    del principal  # rates belong to nobody's scope; the caller only has to be known
    return await _rates(session)


@router.put("/rates")
async def replace_rates(body: RatesIn, session: Transaction, principal: CurrentPrincipal) -> RatesOut:
    """Replace one rate set; every deal is valued anew before this answers."""
    await service.replace_rates(session, fiscal_year=body.fiscal_year, rates=body.rates, principal=principal)
    return await _rates(session)


async def _rates(session: AsyncSession) -> RatesOut:
    sets = await rates.known(session)
    return RatesOut(
        base_currency=settings_of(session).base_currency,
        reference="EUR",
        sets=[
            RateSetOut(fiscal_year=year, rates=dict(sorted(sets[year].items())))
            for year in sorted(sets, key=lambda year: year or 0)
        ],
        unpriced_currencies=await repository.unpriced_currencies(session),
    )
