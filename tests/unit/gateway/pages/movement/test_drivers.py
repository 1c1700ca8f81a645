"""Whose the drivers of a bridge are, as a reader is told."""

from typing import Any

from gateway.pages.movement.drivers import Whence, whence


def driver(name: str, value: str | None, **said: Any) -> dict[str, Any]:
    nothing = dict.fromkeys(("stated", "by", "of", "assumption_id"))
    return nothing | {"driver": name, "source": "plan" if said else "prior_year", "value": value} | said


def words(found: Whence) -> str:
    return ", ".join(each for each in (f"{found.source}: {found.figure}", found.said) if each)


def test_a_driver_is_said_with_its_figure_and_by_what_the_plan_states_it() -> None:
    told = [
        driver("opening", "1.00"),
        driver("creation", "302.26", stated="100.0000", by="creation", of="Company", assumption_id="7"),
        driver("win_rate", "0.416667"),
        driver("timing", None),
        driver("size", "2100.50", stated="2000.00", by="size", of="North", assumption_id="8"),
    ]
    found = whence(told, "Q3 2024", "EUR")
    assert [words(each) for each in found.values()] == [
        "Q3 2024: 1 deal",
        "Plan: 302 deals, 100 a month, Company",
        "Q3 2024: 41.7\u202f%",
        "Q3 2024: not known",
        "Plan: 2,101 EUR, average size of North",
    ]
    assert {each.href for each in found.values()} == {""}, "nothing is linked where no plan is named"


def test_what_states_a_driver_is_linked_in_the_version_that_was_reviewed() -> None:
    told = [
        driver("win_rate", "0.3", stated="0.3", by="win_rate", of="Company", assumption_id="7"),
        driver("creation", "90", stated="900", by="pipeline_created", of="Company"),
    ]
    found = whence(told, "FY2024", "EUR", plan={"plan_id": "p", "version": 2})
    assert found["win_rate"].href == "/plans/p?tab=assumptions&version=2&assumption=7"
    assert found["creation"].href == "/plans/p?version=2&measure=pipeline_created"
