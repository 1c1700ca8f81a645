"""The conversion model on public leads: it reaches its figures, the guard names what leaks, and a file of one's own is read."""

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deploy.local.errors import LocalError
from deploy.local.evalleads import run
from deploy.local.evalleads.mapping import read_mapping
from deploy.local.evalleads.reading import read_leads
from services.leads.conversion.odds.judging import Judged

FIELDS = [
    *("name", "auc", "log_loss", "brier", "ece", "guarded_auc", "guarded_log_loss", "guarded_ece", "leaks"),
]


@pytest.fixture(scope="module")
def judged(shared_data: Path) -> tuple[Judged, Judged]:
    mapping = read_mapping(run.PUBLIC_MAPPING)
    return run.evaluate(read_leads(shared_data / "leads.csv.gz", mapping), mapping)


@pytest.fixture(scope="module")
def said(judged: tuple[Judged, Judged]) -> dict[str, Any]:
    return run.closing(*judged)


def test_without_leaky_columns_it_ranks_and_foretells_as_well_as_it_must(said: dict[str, Any]) -> None:
    assert list(said) == FIELDS
    assert said["auc"] >= 0.875
    assert said["log_loss"] <= 0.425
    assert said["ece"] <= 0.03


def test_with_all_columns_the_guard_names_what_leaks_and_the_rest_does_as_well_as_it_must(said: dict[str, Any]) -> None:
    assert {"Tags", "Lead Quality", "Lead Profile"} <= set(said["leaks"])
    assert not {"Lead Origin", "Lead Source", "TotalVisits", "Total Time Spent on Website"} & set(said["leaks"])
    assert said["guarded_auc"] >= 0.81
    assert said["guarded_log_loss"] <= 0.505
    assert said["guarded_ece"] <= 0.045


def test_the_mapping_leaves_out_the_nine_columns_that_are_known_to_leak() -> None:
    assert len(read_mapping(run.PUBLIC_MAPPING).leaky) == 9


def test_the_figures_are_those_of_a_count_by_other_means_on_the_newest_leads(
    judged: tuple[Judged, Judged], said: dict[str, Any], shared_data: Path
) -> None:
    with gzip.open(shared_data / "leads.csv.gz", "rt", newline="", encoding="utf-8") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: int(row["Lead Number"]))
    came = [int(row["Converted"]) for row in rows[int(len(rows) * 0.7) :]]
    for each, prefix in zip(judged, ("", "guarded_"), strict=True):
        assert each.outcomes.tolist() == came
        given = each.chances.tolist()
        won = sorted(chance for chance, outcome in zip(given, came, strict=True) if outcome)
        lost = np.sort([chance for chance, outcome in zip(given, came, strict=True) if not outcome])
        above = sum(np.searchsorted(lost, chance, "left") + np.searchsorted(lost, chance, "right") for chance in won)
        assert said[f"{prefix}auc"] == pytest.approx(above / 2 / len(won) / len(lost), abs=6e-5)
        surprise = [-np.log(chance if outcome else 1 - chance) for chance, outcome in zip(given, came, strict=True)]
        assert said[f"{prefix}log_loss"] == pytest.approx(np.mean(surprise), abs=6e-5)
        ordered = sorted(zip(given, came, strict=True), key=lambda lead: lead[0])
        bins = [np.array(part) for part in np.array_split(ordered, 10)]
        distance = sum(len(part) * abs(part[:, 0].mean() - part[:, 1].mean()) for part in bins) / len(came)
        assert said[f"{prefix}ece"] == pytest.approx(distance, abs=6e-5)


def test_what_is_printed_names_figures_intervals_and_reasons(
    judged: tuple[Judged, Judged], said: dict[str, Any]
) -> None:
    printed = list(run.report(*judged))
    assert f"{said['auc']:.3f}" in next(line for line in printed if line.startswith("without leaky columns"))
    for leak in judged[1].leaks:
        assert f"  {leak.column}: {leak.reason}" in printed


def test_the_guide_shows_what_is_printed(judged: tuple[Judged, Judged]) -> None:
    guide = (run.ROOT / "docs" / "guides" / "leads-model.md").read_text(encoding="utf-8")
    shown = guide.split("## What it printed")[1].split("```")[1].strip().splitlines()
    wanted = ("without leaky", "all columns", "newest first")
    expected = [line for line in run.report(*judged) if line.startswith(wanted)]
    assert [line for line in shown if line.startswith(wanted)] == expected, "put into the guide:\n" + "\n".join(
        expected
    )


MAPPING = """
outcome: Won
order: Created
channel: Channel
ignored: [Id]
closed: Closed
modified: {Note: Noted}
leaky: [Note]
"""


def _own_leads(folder: Path, count: int = 600) -> tuple[Path, Path]:
    rng = np.random.default_rng(4)
    lines = ["Id,Created,Won,Channel,Visits,Note,Noted,Closed"]
    for number in range(count):
        web, visits = bool(rng.random() < 0.5), int(rng.integers(0, 12))
        won = bool(rng.random() < 1 / (1 + np.exp(2 - web - 0.2 * visits)))
        day = np.datetime64("2024-01-01") + np.timedelta64(number // 3, "D")
        note = f"{'hot' if won else 'cold'},{day + np.timedelta64(40, 'D')}" if rng.random() < 0.6 else ","
        channel = "web" if web else "partner"
        lines.append(
            f"{number},{day},{'Yes' if won else 'No'},{channel},{visits},{note},{day + np.timedelta64(30, 'D')}"
        )
    rng.shuffle(lines[1:])
    (folder / "leads.csv").write_text("\n".join(lines))
    (folder / "leads.yaml").write_text(MAPPING)
    return folder / "leads.csv", folder / "leads.yaml"


def test_a_file_of_ones_own_is_judged_and_its_leak_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, mapping = _own_leads(tmp_path)
    assert run.main(file=str(file), mapping=str(mapping)) == 0
    printed = capsys.readouterr().out.splitlines()
    said = json.loads(printed[-1])
    assert list(said) == FIELDS
    assert said["leaks"] == ["Note"]
    assert 0.6 < said["auc"] < 0.95
    assert any("written after the outcome on 100%" in line for line in printed)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("order: Created", "order: Made"), "has no column Made"),
        (("outcome: Won", "result: Won"), "result: Extra inputs"),
        (("order: Created", "order: Channel"), "leads need an order in time"),
    ],
)
def test_what_cannot_be_read_is_told_in_one_line(tmp_path: Path, change: tuple[str, str], told: str) -> None:
    file, mapping = _own_leads(tmp_path, 30)
    mapping.write_text(MAPPING.replace(*change))
    with pytest.raises(LocalError, match=told):
        run.main(file=str(file), mapping=str(mapping))


def test_file_and_mapping_go_together() -> None:
    with pytest.raises(LocalError, match=r"FILE=.* MAPPING="):
        run.asked("leads.csv", "")
