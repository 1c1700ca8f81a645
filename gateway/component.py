"""What the gateway is: the only door, for CRMs (webhooks) and for people (pages, REST)."""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from fastapi import FastAPI

from gateway.config import Settings
from gateway.connections.cli import app as connections_cli
from gateway.connections.endpoints import router as connections_router
from gateway.connectors.worker import run_fetching, run_understanding
from gateway.deliveries.cli import app as deliveries_cli
from gateway.deliveries.endpoints import router as deliveries_router
from gateway.deliveries.service import forget_bodies, origin
from gateway.people.endpoints import router as people_router
from gateway.webhooks.routes import add_webhooks, keep_storing
from libs.common.messaging.topics import CRM_CHANGES
from libs.common.runtime import Component, Job, Runtime, Worker


def _there(module: str, name: str) -> list[Any]:
    """The attribute of a module, or nothing where that part is not there."""
    if find_spec(module.rsplit(".", 1)[0]) is None or find_spec(module) is None:
        return []
    found = getattr(import_module(module), name, None)
    return [] if found is None else [found]


def customise(app: FastAPI, runtime: Runtime) -> None:
    add_webhooks(app, runtime)
    for add_pages in _there("gateway.pages", "customise"):
        add_pages(app, runtime)


COMPONENT = Component(
    name="gateway",
    package="gateway",
    settings=Settings,
    publishes=CRM_CHANGES,
    prefix="",
    routers=[
        connections_router,
        deliveries_router,
        people_router,
        *_there("gateway.imports.endpoints", "router"),
        *_there("gateway.auth.endpoints", "router"),
        *_there("gateway.pages.endpoints", "router"),
        *_there("gateway.proxy.endpoints", "router"),
    ],
    workers=[Worker("understand deliveries", run_understanding), Worker("fetch records", run_fetching)],
    api_tasks=[Worker("store deliveries", keep_storing), *_there("gateway.pages.live", "TASK")],
    jobs=[Job("forget raw bodies", 3600.0, forget_bodies)],
    customise=customise,
    cli=[
        connections_cli,
        deliveries_cli,
        *_there("gateway.auth.cli", "app"),
        *_there("gateway.imports.cli", "app"),
    ],
    origin=origin,
)
