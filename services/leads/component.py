"""What the leads service is."""

from libs.common.messaging.topics import CRM_CHANGES, DEAL_EVENTS, LEAD_EVENTS
from libs.common.runtime import Component
from services.leads.capture.endpoints import router as capture
from services.leads.config import Settings
from services.leads.consumers import HANDLERS
from services.leads.qualification.endpoints import router as qualification
from services.leads.register.endpoints import router as register

COMPONENT = Component(
    name="leads",
    package="services.leads",
    settings=Settings,
    publishes=LEAD_EVENTS,
    consumes=(CRM_CHANGES, DEAL_EVENTS),
    handlers=HANDLERS,
    routers=(register, capture, qualification),
)
