"""What promotions are expected to bring, by HTTP."""

from fastapi import APIRouter

from libs.common.web.api import Reading
from libs.common.web.auth import CurrentPrincipal
from services.forecast.promotions import service
from services.forecast.promotions.schemas import PromotionsReading
from services.forecast.readings.endpoints import Asked

router = APIRouter(prefix="/forecast", tags=["promotions"])


@router.get("/promotions")
async def read_promotions(session: Reading, principal: CurrentPrincipal, question: Asked) -> PromotionsReading:
    """Extra revenue that promotions are stated to bring in a period: a line of its own, in no other number."""
    return await service.read(session, question, principal=principal)
