"""Finding and reading a mapping, with errors that say what is wrong, where, and what is allowed."""

import re
from pathlib import Path

import yaml
from pydantic import ValidationError

from gateway.imports.reading.document import MappingDocument

SHIPPED = Path(__file__).parent.parent / "mappings"


class _Loader(yaml.SafeLoader):
    """YAML in which only true and false are booleans, so that `on`, `NO` and `Yes` stay the words they are."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))


class MappingProblem(Exception):
    """The mapping, or a file it speaks of, cannot be used; nothing was imported. The message may have several lines."""


def shipped_names() -> list[str]:
    return sorted(path.stem for path in SHIPPED.glob("*.yaml"))


def load_mapping(name_or_path: str) -> MappingDocument:
    """A mapping from a YAML file, or one that ships with the product by its name. Raises MappingProblem."""
    path = Path(name_or_path)
    if not path.is_file() and (shipped := SHIPPED / f"{name_or_path}.yaml").is_file():
        path = shipped
    try:
        text = path.read_text(encoding="utf-8")
    except OSError:
        raise MappingProblem(
            f"There is no mapping {name_or_path!r}. Give the path of a YAML file or one of: {', '.join(shipped_names())}."
        ) from None
    return parse_mapping(text, where=str(path))


def parse_mapping(text: str, *, where: str) -> MappingDocument:
    """`where` names the document in messages. Raises MappingProblem."""
    try:
        content = yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        raise MappingProblem(f"{where} is not YAML: {error}") from None
    if not isinstance(content, dict):
        raise MappingProblem(f"{where} must hold a mapping with version, name, files and records.")
    try:
        return MappingDocument.model_validate(content)
    except ValidationError as error:
        lines = [f"{where} cannot be used:"]
        for fault in error.errors(include_url=False):
            place = ".".join(str(part) for part in fault["loc"]) or "the mapping"
            lines.append(f"  {place}: {fault['msg'].removeprefix('Value error, ')}{_seen(fault['input'])}")
        raise MappingProblem("\n".join(lines)) from None


def _seen(value: object) -> str:
    return f" (here: {value!r})" if isinstance(value, str | int | float | bool) else ""
