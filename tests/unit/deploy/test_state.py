"""The state folder: made once, kept, and refused in one line when it is broken."""

import json
import os
import stat

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, OKPKey

from deploy.local import components, ports, simulated, state
from deploy.local.errors import BrokenState, LocalError
from deploy.local.postgres import first_closed_folder


def test_ports_passwords_and_keys_stay_the_same_from_start_to_start(tmp_path):
    first = state.open_or_make(tmp_path, "auto")

    assert state.open_or_make(tmp_path, "") == first
    assert state.open_or_make(tmp_path, "auto") == first


def test_a_port_chosen_later_is_kept(tmp_path):
    first = state.open_or_make(tmp_path, "")
    assert first.ports == ports.DEFAULT_PORTS

    state.open_or_make(tmp_path, "gateway=9090")

    assert state.open_or_make(tmp_path, "").ports == {**ports.DEFAULT_PORTS, "gateway": 9090}


def test_only_the_owner_reads_the_secrets(tmp_path):
    state.open_or_make(tmp_path, "")

    assert stat.S_IMODE(state.file_of(tmp_path).stat().st_mode) == 0o600


def test_what_the_signing_key_signs_the_published_keys_verify_and_they_hold_nothing_private(tmp_path):
    made = state.open_or_make(tmp_path, "")
    token = jwt.encode(
        {"alg": "Ed25519", "kid": made.signing_key["kid"]},
        {"sub": "deals"},
        OKPKey.import_key(made.signing_key),
        ["Ed25519"],
    )

    public = json.loads(made.verify_keys)

    assert jwt.decode(token, KeySet.import_key_set(public), ["Ed25519"]).claims == {"sub": "deals"}
    assert all("d" not in key for key in public["keys"])


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 1}'])
def test_a_broken_state_file_is_one_line_that_says_what_to_do(tmp_path, content):
    state.file_of(tmp_path).write_text(content)

    with pytest.raises(BrokenState) as raised:
        state.open_or_make(tmp_path, "")

    line = str(raised.value)
    assert str(state.file_of(tmp_path)) in line
    assert "make reset" in line
    assert "\n" not in line


def test_data_without_its_passwords_is_refused_rather_than_given_new_ones(tmp_path):
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("18\n")

    with pytest.raises(BrokenState, match="is missing, though"):
        state.open_or_make(tmp_path, "")

    assert not state.file_of(tmp_path).exists()


def test_a_state_folder_that_is_a_file_is_refused_in_one_line(tmp_path):
    (tmp_path / "var").write_text("")

    with pytest.raises(LocalError, match="Cannot use") as raised:
        state.open_or_make(tmp_path / "var", "")

    assert "\n" not in str(raised.value)


def test_the_folder_that_a_user_cannot_enter_is_named(tmp_path):
    closed = tmp_path / "home"
    (closed / "foretell").mkdir(parents=True)
    tmp_path.chmod(0o755)
    stranger = os.getuid() + 54_321
    opened = next((folder for folder in [*reversed(closed.parents)] if not folder.stat().st_mode & stat.S_IXOTH), None)

    closed.chmod(0o700)
    assert first_closed_folder(closed / "foretell", stranger) == (opened or closed)
    assert first_closed_folder(closed / "foretell", os.getuid()) is None or os.getuid() != 0


def test_every_component_is_told_its_own_database_and_all_addresses(tmp_path):
    made = state.open_or_make(tmp_path, "")

    deals = components.environment(
        made, "deals", broker="127.0.0.1:19092", broker_settings={"FORETELL_BROKER_IDEMPOTENCE": "false"}
    )

    assert (
        deals["FORETELL_DATABASE_URL"]
        == f"postgresql+asyncpg://foretell_app:{made.app_password}@127.0.0.1:55432/foretell_deals"
    )
    assert f"foretell_owner:{made.owner_password}@" in deals["FORETELL_OWNER_DATABASE_URL"]
    assert deals["FORETELL_PORT"] == "8102"
    assert deals["FORETELL_FORECAST_URL"] == "http://127.0.0.1:8104"
    assert deals["FORETELL_BROKER_IDEMPOTENCE"] == "false"
    assert "FORETELL_SECRETS_KEY" not in deals
    assert made.admin_password not in "".join(deals.values())


def test_the_gateway_of_one_machine_may_ask_the_simulated_crm_back_and_whom_else_it_was_told(tmp_path, monkeypatch):
    made = state.open_or_make(tmp_path, "")
    for told, allowed in (("", "127.0.0.1"), ("crm.internal", "crm.internal,127.0.0.1")):
        monkeypatch.setenv("FORETELL_FETCH_ALLOW", told)
        gateway = components.environment(made, "gateway", broker="127.0.0.1:19092", broker_settings={})
        assert gateway["FORETELL_FETCH_ALLOW"] == allowed


def test_the_simulated_crm_sends_to_the_gateway_of_this_installation(tmp_path):
    made = state.open_or_make(tmp_path, "gateway=9090,simulator=9110")

    told = simulated.configuration(made)

    assert (told["gateway"], told["port"]) == ("http://127.0.0.1:9090", 9110)
    assert set(told["connections"]) == {"hubspot", "salesforce", "pipedrive", "standard"}
