"""The whole system as processes, driven from outside: by signed webhooks and by a real browser."""

import os
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Final, Literal

import httpx
import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, ConsoleMessage, Page, ViewportSize, async_playwright, expect
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from deploy.local.components import PACKAGES
from deploy.local.stack import Stack
from deploy.local.waiting import wait_until
from gateway.auth.dependencies import COOKIE as SESSION_COOKIE
from gateway.auth.dependencies import CSRF_HEADER
from gateway.auth.tokens import csrf_token
from libs.common import clock
from libs.common.ids import entity_id
from tests.e2e.crm import Crm

WIDE: ViewportSize = {"width": 1440, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
LOOKS: Final[Sequence[tuple[Literal["light", "dark"], str, ViewportSize]]] = (
    ("light", "phone", PHONE),
    ("light", "wide", WIDE),
    ("dark", "phone", PHONE),
    ("dark", "wide", WIDE),
)
expect.set_options(timeout=20_000)
"""A page that comes late is no defect here: how fast pages are is measured elsewhere, on a machine that does nothing else."""
COLOURS = ["color-contrast", "link-in-text-block"]
"""Rules of the accessibility checker that look at colours."""


HERE = Path(__file__).parent
UNHURRIED = {"FORETELL_BROKER_FETCH_WAIT_MS": "100", "FORETELL_BROKER_IDLE_FETCH_WAIT_MS": "200"}
"""Nothing is timed here, and what asks the embedded broker less often leaves the processor to the pages."""


class BySystem(LoadFileScheduling):
    """A worker runs all that shares a system of its own: a file, or a folder with a system for its files."""

    def _split_scope(self, nodeid: str) -> str:
        file = PurePosixPath(nodeid.partition("::")[0])
        return str(file if file.parent.name == HERE.name else file.parent)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> BySystem:
    return BySystem(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """First comes what has a system of its own: that which the others share does not stand idle beside it yet."""
    items.sort(key=lambda item: item.path.parent == HERE and item.get_closest_marker("own_system") is None)


@contextmanager
def own_stack(env: Mapping[str, Mapping[str, str]] | None = None) -> Iterator[Stack]:
    """A running system on free ports, without the simulated CRM. PostgreSQL's own user has to enter its folder."""
    asked = dict(env or {})
    asked["*"] = UNHURRIED | dict(asked.get("*", {}))
    with tempfile.TemporaryDirectory(prefix="foretell-e2e-") as folder:
        home = Path(folder)
        home.chmod(0o755)
        with Stack(home, ports="auto", env=asked) as running:
            yield running


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """The system that most tests share. Each brings records of its own and asks nothing that those of others change."""
    with own_stack() as running:
        yield running


@pytest.fixture(scope="session")
def crm(stack: Stack) -> Crm:
    """An in-house CRM that sends Standard Webhooks."""
    return Crm(stack)


@pytest_asyncio.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.fail("no Chromium found: install the package chromium to run the browser tests")
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(
            executable_path=chromium,
            args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"],
        )
        yield opened
        await opened.close()


@pytest_asyncio.fixture(scope="session")
async def signed_in(stack: Stack, browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cookies of a person who came in by a one-time link."""
    return await sign_in(browser, sign_in_link(stack), tmp_path_factory.mktemp("browser") / "state.json")


@pytest_asyncio.fixture
async def page(browser: Browser, signed_in: Path, request: pytest.FixtureRequest) -> AsyncIterator[Page]:
    """A tab of that person. The test fails on any error in the browser's console.

    A form that is refused is answered with 422, which the console tells too: `@pytest.mark.refused_forms(n)` says how many.
    """
    marker = request.node.get_closest_marker("refused_forms")
    async with watched(browser, signed_in, refused_forms=marker.args[0] if marker else 0) as opened:
        yield opened


@asynccontextmanager
async def watched(browser: Browser, signed_in: Path, *, refused_forms: int = 0) -> AsyncIterator[Page]:
    """A tab of a signed-in person; fails on errors in its console and unless so many forms were refused."""
    context = await browser.new_context(viewport=WIDE, storage_state=signed_in)
    opened = await context.new_page()
    troubles: list[str] = []
    opened.on("pageerror", lambda error: troubles.append(str(error)))
    opened.on("console", lambda message: troubles.append(_said(message)) if message.type == "error" else None)
    yield opened
    await context.close()
    refused = [text for text in troubles if "status of 422" in text]
    assert [text for text in troubles if text not in refused] == []
    assert len(refused) == refused_forms, refused


def _said(message: ConsoleMessage) -> str:
    """What the console says, and of which address."""
    return f"{message.text} {message.location.get('url', '')}"


async def sign_in(browser: Browser, link: str, cookies: Path) -> Path:
    """Come in by a one-time link, and keep the cookies in a file."""
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(link)
    await page.get_by_role("button", name="Sign in as").click()
    await page.wait_for_url("**/call")
    await context.storage_state(path=cookies)
    await context.close()
    return cookies


SETTLED = """Promise.all(
    document.getAnimations().filter(one => one instanceof CSSTransition).map(one => one.finished.catch(() => null))
)"""
"""A link that became the current one changes its colours in a fifth of a second; until then they are neither."""


async def is_fine(page: Page, name: str = "") -> None:
    """Accessible and no wider than the screen, in light and dark, on a phone and on a wide screen.

    With a `name` and FORETELL_E2E_SCREENSHOTS pictures are left in that folder.
    """
    folder = os.environ.get("FORETELL_E2E_SCREENSHOTS")
    axe = Axe()
    for scheme, kind, size in LOOKS:
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        await page.set_viewport_size(size)
        await page.evaluate(SETTLED)
        # What a scheme changes is colours only: the dark one is held to the rules about these.
        rules = {"runOnly": {"type": "rule", "values": COLOURS}} if scheme == "dark" else {}
        found = await axe.run(page, options={"resultTypes": ["violations"], **rules})
        axe = Axe(axe_script="")  # the page has it by now
        violations = [
            (one["id"], [(node["target"], node["failureSummary"]) for node in one["nodes"]])
            for one in found.response["violations"]
        ]
        assert violations == [], (scheme, kind)
        assert await page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        if folder and name:
            await page.screenshot(path=Path(folder) / f"{name}-{scheme}-{kind}.png", full_page=True)


Known = Callable[[Mapping[str, str]], None]


@pytest.fixture(scope="session")
def await_known(stack: Stack) -> Known:
    """`await_known({external_id: text})`: until the forecast has each deal of `crm`, and its newest entry says `text`."""
    return knowing(stack)


def knowing(stack: Stack) -> Known:
    key = stack.command("gateway", "api-key", "--name", "knows", "--role", "sales_ops").split()[-1]

    def known(external_id: str, text: str) -> bool:
        deal_id = entity_id("sim-standard", "deal", external_id)
        url = f"{stack.url('gateway')}/api/v1/forecast/deals/{deal_id}/history"
        answer = httpx.get(url, headers={"Authorization": f"Bearer {key}"}, timeout=10, trust_env=False)
        return answer.is_success and text in str(answer.json()["current"])

    def wait(deals: Mapping[str, str]) -> None:
        for external_id, text in deals.items():
            told = partial(known, external_id, text)
            assert wait_until(told, timeout_s=60, every_s=0.1), f"{external_id} did not reach the forecast"

    return wait


async def numbers(page: Page) -> list[tuple[str, str]]:
    """Every number on the page: its key and its exact value."""
    pairs = await page.locator("data[data-key]").evaluate_all("all => all.map(each => [each.dataset.key, each.value])")
    return [(key, value) for key, value in pairs]


def person(stack: Stack, role: str) -> httpx.Client:
    """Somebody who has signed in and asks by REST: what needs a person is refused to keys."""
    gateway = stack.url("gateway")
    client = httpx.Client(base_url=f"{gateway}/api/v1", timeout=30, trust_env=False)
    client.post(sign_in_link(stack, f"{role}@example.com", role), headers={"Origin": gateway})
    client.headers[CSRF_HEADER] = csrf_token(client.cookies[SESSION_COOKIE])
    return client


def pages(pdf: bytes) -> int:
    """How many pages a printed document has."""
    return len(re.findall(rb"/Type\s*/Page\b(?!s)", pdf))


def go_to(stack: Stack, instant: datetime) -> None:
    """Start every component again with its clock at an instant, and ours with them."""
    clock.set_offset(0)
    offset = (instant - clock.now()).total_seconds()
    for name in PACKAGES:
        stack.restart(name, {"FORETELL_CLOCK_OFFSET_S": str(offset)}, wait=False)
    for name in PACKAGES:
        stack.await_ready(name)
    clock.set_offset(offset)


def sign_in_link(stack: Stack, email: str = "cso@example.com", role: str = "admin", scope: str = "") -> str:
    given = ("--scope", scope) if scope else ()
    return stack.command("gateway", "sign-in-link", "--email", email, "--role", role, *given).split()[-1]
