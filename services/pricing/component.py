"""What the pricing service is."""

from libs.common.messaging.topics import CRM_CHANGES, DEAL_EVENTS, PRICING_EVENTS
from libs.common.runtime import Component
from services.pricing.catalogue.endpoints import router as catalogue
from services.pricing.config import Settings
from services.pricing.consumers import HANDLERS
from services.pricing.quotes.endpoints import router as quotes

COMPONENT = Component(
    name="pricing",
    package="services.pricing",
    settings=Settings,
    publishes=PRICING_EVENTS,
    consumes=(DEAL_EVENTS, CRM_CHANGES),
    handlers=HANDLERS,
    routers=(catalogue, quotes),
)
