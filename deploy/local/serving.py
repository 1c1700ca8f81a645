"""One service's HTTP role on a database of a benchmark, and a caller whom it trusts."""

import http.client
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from joserfc.jwk import OKPKey
from pydantic import SecretStr

from deploy.local.children import Child, Terminal
from deploy.local.components import KEEP_BYTECODE, ONE_THREAD, ROOT, python
from deploy.local.ports import LOOPBACK, free_port
from deploy.local.postgres import Postgres
from deploy.local.waiting import wait_until
from libs.common.config import CommonSettings
from libs.common.web.auth import Principal, TokenSigner


@dataclass(frozen=True)
class Caller:
    """Asks on one connection, one request after the other."""

    connection: http.client.HTTPConnection
    headers: dict[str, str]

    def took_ms(self, method: str, path: str, body: object = None) -> float:
        """Milliseconds until the answer was read. Raises RuntimeError for an answer that is no success."""
        sent = None if body is None else json.dumps(body)
        begun = perf_counter()
        self.connection.request(method, path, body=sent, headers=self.headers)
        answer = self.connection.getresponse()
        read = answer.read()
        took = (perf_counter() - begun) * 1000
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path} was answered with {answer.status}: {read[:300]!r}")
        return took


@contextmanager
def serving(name: str, postgres: Postgres, home: Path, *, principal: Principal | None = None) -> Iterator[Caller]:
    """The service `services.<name>` with the role `api` alone, until the end, asked by `principal`, else by one who sees everything.

    Raises TimeoutError when it does not start.
    """
    key = OKPKey.generate_key("Ed25519", parameters={"kid": "bench"})
    port, url = free_port(), postgres.url(name)
    settings = {
        "FORETELL_DATABASE_URL": url,
        "FORETELL_HOST": LOOPBACK,
        "FORETELL_PORT": str(port),
        "FORETELL_INTERNAL_VERIFY_KEYS": json.dumps({"keys": [key.as_dict(private=False)]}),
    }
    signing = SecretStr(json.dumps(key.as_dict(private=True)))
    signer = TokenSigner(CommonSettings(database_url=SecretStr(url), internal_signing_key=signing))
    token = signer.sign(principal or Principal.system(name), ttl_s=600)
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    api = Child(name, home, Terminal(quiet=True))
    api.start(
        python(f"services.{name}", "run", "api"),
        env={**os.environ, **KEEP_BYTECODE, **ONE_THREAD, **settings},
        cwd=ROOT,
    )
    try:
        if not wait_until(lambda: _is_ready(port), timeout_s=60, every_s=0.1):
            raise TimeoutError(f"the service did not start: {api.tail()}")
        connection = http.client.HTTPConnection(LOOPBACK, port)
        yield Caller(connection, headers)
        connection.close()
    finally:
        api.stop()


def _is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=1)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
