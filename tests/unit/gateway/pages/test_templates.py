import re
from pathlib import Path

import pytest

from gateway.pages.sign_in import local_path
from gateway.pages.templates import HERE, STATIC, environment, static

TEMPLATES = sorted((HERE / "templates").rglob("*.html"))


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_no_template_needs_anything_inline_that_the_content_policy_forbids(template: Path) -> None:
    text = template.read_text()
    assert not re.search(r"<[^>]*\s(style|on\w+|hx-on[:\w-]*)\s*=", text)
    assert not re.search(r"<style|<script(?![^>]*\ssrc=)|javascript:|\bhx-vals=.js:", text)
    assert "| safe" not in text


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_every_template_compiles(template: Path) -> None:
    assert environment().get_template(template.relative_to(HERE / "templates").as_posix())


def test_every_template_that_is_named_is_there() -> None:
    there = {path.relative_to(HERE / "templates").as_posix() for path in TEMPLATES}
    texts = [path.read_text() for path in [*HERE.rglob("*.py"), *TEMPLATES]]
    named = {name for text in texts for name in re.findall(r"""["']([\w/]+\.html)["']""", text)}
    assert named - there == set()
    assert len(named) > len(there) // 2


def test_markup_from_the_crm_is_shown_as_text() -> None:
    shown = environment().from_string("{{ name }}").render(name="<script>alert(1)</script>")
    assert shown == "&lt;script&gt;alert(1)&lt;/script&gt;"


def test_the_address_of_a_static_file_follows_its_content() -> None:
    assert re.fullmatch(r"/static/tokens\.css\?v=[0-9a-f]{12}", static("tokens.css"))
    assert (STATIC / "tokens.css").is_file()


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example", "//evil.example", "/\\evil.example", "", None, "call", "/a\r\nX: y"]
)
def test_signing_in_never_leads_to_another_site(elsewhere: str | None) -> None:
    assert local_path(elsewhere) == "/call"


def test_signing_in_leads_back_to_where_one_wanted_to_go() -> None:
    assert local_path("/call?period=2026Q4") == "/call?period=2026Q4"
