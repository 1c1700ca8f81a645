"""The network between the processes: every connection runs through a proxy that can cut, silence, slow or mute it by who connects."""

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property, partial
from types import TracebackType
from typing import Any, Self

from deploy.local.ports import LOOPBACK, free_port

Caller = Callable[[int, int], str | None]
"""Who connects: asked with the caller's port and the port it connects to."""

EVERYBODY = "*"
_CHUNK = 65_536
_RESET = struct.pack("ii", 1, 0)


class Condition(Enum):
    """What a link does with the connections of one caller."""

    FLOWING = "flows"
    CUT = "is cut: connections are reset, new ones refused"
    SILENT = "is silent: nothing passes, nothing is reset; afterwards all of it arrives"
    SLOW = "is slow: each piece waits"
    MUTE = "lets questions pass and loses the answers; afterwards connections are reset"


@dataclass(eq=False)
class _Passage:
    """One connection through a link. Who opened it is looked up when somebody asks for the first time: most are never asked of."""

    who: Callable[[], str | None]
    sockets: list[asyncio.StreamWriter] = field(default_factory=list)

    @cached_property
    def caller(self) -> str | None:
        return self.who()

    def reset(self) -> None:
        for writer in self.sockets:
            with suppress(OSError):
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            writer.transport.abort()


class Link:
    """Listens on `port` and passes on to `target`."""

    def __init__(self, network: "Network", name: str, target: int, port: int) -> None:
        self.name, self.port, self._target = name, port, target
        self._network = network
        self._conditions: dict[str, tuple[Condition, float]] = {}
        self._passages: set[_Passage] = set()
        self._changed = asyncio.Event()

    def put(self, condition: Condition, caller: str = EVERYBODY, *, delay_s: float = 0.0) -> None:
        """From now on, for the connections of this caller; in force when this returns."""
        self._network.run(self._put(condition, caller, delay_s))

    def heal(self) -> None:
        """Everything flows again."""
        self._network.run(self._heal())

    async def _put(self, condition: Condition, caller: str, delay_s: float) -> None:
        self._conditions[caller] = (condition, delay_s)
        self._tell()
        if condition is Condition.CUT:
            self._reset(caller)

    async def _heal(self) -> None:
        for caller, (condition, _) in self._conditions.items():
            if condition is Condition.MUTE:
                self._reset(caller)
        self._conditions.clear()
        self._tell()

    def _tell(self) -> None:
        before, self._changed = self._changed, asyncio.Event()
        before.set()

    def _reset(self, caller: str) -> None:
        for passage in list(self._passages):
            if caller == EVERYBODY or caller == passage.caller:
                passage.reset()

    def _now(self, passage: _Passage) -> tuple[Condition, float]:
        if not self._conditions:
            return Condition.FLOWING, 0.0
        return self._conditions.get(passage.caller or "") or self._conditions.get(EVERYBODY) or (Condition.FLOWING, 0.0)

    async def serve(self) -> asyncio.Server:
        return await asyncio.start_server(self._accept, LOOPBACK, self.port)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        passage = _Passage(partial(self._network.who, writer.get_extra_info("peername")[1], self.port), [writer])
        self._passages.add(passage)
        try:
            await self._pass_through(passage, reader, writer)
        except OSError:
            pass
        finally:
            passage.reset()
            self._passages.discard(passage)

    async def _pass_through(
        self, passage: _Passage, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if await self._may_pass(passage) is Condition.CUT:
            return
        answers, onwards = await asyncio.open_connection(LOOPBACK, self._target)
        passage.sockets.append(onwards)
        both = [
            asyncio.ensure_future(self._pump(passage, reader, onwards, answering=False)),
            asyncio.ensure_future(self._pump(passage, answers, writer, answering=True)),
        ]
        try:
            # Either end closing closes both: none of the protocols here closes half a connection.
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in both:
                pump.cancel()
            await asyncio.gather(*both, return_exceptions=True)

    async def _pump(
        self, passage: _Passage, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answering: bool
    ) -> None:
        while data := await reader.read(_CHUNK):
            condition = await self._may_pass(passage)
            if condition is Condition.CUT:
                return
            if condition is Condition.MUTE and answering:
                continue
            writer.write(data)
            await writer.drain()

    async def _may_pass(self, passage: _Passage) -> Condition:
        """The condition in force, once it is not silence; after the delay of a slow link."""
        while True:
            condition, delay_s = self._now(passage)
            if condition is not Condition.SILENT:
                if delay_s:
                    await asyncio.sleep(delay_s)
                return condition
            await self._changed.wait()


class Network:
    """All links, served by one thread. `who` tells callers apart."""

    def __init__(self, who: Caller) -> None:
        self.who = who
        self.links: dict[str, Link] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="network", daemon=True)
        self._servers: list[asyncio.Server] = []

    @property
    def ports(self) -> set[int]:
        return {link.port for link in self.links.values()}

    def add(self, name: str, target: int, port: int | None = None) -> Link:
        """A link of that name in front of a port, on one of its own or the given one; serving after `__enter__`."""
        self.links[name] = link = Link(self, name, target, port or free_port(self.ports | {target}))
        return link

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run in the network's thread and wait for the result."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=30)

    def heal(self) -> None:
        """Everything flows again, everywhere."""
        for link in self.links.values():
            link.heal()

    def __enter__(self) -> Self:
        self._thread.start()
        self._servers = [self.run(link.serve()) for link in self.links.values()]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
