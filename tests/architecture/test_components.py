"""What components declare, what topics say and what the code does agree."""

import ast
from typing import Any

import pytest
from alembic.script import ScriptDirectory

from deploy.documents import COMPONENTS
from deploy.local.components import PACKAGES
from libs.common import crash
from libs.common.events.catalogue import EVENTS
from libs.common.messaging.schema import INBOX_RETENTION, OUTBOX_RETENTION, REPAIR_TIME
from libs.common.messaging.topics import CONSUMERS, TOPICS, WATERMARK_FROM
from libs.common.migrations import config_for
from tests.architecture.source import parsed, shown, tracked

BY_NAME = {component.name: component for component in COMPONENTS}
component = pytest.mark.parametrize("component", COMPONENTS, ids=lambda each: each.name)


def test_one_machine_runs_every_component_and_nothing_else():
    assert {name: each.package for name, each in BY_NAME.items()} == PACKAGES


def test_every_topic_is_published_by_the_component_that_owns_it_and_by_no_other():
    assert {each.publishes.name: each.name for each in COMPONENTS if each.publishes} == {
        topic.name: topic.owner for topic in TOPICS
    }


def test_the_readers_of_a_topic_are_the_components_that_consume_it():
    """The relay asks exactly these how far they are before it sends again what a lost log held."""
    consuming = {topic.name: {each.name for each in COMPONENTS if topic in each.consumes} for topic in TOPICS}

    assert {name: set(readers) for name, readers in CONSUMERS.items()} == consuming


@component
def test_a_watermark_comes_only_from_topics_that_are_consumed(component: Any):
    assert set(WATERMARK_FROM[component.name]) <= set(component.consumes)


def test_watermarks_travel_in_one_direction():
    """A circle would never advance."""
    done: set[str] = set()
    left = {name: {topic.owner for topic in topics} for name, topics in WATERMARK_FROM.items()}
    while ready := {name for name, needed in left.items() if needed <= done}:
        done |= ready
        for name in ready:
            del left[name]

    assert left == {}


@component
def test_a_handled_event_is_in_a_topic_that_is_consumed(component: Any):
    assert {event.TOPIC for event in component.handlers} <= set(component.consumes)


@component
def test_a_consumed_topic_has_an_event_that_is_handled(component: Any):
    assert set(component.consumes) <= {event.TOPIC for event in component.handlers}


@component
def test_an_event_type_is_named_after_the_component_that_publishes_it(component: Any):
    contexts = {event.TYPE.split(".")[0] for event in EVENTS if component.publishes == event.TOPIC}

    assert contexts == {"crm" if component.name == "gateway" else component.name}


@component
def test_the_inbox_remembers_longer_than_a_repetition_can_come(component: Any):
    for topic in component.consumes:
        assert OUTBOX_RETENTION + topic.retention + REPAIR_TIME <= INBOX_RETENTION


@component
def test_every_setting_is_explained(component: Any):
    unexplained = [name for name, field in component.settings.model_fields.items() if not field.description]

    assert unexplained == []


@component
def test_a_database_has_one_newest_revision(component: Any):
    script = ScriptDirectory.from_config(config_for(component.package))

    assert len(script.get_heads()) == 1
    assert len(script.get_bases()) == 1


@component
def test_the_first_migration_makes_the_tables_of_messaging(component: Any):
    (path,) = tracked(f"{component.package.replace('.', '/')}/migrations/versions/0001_*.py")

    assert "schema.CREATE" in path.read_text()


def _crash_points() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for path in tracked("libs/*.py", "gateway/*.py", "services/*.py"):
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "crash.point":
                (name,) = node.args
                assert isinstance(name, ast.Constant), f"{shown(path)}: a crash point is named by a literal"
                found.setdefault(name.value, []).append(shown(path))
    return found


def test_every_crash_point_stands_at_one_place_in_the_code():
    found = _crash_points()

    assert set(found) == crash.POINTS
    assert [name for name, places in found.items() if len(places) > 1] == []


@component
def test_every_component_that_applies_events_can_be_killed_before_the_commit(component: Any):
    if component.handlers:
        assert f"{component.name}.applied_not_committed" in crash.POINTS
