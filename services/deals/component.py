"""What the deals service is."""

from libs.common.messaging.topics import CRM_CHANGES, DEAL_EVENTS, LEAD_EVENTS, PRICING_EVENTS
from libs.common.runtime import Component, Job, Runtime
from libs.common.web.auth import Principal
from services.deals.accounts.endpoints import router as accounts
from services.deals.config import Settings
from services.deals.consumers import HANDLERS
from services.deals.ledger.endpoints import router as ledger
from services.deals.organisation.endpoints import router as organisation
from services.deals.organisation.ledger import begin
from services.deals.organisation.service import announce
from services.deals.qualification.endpoints import router as qualification


async def _announce(runtime: Runtime) -> None:
    async with runtime.database.transaction() as session:
        await announce(session, principal=Principal.system("deals"))


async def _begin(runtime: Runtime) -> None:
    async with runtime.database.transaction() as session:
        await begin(session, principal=Principal.system("deals"))


COMPONENT = Component(
    name="deals",
    package="services.deals",
    settings=Settings,
    publishes=DEAL_EVENTS,
    consumes=(CRM_CHANGES, LEAD_EVENTS, PRICING_EVENTS),
    handlers=HANDLERS,
    routers=(ledger, qualification, accounts, organisation),
    jobs=(
        Job("announce units", every_s=3600, run=_announce),
        Job("begin planned statements", every_s=1, run=_begin),
    ),
)
