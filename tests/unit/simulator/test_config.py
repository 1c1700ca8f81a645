import json
from pathlib import Path

import pytest

from libs.common import clock
from simulator.config import PROVIDERS, ConfigError, load, parse
from simulator.state import open_state
from tests.unit.simulator.given import CONFIG, config


def test_a_wrong_field_is_named_with_what_is_expected() -> None:
    with pytest.raises(ConfigError, match=r"deals: .*greater than or equal to 1"):
        parse(CONFIG | {"deals": 0})
    with pytest.raises(ConfigError, match="wrong"):
        parse(CONFIG | {"wrong": 1})


def test_a_connection_without_its_secret_is_refused_by_name() -> None:
    incomplete = {**CONFIG["connections"], "standard": {"key": "sim-standard"}}
    with pytest.raises(ConfigError, match=r"connections\.standard lacks secret"):
        config(connections=incomplete).connection("standard")


def test_secrets_are_not_shown_when_a_connection_is_printed() -> None:
    assert "hush" not in repr(config().connection("hubspot"))


def test_an_unreadable_file_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load(tmp_path / "absent.json")
    (tmp_path / "torn.json").write_text('{"seed": ')
    with pytest.raises(ConfigError, match="is not JSON"):
        load(tmp_path / "torn.json")


def test_every_connection_has_the_address_its_webhooks_go_to() -> None:
    urls = {provider: config().connection(provider).url for provider in PROVIDERS}
    assert urls["salesforce"] == "https://foretell.example/webhooks/sim-salesforce/in-the-path"
    assert urls["standard"] == "https://foretell.example/webhooks/sim-standard"


def test_the_history_ends_at_the_same_moment_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "simulator.json"
    path.write_text(json.dumps({k: v for k, v in CONFIG.items() if k != "now"}))
    first = open_state(path, load(path))
    try:
        clock.set_offset(86_400)
        assert open_state(path, load(path)) == first
    finally:
        clock.set_offset(0)
    (tmp_path / "simulator-state.json").write_text("{")
    with pytest.raises(ConfigError, match="is broken"):
        open_state(path, load(path))
