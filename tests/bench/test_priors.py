"""The priors of the calendar in the settings are those that companies of many kinds teach."""

from typer.testing import CliRunner

from services.forecast.projection.settings import DEFAULT
from tests.calibration.__main__ import app


def test_the_settings_are_what_companies_of_many_kinds_teach() -> None:
    told = CliRunner().invoke(app, ["priors"])
    assert told.exit_code == 0, told.output
    assert told.stdout.splitlines()[-1] == f"settings {DEFAULT.digest}: as learnt"
