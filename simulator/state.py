"""What must survive a restart beside the configuration: where the history ends, so that it is regenerated the same."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from libs.common import clock
from simulator.config import ConfigError, SimConfig


@dataclass(frozen=True)
class SimState:
    history_end: datetime


def open_state(config_path: Path, config: SimConfig) -> SimState:
    """Read `simulator-state.json` beside the configuration, or write it now. The configuration's own `now` wins over it."""
    path = config_path.with_name(f"{config_path.stem}-state.json")
    if config.now is not None:
        return SimState(config.now)
    try:
        return SimState(datetime.fromisoformat(json.loads(path.read_text())["history_end"]))
    except FileNotFoundError:
        pass
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{path} is broken ({error}); delete it together with the journal to begin anew") from None
    state = SimState(clock.now().replace(microsecond=0))
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps({"history_end": state.history_end.isoformat()}))
    partial.replace(path)
    return state
