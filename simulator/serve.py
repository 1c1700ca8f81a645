"""One process: the CRMs' REST endpoints, the stream of webhooks, the truth for tests, and a control."""

import asyncio
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from libs.common import clock
from simulator.config import ConfigError, Provider, SimConfig
from simulator.fakecrm import CrmState, routes
from simulator.live.courier import Courier
from simulator.live.journal import Counters, Journal
from simulator.live.stream import Stream
from simulator.records import DealRecord, LeadRecord, as_json
from simulator.sending.change import Change
from simulator.world import State, World
from simulator.world.company import REGION_PROVIDER
from simulator.world.ids import external_id

_RECENT_DAYS = 60


class Simulator:
    """The running simulator. `rate_per_s` and `paused` may be set at any time."""

    def __init__(self, config: SimConfig, journal_path: Path, world: World) -> None:
        self.connections = config.all_connections()
        self._faults = config.faults
        self.rate_per_s, self.paused = config.rate_per_s, False
        history = world.state_at(world.end)
        self.crm = CrmState(history)
        self.journal = Journal(journal_path, Counters(0, len(world.deals), len(world.leads)))
        for (provider, _, _), entry in self.journal.latest.items():
            record = entry.change.record
            if isinstance(record, DealRecord):
                self.crm.put_deal(provider, record)
            elif isinstance(record, LeadRecord):
                self.crm.put_lead(provider, record)
        self._stream = Stream(world, self.crm, self.journal.counters)
        self._fill_stream(history)

    def _fill_stream(self, history: State) -> None:
        """What is open: of the history (leads only if recent), and of the stream so far."""
        world = history.world
        rows = history.deal_rows[history.deal_rows >= 0]
        still = rows[(world.versions["stage"][rows] < 4) & ~world.versions["deleted"][rows]]
        for index in world.versions["deal"][still].tolist():
            provider = REGION_PROVIDER[world.deals["region"][index]]
            self._stream.open_deals.append((provider, external_id(provider, "deal", index)))
        recent = world.leads.created > world.start_ms + (730 - _RECENT_DAYS) * 86_400_000
        leads = history.lead_rows[recent & (history.lead_rows >= 0)]
        for row in leads[world.leads.version_status[leads] < 3].tolist():
            index = int(world.leads.version_lead[row])
            provider = REGION_PROVIDER[world.leads.region[index]]
            self._stream.open_leads.append((provider, external_id(provider, "lead", index)))
        known = {*self._stream.open_deals, *self._stream.open_leads}
        for provider, kind, identifier in self.journal.latest:
            if (provider, identifier) not in known:
                pool = self._stream.open_deals if kind == "deal" else self._stream.open_leads
                pool.append((provider, identifier))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with httpx.AsyncClient(limits=httpx.Limits(max_connections=64)) as client:
            couriers = {
                provider: Courier(connection, self.journal, self._faults, client)
                for provider, connection in self.connections.items()
            }
            for courier in couriers.values():
                courier.start()

            def edited(provider: Provider, before: DealRecord, after: DealRecord) -> None:
                change = Change(after, "changed", before)
                couriers[provider].deliver(self.journal.append(provider, change))

            self.crm.on_edit = edited
            for entry in list(self.journal.pending.values()):
                couriers[entry.provider].deliver(entry)
            producing = asyncio.create_task(self._produce(couriers))
            try:
                yield
            finally:
                producing.cancel()
                with suppress(asyncio.CancelledError):
                    await producing
                for courier in couriers.values():
                    await courier.stop()
                self.journal.close()

    async def _produce(self, couriers: dict[Provider, Courier]) -> None:
        """Changes at the wished pace by an absolute schedule; after a pause or stall it starts anew instead of catching up."""
        due = clock.monotonic()
        while True:
            if self.paused or self.rate_per_s <= 0:
                await asyncio.sleep(0.1)
                due = clock.monotonic()
                continue
            due = max(due + 1 / self.rate_per_s, clock.monotonic() - 1)
            await asyncio.sleep(max(0.0, min(due - clock.monotonic(), 1 / self.rate_per_s)))
            for provider, change in self._stream.next(clock.now()):
                couriers[provider].deliver(self.journal.append(provider, change))

    # Endpoints

    async def truth_deals(self, request: Request) -> Response:
        return self._truth("deal", everything=request.query_params.get("all") == "true")

    async def truth_leads(self, request: Request) -> Response:
        return self._truth("lead", everything=request.query_params.get("all") == "true")

    def _truth(self, kind: str, *, everything: bool) -> Response:
        """The CRMs' present state of all records that the stream changed, or of all there are."""
        if everything:
            sought = "deal" if kind == "deal" else "lead"
            found = [(p, r) for p in self.connections for r in self.crm.all(p, "deal" if sought == "deal" else "lead")]
            rows = [{"connection": self.connections[p].key, **as_json(r)} for p, r in found]
        else:
            rows = [
                {"connection": self.connections[provider].key, **as_json(entry.change.record)}
                for (provider, held, _), entry in self.journal.latest.items()
                if held == kind
            ]
        return JSONResponse({f"{kind}s": rows, **self._status()})

    def _status(self) -> dict[str, object]:
        return {
            "changes": self.journal.counters.change,
            "pending": len(self.journal.pending),
            "dropped": self.journal.dropped,
            "rate_per_s": self.rate_per_s,
            "paused": self.paused,
        }

    async def control(self, request: Request) -> Response:
        if request.method == "POST":
            wished = await request.json()
            rate, paused = wished.get("rate_per_s", self.rate_per_s), wished.get("paused", self.paused)
            if not isinstance(rate, int | float) or isinstance(rate, bool) or rate < 0 or not isinstance(paused, bool):
                return JSONResponse({"error": "rate_per_s is a number from 0, paused a boolean"}, status_code=422)
            self.rate_per_s, self.paused = float(rate), paused
        return JSONResponse(self._status())


def create_app(simulator: Simulator) -> Starlette:
    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with simulator.running():
            yield

    tokens = {p: c.secrets["api_token"] for p, c in simulator.connections.items() if "api_token" in c.secrets}
    own = [
        Route("/truth/deals", simulator.truth_deals),
        Route("/truth/leads", simulator.truth_leads),
        Route("/control", simulator.control, methods=["GET", "POST"]),
        Route("/healthz", simulator.control),
        Route("/readyz", simulator.control),
    ]
    return Starlette(routes=[*own, *routes(simulator.crm, tokens)], lifespan=lifespan)


def run(config: SimConfig, config_path: Path, world: World) -> None:
    """Serve until SIGTERM or SIGINT. Raises ConfigError if the port is taken."""
    simulator = Simulator(config, config_path.with_name(f"{config_path.stem}-journal.jsonl"), world)
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", config.port))
    except OSError as error:
        raise ConfigError(f"port {config.port} cannot be opened ({error.strerror}); set another `port`") from None
    sys.stderr.write(
        f"simulated CRMs on http://127.0.0.1:{listener.getsockname()[1]}, {config.rate_per_s:g} changes/s\n"
    )
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # uvicorn stops in order, then raises the signal again
    server = uvicorn.Server(uvicorn.Config(create_app(simulator), log_level="warning", access_log=False, lifespan="on"))
    server.run(sockets=[listener])
