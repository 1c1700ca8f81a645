"""Models by HTTP: the registry, and how right the newest is."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from libs.common.web.api import Reading
from libs.common.web.auth import CurrentPrincipal
from services.leads.conversion import service
from services.leads.conversion.figures import calibration_told, model_told
from services.leads.conversion.schemas import CalibrationOut, ModelListOut, ModelOut

router = APIRouter(prefix="/lead-models", tags=["conversion"])


@router.get("")
async def list_models(
    session: Reading, principal: CurrentPrincipal, limit: Annotated[int, Query(ge=1, le=400)] = 30
) -> ModelListOut:
    """Every fit with its figures, the newest first."""
    rows = await service.list_models(session, most=limit, principal=principal)
    return ModelListOut(items=[ModelOut.model_validate(model_told(row)) for row in rows])


@router.get("/current")
async def read_current(session: Reading, principal: CurrentPrincipal) -> CalibrationOut:
    """The model that scores leads now: reliability, ECE with its interval, lift against newest-first, by segment."""
    row = await service.read_model(session, None, principal=principal)
    return CalibrationOut.model_validate(calibration_told(row))


@router.get("/{model_id}")
async def read_model(model_id: UUID, session: Reading, principal: CurrentPrincipal) -> CalibrationOut:
    """A model of the registry, as it was judged when it was fitted."""
    row = await service.read_model(session, model_id, principal=principal)
    return CalibrationOut.model_validate(calibration_told(row))
