"""`foretell.json`: ports, role passwords and keys of one installation, made once and kept in the state folder."""

import base64
import json
import os
import secrets
from pathlib import Path
from typing import Any

from joserfc.jwk import OKPKey
from pydantic import BaseModel, ConfigDict, ValidationError

from deploy.local import ports as port_choice
from deploy.local.errors import BrokenState, from_os_error
from deploy.local.postgres import Passwords

FORMAT = 1


class State(BaseModel):
    """Everything about an installation that must not change from one start to the next."""

    model_config = ConfigDict(extra="forbid")

    format: int
    ports: dict[str, int]
    admin_password: str
    owner_password: str
    app_password: str
    signing_key: dict[str, str]
    secrets_key: str
    simulator: dict[str, str]

    @property
    def passwords(self) -> Passwords:
        """Of PostgreSQL's roles."""
        return Passwords(self.admin_password, self.owner_password, self.app_password)

    @property
    def verify_keys(self) -> str:
        """The public half of the signing key, as a JSON Web Key set."""
        public = {name: value for name, value in self.signing_key.items() if name != "d"}
        return json.dumps({"keys": [public]}, separators=(",", ":"))

    @property
    def private_key(self) -> str:
        """The signing key, as a JSON Web Key."""
        return json.dumps(self.signing_key, separators=(",", ":"))


def file_of(home: Path) -> Path:
    """Where the state of a folder stands."""
    return home / "foretell.json"


def make(ports: dict[str, int]) -> State:
    """A new installation."""
    kid = secrets.token_hex(8)
    key: dict[str, Any] = OKPKey.generate_key("Ed25519", {"kid": kid, "use": "sig"}, private=True).as_dict(private=True)
    return State(
        format=FORMAT,
        ports=ports,
        admin_password=secrets.token_urlsafe(24),
        owner_password=secrets.token_urlsafe(24),
        app_password=secrets.token_urlsafe(24),
        signing_key={name: str(value) for name, value in key.items()},
        secrets_key=base64.urlsafe_b64encode(secrets.token_bytes(32)).decode("ascii"),
        simulator={
            "hubspot_client_secret": secrets.token_hex(18),
            "hubspot_api_token": secrets.token_urlsafe(24),
            "salesforce_path_secret": secrets.token_urlsafe(24),
            "salesforce_api_token": secrets.token_urlsafe(24),
            "pipedrive_password": secrets.token_urlsafe(18),
            "pipedrive_api_token": secrets.token_hex(20),
            "standard_secret": "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode("ascii"),
        },
    )


def read(home: Path) -> State | None:
    """The state of a folder, None when it has none yet; BrokenState when it cannot be understood."""
    path = file_of(home)
    try:
        return State.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        if (home / "postgres" / "PG_VERSION").exists():
            raise BrokenState(
                f"{path} is missing, though {home / 'postgres'} holds data", f"put {path.name} back from a copy"
            ) from None
        return None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole file"
        raise BrokenState(f"{path} cannot be read ({where}: {first['msg']})", "put it back from a copy") from None
    except OSError as error:
        raise from_os_error(error, home) from None


def open_or_make(home: Path, ports: str) -> State:
    """The folder's state, made if there is none; `ports` is laid over what it says (see `ports.parse`), and kept."""
    try:
        home.mkdir(parents=True, exist_ok=True)
        if home.stat().st_uid == os.geteuid():
            # PostgreSQL's own user has to pass through; what is secret is closed by the mode of its file.
            home.chmod(home.stat().st_mode | 0o111)
        state = read(home)
        if state is None:
            state = make(port_choice.parse(ports, port_choice.DEFAULT_PORTS))
        elif ports and ports != "auto":
            state.ports = port_choice.parse(ports, state.ports)
        write(home, state)
    except OSError as error:
        raise from_os_error(error, home) from None
    return state


def write(home: Path, state: State) -> None:
    """Replace the file in one step, readable by its owner only."""
    write_secret(file_of(home), state.model_dump_json(indent=1))


def write_secret(path: Path, text: str) -> None:
    """Replace a file in one step; only its owner may read it."""
    fresh = path.with_name(path.name + ".new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(path)
