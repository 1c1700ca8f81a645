"""Expressions of a mapping, compiled once, and the property names they read."""

from functools import lru_cache
from typing import Any, cast

import jmespath
from jmespath.parser import ParsedResult

from gateway.mapping.presets import PRESETS
from gateway.mapping.schemas import Kind, Mapping


@lru_cache(maxsize=4096)
def compiled(expression: str) -> ParsedResult:
    return jmespath.compile(expression)


def read(expression: str | None, record: Any) -> Any:
    """The value at an expression; None where there is none."""
    if expression is None:
        return None
    steps = plain_steps(expression)
    if steps is None:
        return compiled(expression).search(record)
    for step in steps:
        # As JMESPath has it: a field of anything but an object is null.
        record = record.get(step) if isinstance(record, dict) else None
    return record


@lru_cache(maxsize=4096)
def plain_steps(expression: str) -> tuple[str, ...] | None:
    """The fields to go through, of an expression that is nothing else, as most are: walking them takes a tenth of a search.

    None for any other expression; raises JMESPathError for what is none.
    """
    parsed = compiled(expression).parsed
    nodes = _flattened(parsed) if parsed.get("type") == "subexpression" else [parsed]
    if all(node.get("type") == "field" for node in nodes):
        return tuple(node["value"] for node in nodes)
    return None


def field_paths(mapping: Mapping, provider: str, kind: str) -> dict[str, str]:
    """The provider's preset, overridden by what the connection says."""
    known = cast("Kind", kind)  # what is read beside the records has no fields to be mapped
    return {**PRESETS[provider].fields.get(known, {}), **mapping.fields.get(known, {})}


def properties_of(mapping: Mapping, provider: str, kind: str) -> list[str]:
    """The names a fetch must ask for: below `properties` for HubSpot, at the top for the others, sorted."""
    kinds: tuple[str, ...] = (kind, "lead") if kind == "contact" and provider == "hubspot" else (kind,)
    expressions = [path for each in kinds for path in field_paths(mapping, provider, each).values()]
    if "lead" in kinds:
        expressions.append(mapping.lead_when or PRESETS[provider].lead_when or "properties.lifecyclestage")
    names: set[str] = set()
    for expression in expressions:
        names |= property_names(expression, provider)
    return sorted(names)


def property_names(expression: str, provider: str) -> set[str]:
    """The properties of a provider's record that an expression reads."""
    return _names(compiled(expression).parsed, under="properties" if provider == "hubspot" else None)


def _names(node: Any, under: str | None) -> set[str]:
    if not isinstance(node, dict):
        return set()
    children = node.get("children", [])
    if node.get("type") == "subexpression":
        path = [child["value"] for child in _flattened(node) if child.get("type") == "field"]
        if under is None:
            return set(path[:1])
        if path[:1] == [under]:
            return set(path[1:2])
    elif node.get("type") == "field" and under is None:
        return {node["value"]}
    return {name for child in children for name in _names(child, under)}


def _flattened(node: Any) -> list[Any]:
    first, *rest = node["children"]
    return [*(_flattened(first) if first.get("type") == "subexpression" else [first]), *rest]
