"""The shape of the source: names, sizes, and who has to say on whose behalf rows are read."""

import ast
import re
from pathlib import Path

import pytest

from tests.architecture.source import arguments, functions, parsed, shown, tracked

MAX_LINES = 350
LONGER = {"tests/support/eventpath.py": "one world; its methods are the rules of one state machine"}
NAMELESS = re.compile(r"(^|_)(utils?|helpers?|misc|manager)$")

WITHOUT_PRINCIPAL = {
    "gateway/audit/service.py": {"record": "writes who did what; the actor is an argument"},
    "gateway/auth/service.py": {
        "create_link": "for the terminal of the installation, before anybody can sign in",
        "user_of_link": "finds out who asks",
        "sign_in_by_link": "finds out who asks",
        "sign_in_by_password": "finds out who asks",
        "set_password": "for the terminal of the installation",
        "user_of_session": "finds out who asks",
        "sign_out": "ends the session that its token names",
        "create_key": "for the terminal of the installation",
        "principal_of_key": "finds out who asks",
    },
    "gateway/buyerlinks/service.py": {"admit": "finds out who asks"},
    "gateway/connections/service.py": {"load": "the door reads how to authenticate before there is anybody"},
    "gateway/deliveries/service.py": {
        "audit": "counts of the whole database for tests and monitoring; no row leaves",
        "origin": "the relay's watermark: one instant",
    },
    "gateway/reconciliation/service.py": {
        "due": "connections, for the scheduler",
        "compare": "the scheduler itself; what it finds is read by those who may see the deals of everybody",
    },
    "services/forecast/outlook/service.py": {
        "entries": "of deals that the projection found within its caller's scope",
        "sight_of": "the engine learns from the whole company; what is told was cut to a scope by `decide`",
        "learnt_of": "as above",
        "company": "the blend and the band are the whole company's for every part, as the projection tells",
        "beside": "on the ground that the caller was given",
    },
    "services/forecast/champion/service.py": {"chosen": "which method answers everybody"},
    "services/forecast/completeness/service.py": {"read": "how complete the whole company is belongs to no scope"},
    "services/forecast/history/service.py": {
        "entries": "rows that the caller has found within its scope",
        "has_arrived": "how far a topic is read; no row leaves",
    },
    "services/forecast/organisation/service.py": {
        "append_units": "events of the organisation, which belongs to no scope",
        "append_placements": "events of the organisation, which belongs to no scope",
        "read": "the tree itself, by which a view is cut to a scope",
    },
    "services/forecast/past/service.py": {
        "columns": "all versions; who looks at them does so through a view, which a scope made",
        "population": "the view was cut to a scope",
    },
    "services/forecast/rates/service.py": {
        "load": "exchange rates belong to no scope",
        "at_booking": "exchange rates belong to no scope",
        "hold": "exchange rates belong to no scope",
        "held": "exchange rates belong to no scope",
        "version_at": "exchange rates belong to no scope",
    },
    "services/forecast/readings/service.py": {"envelope": "watermark and clock; the scope was decided in `decide`"},
    "services/forecast/setup/service.py": {"answered": "answers of the whole company, behind every projection"},
    "services/forecast/rollup/service.py": {
        "fold": "cells among themselves, by the scheduler",
        "rebuild": "the whole roll-up, from the terminal or a change of rates",
        "follow_calendar": "the whole roll-up, by the scheduler after a change of the settings",
    },
}
"""Public functions of services that take a session but no principal, and why."""

MODULES = tracked("*.py")


@pytest.mark.parametrize("name", ["utils", "date_utils", "test_helpers", "helper", "misc", "manager", "deal_manager"])
def test_a_name_that_says_nothing_would_be_found(name: str):
    assert NAMELESS.search(name)


def test_no_file_or_folder_has_a_name_that_says_nothing():
    found = [
        shown(path) for path in MODULES if any(NAMELESS.search(Path(part).stem) for part in Path(shown(path)).parts)
    ]

    assert found == []


def test_no_file_is_longer_than_one_can_read_at_once():
    found = {
        shown(path): lines
        for path in MODULES
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > MAX_LINES and shown(path) not in LONGER
    }

    assert found == {}


def _nobody_asked(tree: ast.AST) -> set[str]:
    """Public functions at the top of a module that take a session (or what is one `within`) and no required keyword `principal`."""
    found = set()
    for function in functions(tree):
        if function.name.startswith("_") or not {"session", "database", "within"} & arguments(function):
            continue
        required = {
            each.arg
            for each, default in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True)
            if default is None
        }
        if "principal" not in required:
            found.add(function.name)
    return found


def test_a_function_that_reads_rows_for_nobody_would_be_found():
    planted = """
async def deals_of(session, *, owner): ...
async def deals_for_anybody(session, *, principal=None): ...
async def deals_by_position(session, principal): ...
async def deals(session, *, principal): ...
async def _inner(session): ...
"""
    assert _nobody_asked(ast.parse(planted)) == {"deals_of", "deals_for_anybody", "deals_by_position"}


@pytest.mark.parametrize("path", tracked("gateway/*service.py", "services/*service.py"), ids=shown)
def test_whoever_reads_or_writes_business_rows_says_on_whose_behalf(path: Path):
    assert _nobody_asked(parsed(path)) == set(WITHOUT_PRINCIPAL.get(shown(path), {}))


def test_every_exception_is_for_a_service_that_exists():
    assert set(WITHOUT_PRINCIPAL) <= {shown(path) for path in MODULES}


def test_only_settings_read_the_environment():
    """Besides the launcher of one machine, the crash points' exit and the tests."""
    found = [
        shown(path)
        for path in tracked("libs/*.py", "services/*.py", "gateway/*.py", "simulator/*.py")
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Attribute) and ast.unparse(node) in ("os.environ", "os.getenv")
    ]

    assert found == []
