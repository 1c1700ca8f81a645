from pathlib import Path
import pytest
from tests.e2e.test_assumptions_page import *  # noqa
from tests.e2e.test_assumptions_page import _begins
import shutil

async def test_debug(imported, browser, tmp_path):
    author = await sign_in(browser, sign_in_link(imported, "cso@x.example", "cso"), tmp_path / "author")
    async with watched(browser, author) as page:
        try:
            await _begins(page, imported)
        finally:
            for f in imported.home.rglob("*.log"):
                shutil.copy(f, "/tmp/wt/scratch_assume/" + f.name)
