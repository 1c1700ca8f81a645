"""What is said to be proven names tests that exist; everything else is said to be open."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.source import ROOT, functions, parsed

STATUS = ROOT / "docs" / "status.md"
GUARANTEES = ROOT / "docs" / "guarantees.md"
CAPABILITIES = [
    "Event path and one machine", "CRM connections", "History, metrics, call", "Projection", "Leads",
    "Deals, accounts, organisation", "Pricing", "Plans and reviews", "Operate",
]  # fmt: skip
NAMED = re.compile(r"`(tests/[\w./-]+\.py)::(\w+)`")
ANY_CODE_OF_TESTS = re.compile(r"`(tests/[^`]*)`")
MIN_REASON = len("open: not measured")
"""An open line says what is missing or what there is so far, not only that it is open."""


def rows(text: str) -> Iterator[tuple[str, ...]]:
    """The cells of every row of every table, without heads."""
    for line in text.splitlines():
        if line.startswith("|") and not set(line) <= set("|-: "):
            cells = tuple(cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|")))
            if cells[-1] not in ("proof", "test"):
                yield cells


def missing(text: str) -> list[str]:
    """Names of tests in a text that no file has."""
    found = []
    for code in ANY_CODE_OF_TESTS.findall(text):
        named = NAMED.fullmatch(f"`{code}`")
        if named is None:
            found.append(f"{code} is not written as file::test")
            continue
        path, test = ROOT / named[1], named[2]
        if not path.is_file() or test not in {function.name for function in functions(parsed(path))}:
            found.append(code)
        elif not test.startswith("test_"):
            found.append(f"{code} is not a test")
    return found


def undecided(text: str) -> list[str]:
    """Rows that are neither proven by a test nor said to be open with a reason."""
    found = []
    for cells in rows(text):
        proof = cells[-1]
        is_open = proof.startswith("open: ") and len(NAMED.sub("", proof)) >= MIN_REASON
        if not is_open and (proof.startswith("open") or not NAMED.search(proof)):
            found.append(cells[0])
    return found


@pytest.mark.parametrize("page", [STATUS, GUARANTEES], ids=lambda page: page.name)
def test_every_test_that_is_named_as_a_proof_exists(page: Path):
    assert missing(page.read_text()) == []


@pytest.mark.parametrize("page", [STATUS, GUARANTEES], ids=lambda page: page.name)
def test_every_line_is_proven_or_open(page: Path):
    assert list(rows(page.read_text())) != []
    assert undecided(page.read_text()) == []


def test_the_status_has_every_capability_with_its_lines():
    sections = re.split(r"^## ", STATUS.read_text(), flags=re.MULTILINE)[1:]

    assert [section.splitlines()[0] for section in sections] == CAPABILITIES
    assert [section.splitlines()[0] for section in sections if not list(rows(section))] == []


def test_the_count_of_proven_lines_is_what_the_page_says():
    text = STATUS.read_text()
    lines = list(rows(text))
    proven = sum(not cells[-1].startswith("open") for cells in lines)

    assert f"{proven} of {len(lines)} lines are proven" in text


PAGE = """
| must hold | proof |
|---|---|
| a | `tests/architecture/test_status.py::test_every_line_is_proven_or_open` |
| b | {} |
"""


@pytest.mark.parametrize(
    "proof",
    [
        "`tests/architecture/test_status.py::test_of_nothing`",
        "`tests/architecture/test_that_is_not_there.py::test_anything`",
        "`tests/architecture/test_status.py`",
        "`tests/architecture/test_status.py::rows`",
    ],
)
def test_a_proof_that_does_not_exist_would_be_found(proof: str):
    assert len(missing(PAGE.format(proof))) == 1


@pytest.mark.parametrize("proof", ["", "open", "open: later", "yes", "test_every_line_is_proven_or_open"])
def test_a_line_without_proof_or_reason_would_be_found(proof: str):
    assert undecided(PAGE.format(proof)) == ["b"]
