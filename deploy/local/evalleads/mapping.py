"""How to read a CSV of leads: which column tells the outcome, which their order, which leads did not say."""

from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from deploy.local.errors import LocalError


class LeadFile(BaseModel):
    """The mapping document. Columns that it does not name are offered to the model."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    outcome: str
    """The column that tells whether the lead converted."""

    converted: tuple[str, ...] = ("1", "true", "yes")
    """What it says of a lead that did, in any case; anything else did not."""

    order: str
    """The column by which leads are ordered in time: numbers or ISO dates that rise with creation."""

    channel: str | None = None
    """The column that tells by which way a lead came."""

    ignored: tuple[str, ...] = ()
    """Identifiers and names."""

    unknown: tuple[str, ...] = ("",)
    """What a column says when nobody said anything."""

    leaky: tuple[str, ...] = ()
    """Columns known to be filled after the outcome: left out in the first run, offered in the guarded one."""

    modified: dict[str, str] = Field(default_factory=dict)
    """By column, the column with the ISO time at which it was last written."""

    closed: str | None = None
    """The column with the ISO time at which the outcome was known."""


def read_mapping(path: Path) -> LeadFile:
    """Raises LocalError with what is wrong in one line."""
    try:
        return LeadFile.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise LocalError(f"{path}: {error.strerror}") from None
    except yaml.YAMLError as error:
        raise LocalError(f"{path} is not YAML: {str(error).splitlines()[0]}") from None
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, each['loc'])) or 'document'}: {each['msg']}" for each in error.errors())
        raise LocalError(f"{path}: {wrong}") from None
