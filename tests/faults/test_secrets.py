"""Nothing that a run wrote or answers with holds a secret: logs, tables, pages, answers, metrics."""

import asyncio
import base64
from collections.abc import Iterator

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from deploy.local.components import PACKAGES, database
from deploy.local.crms import Crms
from deploy.local.stack import Stack
from tests.faults.books import Books

SECRET = ("client_secret", "api_token", "path_secret", "password", "secret")
"""What of a simulated CRM's credentials nobody else may know; names of users and accounts are none."""
ANSWERS = (
    "/",
    "/call",
    "/deliveries",
    "/api/v1/connections",
    "/api/v1/deliveries?limit=200",
    "/api/v1/deliveries/summary",
    "/openapi.json",
    "/metrics",
)


def _secrets(stack: Stack, crms: Crms) -> dict[str, str]:
    """Each secret of this run by a name that may be shown."""
    state = stack.state
    found = {
        f"{provider}.{name}": value
        for provider, connection in crms.config.all_connections().items()
        for name, value in connection.secrets.items()
        if name in SECRET
    }
    found |= {
        "admin_password": state.admin_password,
        "owner_password": state.owner_password,
        "app_password": state.app_password,
        "signing_key": state.signing_key["d"],
        "secrets_key": state.secrets_key,
        "api_key": crms.http.headers["Authorization"].removeprefix("Bearer "),
    }
    return found


def _forms(value: str) -> Iterator[str]:
    """A secret as it might be written: plainly, without its prefix, in base64."""
    yield value
    yield value.removeprefix("whsec_")
    yield base64.b64encode(value.encode()).decode().rstrip("=")


def _held(secrets: dict[str, str], written: str) -> list[str]:
    return sorted(name for name, value in secrets.items() if any(form in written for form in _forms(value)))


async def _rows(stack: Stack, component: str) -> dict[str, str]:
    """Every row of every table of a component's database, as text, by table."""
    engine = create_async_engine(stack.postgres.url(database(component), owner=True))
    try:
        async with engine.connect() as connection:
            tables = await connection.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))
            return {
                table: "\n".join(await connection.scalars(text(f'SELECT t::text FROM "{table}" t')))  # noqa: S608
                for table in tables.all()
            }
    finally:
        await engine.dispose()


def test_no_secret_is_in_anything_that_was_written_or_is_answered(stack: Stack, crms: Crms, books: Books) -> None:
    with books.traffic(seed=77, per_crm=5).flowing(rate_per_s=20, count=40):
        pass
    for path in ("/webhooks/hubspot", "/webhooks/salesforce/wrong"):
        crms.http.post(path, content=b"{}", headers={"Content-Type": "application/json"})
    books.settle()
    secrets = _secrets(stack, crms)
    found = {}
    logs = sorted((stack.home / "logs").rglob("*.log*"))
    assert {path.stem for path in logs} >= set(PACKAGES), "no logs were written, so nothing was looked at"
    for path in logs:
        found[f"log {path.name}"] = _held(secrets, path.read_text(encoding="utf-8", errors="replace"))
    for component in PACKAGES:
        for table, rows in asyncio.run(_rows(stack, component)).items():
            found[f"table {component}.{table}"] = _held(secrets, rows)
    for path in ANSWERS:
        answer = crms.http.get(path)
        found[f"answer {path}"] = _held(secrets, answer.text + str(answer.headers))
    assert {where: names for where, names in found.items() if names} == {}


def test_the_search_finds_a_secret_in_each_of_its_forms(stack: Stack, crms: Crms) -> None:
    secrets = _secrets(stack, crms)
    for name, value in secrets.items():
        for form in _forms(value):
            assert name in _held(secrets, f"before {form} after")
