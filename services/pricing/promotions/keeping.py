"""What the clock does: promotions begin on their first day and are over after their last."""

from libs.common.db import Database
from libs.common.web.auth import Principal
from services.pricing.config import business_day
from services.pricing.promotions import repository, service


async def keep(database: Database, *, principal: Principal) -> int:
    """How many promotions moved. For the scheduler, at any time."""
    async with database.reading() as session:
        today = business_day(session)
        due = await repository.due(session, today=today)
    moved = 0
    for promotion_id in due:
        async with database.transaction() as session:
            moved += await service.turn(session, promotion_id, today=today, principal=principal)
    return moved
