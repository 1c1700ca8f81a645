"""What the deals service is."""

from libs.common.messaging.topics import CRM_CHANGES, DEAL_EVENTS, LEAD_EVENTS, PRICING_EVENTS
from libs.common.runtime import Component, Job, Runtime
from libs.common.web.auth import Principal
from services.deals.accounts.endpoints import router as accounts
from services.deals.brief.endpoints import router as brief
from services.deals.closeplans.endpoints import router as closeplans
from services.deals.closeplans.service import tell_daily
from services.deals.commitments.endpoints import router as commitments
from services.deals.competitors.endpoints import router as competitors
from services.deals.config import Settings
from services.deals.consumers import HANDLERS
from services.deals.contacts import service as people
from services.deals.contacts.endpoints import router as contacts
from services.deals.cover import publishing as covering
from services.deals.cover.endpoints import router as cover
from services.deals.credit import told as splitting
from services.deals.credit.endpoints import router as credit
from services.deals.edits.endpoints import router as edits
from services.deals.fingerprint import FINGERPRINT
from services.deals.ledger.endpoints import router as ledger
from services.deals.nearest.endpoints import router as nearest
from services.deals.organisation.endpoints import router as organisation
from services.deals.organisation.ledger import begin
from services.deals.organisation.service import announce
from services.deals.productlines.endpoints import router as productlines
from services.deals.qualification.endpoints import router as qualification
from services.deals.republishing.sources import SOURCES
from services.deals.signals import service as signals_service
from services.deals.signals.cli import app as signals_cli
from services.deals.signals.endpoints import router as signals
from services.deals.touchpoints.endpoints import router as touchpoints
from services.deals.whitespace.endpoints import router as whitespace
from services.deals.worklist.endpoints import router as worklist


async def _announce(runtime: Runtime) -> None:
    async with runtime.database.transaction() as session:
        await announce(session, principal=Principal.system("deals"))


async def _begin(runtime: Runtime) -> None:
    async with runtime.database.transaction() as session:
        await begin(session, principal=Principal.system("deals"))


async def _tell_plans(runtime: Runtime) -> None:
    more = True
    while more:
        async with runtime.database.transaction() as session:
            more = await tell_daily(session, principal=Principal.system("deals"))


async def _tell_cover(runtime: Runtime) -> None:
    async with runtime.database.transaction() as session:
        await covering.tell(session, principal=Principal.system("deals"))


async def _tell_splits(runtime: Runtime) -> None:
    more = True
    while more:
        async with runtime.database.transaction() as session:
            await splitting.tell(session, principal=Principal.system("deals"))
            more = await splitting.is_marked(session, principal=Principal.system("deals"))


async def _forget(runtime: Runtime) -> None:
    async with runtime.database.transaction() as session:
        after_days = runtime.settings.contact_retention_days
        await people.forget(session, after_days=after_days, principal=Principal.system("deals"))


async def _measure_signals(runtime: Runtime) -> None:
    await signals_service.measure_nightly(runtime.database, principal=Principal.system("deals"))


async def _raise_signals(runtime: Runtime) -> None:
    await signals_service.raise_and_clear(runtime.database, principal=Principal.system("deals"))


COMPONENT = Component(
    name="deals",
    package="services.deals",
    fingerprint=FINGERPRINT,
    settings=Settings,
    publishes=DEAL_EVENTS,
    consumes=(CRM_CHANGES, LEAD_EVENTS, PRICING_EVENTS),
    handlers=HANDLERS,
    routers=(
        edits,  # before the ledger, as the worklist: their paths are under /deals/ too
        worklist,
        credit,
        productlines,
        competitors,
        nearest,
        ledger,
        qualification,
        closeplans,
        cover,
        whitespace,
        brief,
        accounts,
        contacts,
        touchpoints,
        commitments,
        signals,
        organisation,
    ),
    jobs=(
        Job("announce units", every_s=3600, run=_announce),
        Job("begin planned statements", every_s=1, run=_begin),
        Job("tell how close plans stand today", every_s=300, run=_tell_plans),
        Job("tell how accounts are covered", every_s=300, run=_tell_cover),
        Job("tell who is credited with deals", every_s=10, run=_tell_splits),
        Job("measure signals", every_s=300, run=_measure_signals),
        Job("raise and clear signals", every_s=60, run=_raise_signals),
        Job("forget contacts", every_s=86_400, run=_forget),
    ),
    cli=(signals_cli,),
    republishes=SOURCES,
)
