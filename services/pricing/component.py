"""What the pricing service is."""

from libs.common.messaging.topics import CRM_CHANGES, DEAL_EVENTS, PRICING_EVENTS
from libs.common.runtime import Component, Job, Runtime
from libs.common.web.auth import Principal
from services.pricing import gauges
from services.pricing.catalogue.endpoints import router as catalogue
from services.pricing.config import Settings
from services.pricing.consumers import HANDLERS
from services.pricing.fingerprint import FINGERPRINT
from services.pricing.guidance import publishing
from services.pricing.guidance.endpoints import router as guidance
from services.pricing.quotes.endpoints import router as quotes


async def publish_quarterly(runtime: Runtime) -> None:
    """Publish this quarter's bands once, as soon as something was won."""
    await publishing.publish_quarterly(runtime.database, principal=Principal.system("pricing"))


COMPONENT = Component(
    name="pricing",
    package="services.pricing",
    fingerprint=FINGERPRINT,
    settings=Settings,
    publishes=PRICING_EVENTS,
    consumes=(DEAL_EVENTS, CRM_CHANGES),
    handlers=HANDLERS,
    routers=(catalogue, guidance, quotes),
    jobs=(
        Job("publish price guidance", every_s=30, run=publish_quarterly),
        Job("count quotes", every_s=60, run=gauges.measure),
    ),
)
