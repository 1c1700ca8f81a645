"""A system that has only just begun, with little in it: what these pages say would change with what other tests leave."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from deploy.local.stack import Stack
from tests.e2e.conftest import Known, knowing, own_stack, sign_in, sign_in_link
from tests.e2e.crm import Crm


@pytest.fixture(scope="package")
def stack() -> Iterator[Stack]:
    with own_stack() as running:
        yield running


@pytest.fixture(scope="package")
def crm(stack: Stack) -> Crm:
    return Crm(stack)


@pytest.fixture(scope="package")
def await_known(stack: Stack) -> Known:
    return knowing(stack)


@pytest_asyncio.fixture(scope="package")
async def signed_in(stack: Stack, browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return await sign_in(browser, sign_in_link(stack), tmp_path_factory.mktemp("browser") / "state.json")
