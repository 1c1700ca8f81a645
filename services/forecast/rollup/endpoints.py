"""What moves the whole roll-up, by HTTP: exchange rates, which value every deal anew, and trying what versions would move."""

from fastapi import APIRouter, Request
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.web.api import Reading, Transaction, runtime_of
from libs.common.web.auth import CurrentPrincipal
from services.forecast.config import settings_of
from services.forecast.rates import repository as rates
from services.forecast.rates.schemas import RateSetOut, RatesIn, RatesOut
from services.forecast.rollup import repository, service
from services.forecast.rollup.rehearsal import rehearse
from services.forecast.rollup.schemas import RehearsalIn, RehearsalOut

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


@router.post("/rehearsal", tags=["rehearsal"])
async def rehearse_entries(body: RehearsalIn, request: Request, principal: CurrentPrincipal) -> RehearsalOut:
    """What these entries of deals' timelines would move in the forecast; nothing is kept or told."""
    return await rehearse(runtime_of(request).database, body.entries, principal=principal)


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
