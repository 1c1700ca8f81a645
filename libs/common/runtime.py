"""What a running component is made of: the declaration of a component and the things a process gives it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import typer
from fastapi import APIRouter, FastAPI
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.config import CommonSettings
from libs.common.db import Database
from libs.common.events.base import EventData
from libs.common.messaging.applier import Applier, Handler
from libs.common.messaging.republishing import Source
from libs.common.messaging.topics import Topic
from libs.common.statehash import Hashed

if TYPE_CHECKING:
    from libs.common.web.auth import TokenSigner

ROLES = ("api", "worker", "relay", "scheduler")


@dataclass
class Runtime:
    """What one process shares among its roles."""

    component: "Component"
    settings: Any
    database: Database
    tokens: "TokenSigner | None" = None
    applier: Applier | None = None
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the process is asked to stop, so that open streams can end at once."""
    state: dict[str, Any] = field(default_factory=dict)
    """Things a component keeps for the life of the process, such as an HTTP client; by name."""


@dataclass(frozen=True)
class Job:
    """Something the scheduler's leader does every `every_s` seconds, and once at the start."""

    name: str
    every_s: float
    run: Callable[[Runtime], Awaitable[None]]


@dataclass(frozen=True)
class Worker:
    """Something that runs as long as the process has the role `worker`; started over after infrastructure trouble."""

    name: str
    run: Callable[[Runtime], Awaitable[None]]


@dataclass(frozen=True)
class Component:
    """What a component is: its doors, its events, its work. One per service, in its `component.py`."""

    name: str
    package: str
    settings: type[CommonSettings]
    publishes: Topic | None = None
    consumes: Sequence[Topic] = ()
    handlers: Mapping[type[EventData], Handler] = field(default_factory=dict)
    routers: Sequence[APIRouter] = ()
    prefix: str = "/v1"
    jobs: Sequence[Job] = ()
    workers: Sequence[Worker] = ()
    api_tasks: Sequence[Worker] = ()
    """Like workers, but part of the role `api`: each process that serves HTTP runs them."""
    customise: Callable[[FastAPI, Runtime], None] | None = None
    origin: Callable[[AsyncConnection], Awaitable[datetime | None]] | None = None
    """Where watermarks begin: the arrival time of the oldest delivery whose effects are not recorded here."""
    cli: Sequence[typer.Typer] = ()
    fingerprint: Sequence[Hashed] = ()
    """What of its tables is equal in two systems that were told the same, for `state-hash`."""
    republishes: Sequence[Source] = ()
    """What it can tell again from its versions, for `republish`."""
