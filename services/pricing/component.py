"""What the pricing service is."""

from libs.common.messaging.topics import CRM_CHANGES, DEAL_EVENTS, PRICING_EVENTS
from libs.common.runtime import Component, Job, Runtime
from libs.common.web.auth import Principal
from services.pricing import gauges
from services.pricing.approvals import keeping
from services.pricing.approvals.endpoints import router as approvals
from services.pricing.books.endpoints import router as books
from services.pricing.catalogue.endpoints import router as catalogue
from services.pricing.config import Settings
from services.pricing.consumers import HANDLERS
from services.pricing.draws.endpoints import router as draws
from services.pricing.fingerprint import FINGERPRINT
from services.pricing.guidance import publishing
from services.pricing.guidance.endpoints import router as guidance
from services.pricing.policies.endpoints import router as policies
from services.pricing.promises.endpoints import router as promises
from services.pricing.promotions import keeping as promoting
from services.pricing.promotions.endpoints import router as promotions
from services.pricing.quotes.endpoints import router as quotes
from services.pricing.realisation.endpoints import router as realisation
from services.pricing.republishing.sources import SOURCES


async def publish_quarterly(runtime: Runtime) -> None:
    """Publish this quarter's bands once, as soon as something was won."""
    await publishing.publish_quarterly(runtime.database, principal=Principal.system("pricing"))


async def keep_approvals(runtime: Runtime) -> None:
    """Let quotes run out, escalate steps, and ask anew under a policy that has begun to hold."""
    await keeping.keep(runtime.database, principal=Principal.system("pricing"))


async def keep_promotions(runtime: Runtime) -> None:
    """Let promotions begin on their first day and end after their last."""
    await promoting.keep(runtime.database, principal=Principal.system("pricing"))


async def weigh_quotes(runtime: Runtime) -> None:
    """Tell what approved and accepted quotes leave of which nothing was told yet."""
    await keeping.weigh(runtime.database, principal=Principal.system("pricing"))


COMPONENT = Component(
    name="pricing",
    package="services.pricing",
    fingerprint=FINGERPRINT,
    settings=Settings,
    publishes=PRICING_EVENTS,
    consumes=(DEAL_EVENTS, CRM_CHANGES),
    handlers=HANDLERS,
    routers=(books, catalogue, policies, guidance, approvals, quotes, promises, promotions, draws, realisation),
    jobs=(
        Job("publish price guidance", every_s=30, run=publish_quarterly),
        Job("tell what quotes leave", every_s=300, run=weigh_quotes),
        Job("keep approvals", every_s=2, run=keep_approvals),
        Job("keep promotions", every_s=2, run=keep_promotions),
        Job("count quotes", every_s=60, run=gauges.measure),
    ),
    republishes=SOURCES,
)
