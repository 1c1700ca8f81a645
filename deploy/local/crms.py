"""The four CRMs of a running system, as a test plays them: connected, their REST served for fetch-back."""

import threading
from types import TracebackType
from typing import Self

import httpx
import uvicorn

from deploy.local import simulated
from deploy.local.errors import StartFailed
from deploy.local.stack import Stack
from deploy.local.waiting import wait_until
from simulator import config as simulator_config
from simulator import fakecrm
from simulator.config import Provider, SimConnection


class Crms:
    """Entered, the gateway knows the four connections and `http` may do everything at its REST.

    `state` is what the CRMs hold: put a record there before its HubSpot webhook is sent, for it is fetched back.
    """

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.config = simulator_config.parse(simulated.configuration(stack.state))
        self.state = fakecrm.CrmState()
        self.http = httpx.Client(base_url=stack.url("gateway"), timeout=10, trust_env=False)
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    def connection(self, provider: Provider) -> SimConnection:
        """With what is needed to sign as this CRM."""
        return self.config.connection(provider)

    def __enter__(self) -> Self:
        simulated.write_configuration(self.stack)
        simulated.put_connections(self.stack)
        key = self.stack.command("gateway", "api-key", "--name", "crms", "--role", "admin").split()[-1]
        self.http.headers["Authorization"] = f"Bearer {key}"
        self.serve()
        return self

    def serve(self) -> None:
        """Answer when records are asked back."""
        tokens: dict[Provider, str] = {
            provider: connection.secrets["api_token"]
            for provider, connection in self.config.all_connections().items()
            if "api_token" in connection.secrets
        }
        app = fakecrm.create_app(self.state, tokens)
        settings = uvicorn.Config(app, host="127.0.0.1", port=self.config.port, log_config=None, lifespan="off")
        server = self._server = uvicorn.Server(settings)
        self._thread = threading.Thread(target=server.run, name="crms", daemon=True)
        self._thread.start()
        if not wait_until(lambda: server.started, timeout_s=10):
            raise StartFailed(f"The simulated CRMs' REST did not start on port {self.config.port}")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.http.close()
        self.stop_serving()

    def stop_serving(self) -> None:
        """From now on no CRM answers; they still send."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(timeout=5)
