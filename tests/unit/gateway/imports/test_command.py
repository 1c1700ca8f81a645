"""The dry run as the person at the terminal sees it."""

import csv
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.imports.cli import app

MAPPING = """
version: 1
name: small
connection: acme
currency: EUR
files: {deals: {match: "*.csv"}}
stages: {Open: {}, Won: {state: won}}
records:
  - {object: deal, file: deals, id: id, fields: {stage: stage, amount: amount}, changes: [{at: at}]}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.yaml").write_text(MAPPING)
    (tmp_path / "deals.csv").write_text(
        "id,stage,amount,at\nd1,Open,5,2024-01-01\nd1,Won,7,2024-02-01\nd2,Open,=1+1,2024-01-01\nd3,Open,1,\n"
    )
    return tmp_path


def test_a_dry_run_shows_counts_dates_stages_and_reasons_and_lists_refused_rows(folder: Path) -> None:
    result = CliRunner().invoke(app, ["deals.csv", "--mapping", "small.yaml", "--dry-run"])

    assert result.exit_code == 0
    for told in (
        "Nothing was written",
        "Rows: 4. Changes: 2 deal.",
        "Deals changed from 2024-01-01 to 2024-02-01",
        "Refused: 1 rows, column 'at': no date: cannot be placed in time.",
        "The 2 refused rows are listed in import-refused-small.csv",
    ):
        assert told in result.stderr
    with (folder / "import-refused-small.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["line"], row["column"], row["value"]) for row in rows] == [("4", "amount", "'=1+1"), ("5", "at", "")]


def test_a_mapping_that_cannot_be_used_is_one_clear_message(folder: Path) -> None:
    (folder / "small.yaml").write_text(MAPPING.replace("amount: amount", "value: amount"))
    result = CliRunner().invoke(app, ["deals.csv", "--mapping", "small.yaml", "--dry-run"])

    assert result.exit_code == 2
    assert "records.0: deal has no field 'value'" in result.stderr
    assert "Traceback" not in result.output


def test_without_refused_rows_no_report_remains(folder: Path) -> None:
    CliRunner().invoke(app, ["deals.csv", "--mapping", "small.yaml", "--dry-run"])
    result = CliRunner().invoke(app, ["deals.csv", "--mapping", "small.yaml", "--dry-run", "--limit", "2"])

    assert result.exit_code == 0
    assert not (folder / "import-refused-small.csv").exists()
