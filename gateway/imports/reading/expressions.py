"""Expressions of a mapping compiled against the columns of a file: a row's cells in, a tidy text or None out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from string import Formatter

from gateway.imports.reading.document import Value
from gateway.imports.reading.load import MappingProblem
from gateway.imports.reading.refusal import Refused

Cells = Sequence[str]
Read = Callable[[Cells], str | None]


@dataclass(frozen=True)
class Columns:
    """Where each column stands in a row; joined columns follow as `<alias>.<column>`."""

    file: str
    index: Mapping[str, int]

    def position(self, name: str, *, place: str) -> int:
        """Raises MappingProblem naming the columns there are."""
        if name not in self.index:
            raise MappingProblem(f"{self.file} has no column {name!r} ({place}); it has: {', '.join(self.index)}.")
        return self.index[name]


def compile_value(value: Value, columns: Columns, *, place: str) -> Read:
    """`place` names the expression in messages, such as `records.2.fields.amount`. Raises MappingProblem."""
    read = _source(value, columns, place)
    if value.blank:
        read = _blanked(read, frozenset(value.blank))
    if value.lower or value.upper:
        read = _cased(read, upper=value.upper)
    if value.replace:
        read = _replaced(read, dict(value.replace))
    if value.map is not None:
        read = _mapped(read, dict(value.map), column_of(value))
    return read


def column_of(value: Value) -> str:
    """The column, or what stands for it, that a refusal names."""
    if value.column is not None:
        return value.column
    if value.template is not None:
        return value.template
    if value.first is not None:
        return " or ".join(column_of(part) for part in value.first)
    return f"constant {value.constant}"


def compile_when(conditions: Mapping[str, Sequence[str]], columns: Columns, *, place: str) -> Callable[[Cells], bool]:
    """True where every named column has one of its values; `""` stands for blank."""
    tests = [(columns.position(name, place=place), frozenset(values)) for name, values in conditions.items()]
    return lambda cells: all(cells[position].strip() in values for position, values in tests)


def _source(value: Value, columns: Columns, place: str) -> Read:
    if value.column is not None:
        position = columns.position(value.column, place=place)
        return lambda cells: cells[position].strip() or None
    if value.constant is not None:
        constant = value.constant
        return lambda _cells: constant
    if value.template is not None:
        return _template(value.template, columns, place)
    parts = [compile_value(part, columns, place=f"{place}.first") for part in value.first or ()]
    return lambda cells: next((text for part in parts if (text := part(cells)) is not None), None)


def _template(template: str, columns: Columns, place: str) -> Read:
    """Text with `{column}` in it; blank as soon as one of its columns is."""
    try:
        pieces = list(Formatter().parse(template))
    except ValueError as error:
        raise MappingProblem(f"{place}: {template!r} is not a template: {error}") from None
    parts = [(text, None if name is None else columns.position(name, place=place)) for text, name, _, _ in pieces]

    def read(cells: Cells) -> str | None:
        texts = []
        for text, position in parts:
            texts.append(text)
            if position is not None:
                if not (cell := cells[position].strip()):
                    return None
                texts.append(cell)
        return "".join(texts)

    return read


def _blanked(read: Read, blanks: frozenset[str]) -> Read:
    return lambda cells: None if (text := read(cells)) in blanks else text


def _cased(read: Read, *, upper: bool) -> Read:
    def cased(cells: Cells) -> str | None:
        text = read(cells)
        if text is None:
            return None
        return text.upper() if upper else text.lower()

    return cased


def _replaced(read: Read, replacements: Mapping[str, str]) -> Read:
    def replaced(cells: Cells) -> str | None:
        text = read(cells)
        return None if text is None else replacements.get(text, text)

    return replaced


def _mapped(read: Read, known: Mapping[str, str | None], column: str) -> Read:
    def mapped(cells: Cells) -> str | None:
        text = read(cells)
        if text is None:
            return None
        if text not in known:
            raise Refused(f"not in the mapping's list ({', '.join(known)})", column=column, value=text)
        return known[text]

    return mapped
