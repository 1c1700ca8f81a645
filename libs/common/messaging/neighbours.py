"""What relay and consumer ask of other components, and where watermarks come from."""

from collections.abc import Awaitable, Callable
from datetime import datetime

import httpx
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.messaging.envelope import log_start
from libs.common.messaging.relay import Applied
from libs.common.messaging.topics import CONSUMERS, WATERMARK_FROM, Topic
from libs.common.runtime import Component, Runtime
from libs.common.web.auth import Principal

TIMEOUT_S = 3


def origin_of(component: Component) -> Callable[[AsyncConnection], Awaitable[datetime | None]]:
    if component.origin is not None:
        return component.origin
    topics = WATERMARK_FROM[component.name]
    partitions = sum(topic.partitions for topic in topics)

    async def least(connection: AsyncConnection) -> datetime | None:
        row = (
            await connection.execute(
                text(
                    "SELECT min(origin) AS origin, count(origin) AS known FROM consumer_position WHERE topic = ANY(:t)"
                ),
                {"t": [topic.name for topic in topics]},
            )
        ).one()
        return row.origin if row.known == partitions else None

    return least


def applied(runtime: Runtime) -> Applied:
    """Asks each consumer of our topic how far it has come; 0, meaning everything retained, when one does not say."""
    component, settings = runtime.component, runtime.settings

    async def ask(log: str) -> int:
        if component.publishes is None or runtime.tokens is None:
            return 0
        least: int | None = None
        async with _client(runtime) as client:
            for consumer in CONSUMERS[component.publishes.name]:
                url = f"{getattr(settings, f'{consumer}_url')}/v1/positions/{component.publishes.name}"
                try:
                    answer = await client.get(url)
                    found = applied_of(log, answer.json()) if answer.status_code == 200 else 0
                except (httpx.HTTPError, ValueError, KeyError):
                    found = 0
                least = found if least is None else min(least, found)
        return least or 0

    return ask


def applied_of(log: str, answer: dict[str, str]) -> int:
    """What a consumer's answer means for `log`; transaction ids of another log may be those of another server."""
    said = int(answer["applied_txid"])
    return said if answer["log"] == log else min(said, log_start(log))


def ask_rewind(runtime: Runtime) -> Callable[[Topic, int], Awaitable[None]]:
    """Asks a topic's owner to send again. Raises OSError when it cannot be reached: then the batch is tried again."""

    async def ask(topic: Topic, txid: int) -> None:
        if runtime.tokens is None:
            raise ConnectionError("FORETELL_INTERNAL_SIGNING_KEY is not set; the owner of a topic cannot be asked")
        url = f"{getattr(runtime.settings, f'{topic.owner}_url')}/v1/outbox/rewind"
        async with _client(runtime) as client:
            try:
                answer = await client.post(url, json={"txid": str(txid)})
                answer.raise_for_status()
            except httpx.HTTPError as error:
                raise ConnectionError(f"{topic.owner} could not be asked to send again: {error}") from error

    return ask


def _client(runtime: Runtime) -> httpx.AsyncClient:
    """A client that acts for this component itself."""
    if runtime.tokens is None:
        raise ConnectionError("no signing key")
    token = runtime.tokens.sign(Principal.system(runtime.component.name))
    return httpx.AsyncClient(timeout=TIMEOUT_S, headers={"Authorization": f"Bearer {token}"})
