"""Reads a delivery as a connection's document says: items by JMESPath, each a signal or a record."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any, TypeVar, get_args

import orjson
from jmespath.exceptions import JMESPathError

from gateway.connectors.generic.document import Happened, Items, Source
from gateway.connectors.generic.times import moment, ordinal
from gateway.connectors.items import (
    FullRecord,
    Ignored,
    Item,
    ObjectType,
    Signal,
    StoredDelivery,
    Unreadable,
    UnreadableBody,
)
from gateway.mapping.paths import read
from gateway.mapping.values import MappingError, text

QUERY = "?"
"""What the names of kept query parameters begin with among the kept headers, where no header's name can."""

OWN_WORDS: dict[str, ObjectType] = {each: each for each in get_args(ObjectType)}

Root = dict[str, Any]
M = TypeVar("M")


def parse(source: Source, delivery: StoredDelivery) -> list[Item]:
    """One item per element of `items.each`. Raises UnreadableBody."""
    try:
        body = orjson.loads(delivery.body)
    except orjson.JSONDecodeError as error:
        raise UnreadableBody(f"the body is not JSON: {error}") from None
    whole: Root = {
        "body": body,
        "headers": {name: value for name, value in delivery.headers.items() if not name.startswith(QUERY)},
        "query": {name[1:]: value for name, value in delivery.headers.items() if name.startswith(QUERY)},
    }
    try:
        found = read(source.items.each, whole)
    except JMESPathError as error:
        raise UnreadableBody(f"items.each cannot be read: {error}") from None
    if found is None:
        raise UnreadableBody(f"the body has nothing at items.each, which is {source.items.each}")
    elements = found if isinstance(found, list) else [found]
    keys: dict[str, bytes] = {}
    return [
        _item(source, whole | {"item": element, "position": position}, delivery.received_at, keys)
        for position, element in enumerate(elements)
    ]


def _item(source: Source, root: Root, received_at: datetime, keys: dict[str, bytes]) -> Item:
    try:
        return _read(source, root, received_at, keys)
    except MappingError as error:
        return Unreadable(str(error), error.advice)
    except JMESPathError as error:
        return Unreadable(f"an expression of source.items fails: {error}", "Correct source.items, then replay.")


def _read(source: Source, root: Root, received_at: datetime, keys: dict[str, bytes]) -> Item:
    items = source.items
    word = text(read(items.object.at, root))
    object_type = _object_type(items, word)
    external_id = text(read(items.id, root))
    if object_type is None:
        return Ignored(f"{word or 'an object without a name'} is not kept", word, external_id)
    if external_id is None:
        return Unreadable(
            f"the item has nothing at items.id, which is {items.id}",
            "Let the CRM send the record's id, or correct source.items.id; replay afterwards.",
            object_type,
        )
    happened = _happened(items, root)
    version = moment(items.version, read(items.version.at, root)) if items.version else None
    event_at = (
        moment(items.version, read(items.version.happened_at, root))
        if items.version and items.version.happened_at
        else None
    )
    key = _dedupe_key(items, root, keys, is_timed=(version or event_at) is not None)
    if happened == "ignored":
        return Ignored("the document says that this is ignored", object_type, external_id, key)
    merged_into = text(read(items.merged_into, root)) if items.merged_into else None
    if happened == "merged" and merged_into is None:
        return Unreadable(
            "the item says merged and not into which record",
            "Say in source.items.merged_into where that stands.",
            object_type,
            external_id,
            key,
        )
    is_gone = happened in ("deleted", "merged") or merged_into is not None
    restored_at = (event_at or version or received_at) if happened == "restored" else None
    signal = Signal(object_type, external_id, version or event_at, key, restored_at)
    if _is_signal(
        source, version or (event_at if is_gone else None), is_gone=is_gone, is_merged=merged_into is not None
    ):
        return signal
    times = [at for at in (version, event_at if is_gone or restored_at else None) if at is not None]
    record = read(items.record, root) if items.record and not items.thin else None
    if not is_gone and not isinstance(record, Mapping):
        return Unreadable(
            f"the item has no record at items.record, which is {items.record}", "", object_type, external_id, key
        )
    return FullRecord(
        object_type,
        external_id,
        record if isinstance(record, Mapping) else None,
        max(times, default=received_at),
        sequence=ordinal(read(items.sequence, root)) if items.sequence else 0,
        deleted=is_gone,
        merged_into=merged_into,
        dedupe_key=key,
        actor=text(read(items.actor, root)) if items.actor else None,
    )


def _is_signal(source: Source, version: datetime | None, *, is_gone: bool, is_merged: bool) -> bool:
    """A deletion needs no fetch, unless the CRM's not knowing the record tells of it better than an event without a time."""
    if is_gone:
        return not is_merged and source.fetch is not None and source.fetch.absent == "deleted" and version is None
    return source.items.thin or (version is None and source.items.without_version == "fetch")


def _object_type(items: Items, word: str | None) -> ObjectType | None:
    if word is None:
        return None
    return _meaning(items.object.means, word) if items.object.means else OWN_WORDS.get(word)


def _happened(items: Items, root: Root) -> Happened:
    """Raises MappingError for a word that the document does not explain."""
    if items.happened is None:
        return "changed"
    word = text(read(items.happened.at, root))
    meaning = None if word is None else _meaning(items.happened.means, word)
    if meaning is None:
        raise MappingError("items.happened", word, f"Add {word!r} to source.items.happened.means, then replay.")
    return meaning


def _meaning(means: Mapping[str, M], word: str) -> M | None:
    """What a word means: the word itself is looked for first, then the patterns in their order."""
    if word in means:
        return means[word]
    return next((meaning for pattern, meaning in means.items() if fnmatchcase(word, pattern)), None)


def _dedupe_key(items: Items, root: Root, keys: dict[str, bytes], *, is_timed: bool) -> str | None:
    """The document's recipe, else the event's id, else the item's content if it tells its time.

    Content without a time repeats itself when a record changes there and back, so it has no key: better twice than never.
    """
    recipe = items.dedupe or ([items.event_id] if items.event_id else [])
    content = hashlib.sha256(orjson.dumps(root["item"], option=orjson.OPT_SORT_KEYS)).digest()
    values = [read(each, root) for each in recipe]
    if any(value is not None for value in values):
        if len(values) == 1 and isinstance(values[0], str) and len(values[0]) <= 200:
            key = values[0]
        else:
            key = hashlib.sha256(orjson.dumps(values, option=orjson.OPT_SORT_KEYS)).hexdigest()
    elif is_timed:
        key = content.hex()
    else:
        return None
    if keys.setdefault(key, content) != content:
        key = f"{key}:{content.hex()[:24]}"  # one id for several items of a batch: each is an event of its own
    return key
