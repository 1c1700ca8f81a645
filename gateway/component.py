"""What the gateway is: the only door, for CRMs (webhooks) and for people (pages, REST)."""

from fastapi import FastAPI

from gateway import gauges, pages
from gateway.auth.cli import app as auth_cli
from gateway.auth.endpoints import router as auth_router
from gateway.auth.keeping import tell_untold
from gateway.buyerlinks.endpoints import router as buyerlinks_router
from gateway.config import Settings
from gateway.connections.cli import app as connections_cli
from gateway.connections.endpoints import router as connections_router
from gateway.connectors.cli import app as connectors_cli
from gateway.connectors.polling import keep_polling
from gateway.connectors.remapping import remap_waiting
from gateway.connectors.worker import run_fetching, run_understanding
from gateway.consumers import HANDLERS
from gateway.deliveries.cli import app as deliveries_cli
from gateway.deliveries.endpoints import router as deliveries_router
from gateway.deliveries.service import forget_bodies, origin
from gateway.fingerprint import FINGERPRINT
from gateway.imports.cli import app as imports_cli
from gateway.imports.endpoints import router as imports_router
from gateway.pages.endpoints import router as pages_router
from gateway.people.endpoints import router as people_router
from gateway.people.keeping import tell_keys
from gateway.proxy.endpoints import router as proxy_router
from gateway.reconciliation.cli import app as reconciliation_cli
from gateway.reconciliation.endpoints import router as reconciliation_router
from gateway.reconciliation.keeping import keep_comparing
from gateway.samples.cli import app as samples_cli
from gateway.trials.cli import app as trials_cli
from gateway.trials.endpoints import router as trials_router
from gateway.webhooks.routes import add_webhooks, keep_storing
from gateway.writeback.keeping import keep_writing
from libs.common.messaging.topics import CRM_CHANGES, DEAL_EVENTS
from libs.common.runtime import Component, Job, Runtime, Worker


def customise(app: FastAPI, runtime: Runtime) -> None:
    """Add what routers cannot: the webhooks' plain routes, static files, the pages' own answers to problems."""
    add_webhooks(app, runtime)
    pages.customise(app, runtime)


COMPONENT = Component(
    name="gateway",
    package="gateway",
    fingerprint=FINGERPRINT,
    settings=Settings,
    publishes=CRM_CHANGES,
    consumes=(DEAL_EVENTS,),
    handlers=HANDLERS,
    prefix="",
    routers=[
        connections_router,
        trials_router,
        reconciliation_router,
        deliveries_router,
        people_router,
        imports_router,
        auth_router,
        buyerlinks_router,
        pages_router,
        proxy_router,  # last: it takes what is left below /api/v1
    ],
    workers=[Worker("understand deliveries", run_understanding), Worker("fetch records", run_fetching)],
    api_tasks=[Worker("store deliveries", keep_storing)],
    jobs=[
        Job("forget raw bodies", 3600.0, forget_bodies),
        Job("map records again", 2.0, remap_waiting),
        Job("compare with the CRMs", 5.0, keep_comparing),
        Job("ask for activities", 5.0, keep_polling),
        Job("tell match keys", 1.0, tell_keys),
        Job("tell rights", 3600.0, tell_untold),
        Job("write edits back", 5.0, keep_writing),
        Job("measure what waits at the door", 5.0, gauges.measure),
    ],
    customise=customise,
    cli=[
        connections_cli,
        reconciliation_cli,
        trials_cli,
        connectors_cli,
        deliveries_cli,
        samples_cli,
        auth_cli,
        imports_cli,
    ],
    origin=origin,
)
