"""Documents that the code writes are current, and an event cannot change so that an older reader fails."""

import copy
import shutil
from pathlib import Path

import orjson
import pytest

from deploy import documents
from libs.common.events import document as events
from libs.common.events.catalogue import EVENTS
from libs.common.events.deals import DealWon


def test_the_documents_of_the_events_are_current():
    assert events.stale() == [], "run `make docs`"


def test_the_documents_of_the_interfaces_and_settings_are_current():
    assert documents.stale() == [], "run `make docs`"


def test_a_document_that_was_edited_or_deleted_is_named(tmp_path: Path):
    folder = tmp_path / "docs"
    shutil.copytree(documents.DOCS, folder)
    with (folder / "settings.md").open("a") as page:
        page.write("one line more\n")
    (folder / "api" / "deals.openapi.json").unlink()

    assert documents.stale(folder) == ["api/deals.openapi.json", "settings.md"]


def test_an_events_document_that_was_edited_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = tmp_path / "events"
    shutil.copytree(events.FOLDER, folder)
    monkeypatch.setattr(events, "FOLDER", folder)
    (folder / "README.md").write_text("# Events\n")
    (folder / "deals.deal.vanished.v1.json").write_text("{}")

    assert events.stale() == ["README.md", "deals.deal.vanished.v1.json"]


def _won() -> dict[str, object]:
    return copy.deepcopy(events.schema_of(DealWon))


def test_a_field_that_disappears_breaks_readers():
    new = _won()
    del new["properties"]["amount"]

    assert events.breaks(_won(), new) == ["field amount is gone"]


def test_a_field_that_changes_its_type_breaks_readers():
    new = _won()
    new["properties"]["pushes"] = {"type": "string"}

    assert events.breaks(_won(), new) == ["field pushes changed its type"]


def test_a_field_that_is_no_longer_promised_breaks_readers():
    new = _won()
    new["required"].remove("deal_id")

    assert events.breaks(_won(), new) == ["field deal_id is no longer always there"]


def test_a_new_optional_field_and_another_description_break_nobody():
    new = _won()
    new["properties"]["forecast_note"] = {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None}
    new["properties"]["amount"]["description"] = "said otherwise"

    assert events.breaks(_won(), new) == []


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.TYPE)
def test_a_planted_break_of_any_event_stops_the_writing_of_documents(
    event, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The published schema promises one field more than the code still has."""
    folder = tmp_path / "events"
    shutil.copytree(events.FOLDER, folder)
    monkeypatch.setattr(events, "FOLDER", folder)
    published = orjson.loads((folder / f"{event.TYPE}.json").read_bytes())
    published["properties"]["planted"] = {"type": "string"}
    (folder / f"{event.TYPE}.json").write_bytes(orjson.dumps(published))

    with pytest.raises(events.BreakingChange, match=rf"{event.TYPE}.*planted is gone"):
        events.stale()


def test_every_event_has_its_document():
    assert {path.name for path in events.FOLDER.glob("*.v*.json")} == {f"{event.TYPE}.json" for event in EVENTS}
