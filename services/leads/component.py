"""What the leads service is."""

from libs.common import clock
from libs.common.messaging.topics import CRM_CHANGES, DEAL_EVENTS, LEAD_EVENTS
from libs.common.runtime import Component, Job, Runtime
from libs.common.web.auth import Principal
from services.leads import gauges
from services.leads.acceptance.endpoints import router as acceptance
from services.leads.assignment import service as assignment
from services.leads.assignment.endpoints import router as assignment_router
from services.leads.campaigns import publishing
from services.leads.campaigns.endpoints import router as campaigns
from services.leads.campaigns.republishing import SOURCES
from services.leads.capacity.endpoints import router as capacity
from services.leads.capture.endpoints import router as capture
from services.leads.config import Settings
from services.leads.consumers import HANDLERS
from services.leads.conversion import service as conversion
from services.leads.conversion.endpoints import router as conversion_router
from services.leads.duplicates import service as duplicates
from services.leads.duplicates.endpoints import router as duplicates_router
from services.leads.evidence.endpoints import router as evidence
from services.leads.fingerprint import FINGERPRINT
from services.leads.qualification.endpoints import router as qualification
from services.leads.register.endpoints import router as register
from services.leads.responses import service as responses
from services.leads.responses.endpoints import router as responses_router
from services.leads.routing.endpoints import router as routing


async def _compare(runtime: Runtime) -> None:
    """Compare what changed, in transactions of their own so that locks are held shortly."""
    compared = 1
    while compared:
        async with runtime.database.transaction() as session:
            compared = await duplicates.compare_next(session, principal=Principal.system("leads"))


async def learn_nightly(runtime: Runtime) -> None:
    """Learn once per local day how likely leads convert, and score those that wait."""
    await conversion.learn_nightly(runtime.database, principal=Principal.system("leads"))


async def score_changed(runtime: Runtime) -> None:
    """Score leads that came or changed since."""
    await conversion.score_waiting(runtime.database, only_changed=True, principal=Principal.system("leads"))


async def route(runtime: Runtime) -> None:
    """Give away what waits and fits, in transactions of their own."""
    routed = 1
    while routed:
        async with runtime.database.transaction() as session:
            routed = await assignment.route_next(session, principal=Principal.system("leads"))


async def keep_clocks(runtime: Runtime) -> None:
    """Make response clocks and tell of the marks that were passed."""
    await responses.keep_clocks(runtime.database, principal=Principal.system("leads"))


CAMPAIGNS_SHARE = 20
"""A counting of campaigns is followed by a rest so many times as long."""


async def tell_campaigns(runtime: Runtime) -> None:
    """Tell how campaigns stand where that has changed, in a twentieth of the time at most: counting reads every lead of two years."""
    began = clock.monotonic()
    if began < runtime.state.get("campaigns_rest_until", began):
        return
    seen = runtime.state.get("campaigns_told")
    runtime.state["campaigns_told"] = await publishing.tell_changed(
        runtime.database, seen, principal=Principal.system("leads")
    )
    runtime.state["campaigns_rest_until"] = began + CAMPAIGNS_SHARE * (clock.monotonic() - began)


COMPONENT = Component(
    name="leads",
    package="services.leads",
    fingerprint=FINGERPRINT,
    settings=Settings,
    publishes=LEAD_EVENTS,
    consumes=(CRM_CHANGES, DEAL_EVENTS),
    handlers=HANDLERS,
    routers=(
        register,  # first: of all routes the one that is asked most often
        duplicates_router,
        evidence,
        acceptance,
        assignment_router,
        campaigns,
        capacity,
        responses_router,
        routing,
        capture,
        qualification,
        conversion_router,
    ),
    jobs=(
        Job("compare leads", every_s=1.0, run=_compare),
        Job("route leads", every_s=1.0, run=route),
        Job("keep response clocks", every_s=2.0, run=keep_clocks),
        Job("learn how likely leads convert", every_s=300, run=learn_nightly),
        Job("score new and changed leads", every_s=30, run=score_changed),
        Job("tell how campaigns stand", every_s=15, run=tell_campaigns),
        Job("count leads", every_s=60, run=gauges.measure),
    ),
    republishes=SOURCES,
)
