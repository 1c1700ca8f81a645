"""Connection documents as people write and read them: YAML or JSON, every mistake with its place."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import yaml
from pydantic import ValidationError

from gateway.connections.schemas import ConnectionDocument, ConnectionIn

LONGEST = 200_000
"""So many characters of a document are read on a page."""


@dataclass(frozen=True)
class Mistake:
    """What is wrong, where in the document (`source.items.id`, empty for all of it), and in which line of the text if that is known."""

    message: str
    place: str = ""
    line: int | None = None


class WrongDocument(ValueError):
    """What was written is no connection document; all mistakes that were found."""

    def __init__(self, message: str, mistakes: Sequence[Mistake]) -> None:
        super().__init__(message)
        self.mistakes = tuple(mistakes)


def parsed(content: str) -> list[ConnectionIn]:
    """The documents of a text: one, or a list of them. Raises WrongDocument that says which document and field is wrong."""
    loaded = _loaded(content)
    root = yaml.compose(content, Loader=yaml.SafeLoader)
    if twice := _twice(root):
        raise WrongDocument(f"line {twice[0].line}: {twice[0].message}", twice)
    many = isinstance(loaded, list)
    found = []
    for number, document in enumerate(loaded if many else [loaded], start=1):
        try:
            found.append(ConnectionIn.model_validate(document))
        except ValidationError as error:
            mistakes = _mistakes(error, root, number - 1 if many else None)
            first = mistakes[0]
            raise WrongDocument(
                f"Connection document {number}: {first.place or 'document'}: {first.message}", mistakes
            ) from None
    return found


def parsed_one(content: str) -> ConnectionIn:
    """The one document of a text that somebody typed on a page. Raises WrongDocument."""
    if len(content) > LONGEST:
        raise _wrong(Mistake(f"It has {len(content):,} characters; at most {LONGEST:,} are read."))
    try:
        alias = next((each for each in yaml.parse(content) if isinstance(each, yaml.AliasEvent)), None)
    except (yaml.YAMLError, RecursionError):
        alias = None  # `parsed` says what is wrong
    if alias is not None:
        mark = alias.start_mark
        message = f"*{alias.anchor} repeats what stands elsewhere; write it out here."
        raise _wrong(Mistake(message, line=mark.line + 1 if mark else None))
    documents = parsed(content)
    if len(documents) != 1:
        raise _wrong(Mistake(f"There are {len(documents)} documents; write one."))
    return documents[0]


def written(document: ConnectionDocument) -> str:
    """A stored document as YAML that can be put again; what is empty is left out."""
    shown = {name: value for name, value in document.model_dump(mode="json").items() if value not in (None, {})}
    return yaml.safe_dump(shown, sort_keys=False, allow_unicode=True, width=100)


def _wrong(mistake: Mistake) -> WrongDocument:
    return WrongDocument(mistake.message, [mistake])


def _loaded(content: str) -> Any:
    try:
        loaded = yaml.safe_load(content)
        orjson.dumps(loaded, option=orjson.OPT_NON_STR_KEYS)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = error.problem or error.context or "it cannot be read"
        mistake = Mistake(f"This is neither YAML nor JSON: {said}", line=mark.line + 1 if mark else None)
        raise WrongDocument(f"The file is neither YAML nor JSON: {error}", [mistake]) from None
    except (yaml.YAMLError, ValueError, TypeError) as error:
        raise _wrong(Mistake(f"The file is neither YAML nor JSON: {error}")) from None
    except RecursionError:
        raise _wrong(Mistake("The file is nested too deeply.")) from None
    return loaded


def _twice(root: yaml.Node | None) -> list[Mistake]:
    """Names that stand twice in one part: YAML would take the last of them, and nobody would know."""
    found: list[Mistake] = []
    seen: set[int] = set()
    left = [root] if root is not None else []
    while left:
        node = left.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            left.extend(node.value)
        elif isinstance(node, yaml.MappingNode):
            names: set[str] = set()
            for name, value in node.value:
                left.append(value)
                if isinstance(name, yaml.ScalarNode) and name.value != "<<":
                    if name.value in names:
                        found.append(Mistake(f"{name.value} stands twice.", line=name.start_mark.line + 1))
                    names.add(name.value)
    return sorted(found, key=lambda mistake: mistake.line or 0)


def _mistakes(error: ValidationError, root: yaml.Node | None, number: int | None) -> list[Mistake]:
    found = []
    for each in error.errors(include_input=False, include_url=False):
        loc = each["loc"] if number is None else (number, *each["loc"])
        place = ".".join(str(part) for part in each["loc"])
        found.append(Mistake(each["msg"].removeprefix("Value error, "), place, _line(root, loc)))
    return found


def _line(node: yaml.Node | None, loc: tuple[int | str, ...]) -> int | None:
    """The line where a place begins, or that of the part around it which is there. Names of variants in `loc` stand in no text."""
    if node is None:
        return None
    line = node.start_mark.line
    for part in loc:
        match node:
            case yaml.MappingNode():
                pair = next(((name, value) for name, value in node.value if name.value == str(part)), None)
                if pair is not None:
                    line, node = pair[0].start_mark.line, pair[1]
            case yaml.SequenceNode() if isinstance(part, int) and part < len(node.value):
                node = node.value[part]
                line = node.start_mark.line
            case _:
                pass
    return int(line) + 1
