"""External ids in each CRM's style, both ways: index of a record -> id, id -> index. The region decides the CRM."""

from uuid import UUID

from simulator.config import Provider
from simulator.records import ObjectType

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SUFFIX = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_SALESFORCE_PREFIX = {"deal": "006", "lead": "00Q", "account": "001", "user": "005"}
_STANDARD_PREFIX = {"deal": "D", "lead": "L", "account": "A", "user": "U"}
_HUBSPOT_BASE = {"deal": 18_000_000_011, "lead": 30_000_000_017, "account": 9_000_000_013, "user": 71_000_003}
_PIPEDRIVE_BASE = {"deal": 1, "account": 1, "user": 12_415_000}
_STEP = 37
_LEAD_UUID = 0xADF21080_0E10_11EB_8000_000000000000
_POD = "7F0000"


def base62(number: int, digits: int) -> str:
    """`number` in base 62, padded with zeros; the higher digits are lost if it does not fit."""
    written = ""
    for _ in range(digits):
        number, digit = divmod(number, 62)
        written = _BASE62[digit] + written
    return written


def salesforce_id(short: str) -> str:
    """The 18-character form of a 15-character id: three more characters say which of the others are capitals."""
    return short + "".join(
        _SUFFIX[sum(1 << bit for bit, char in enumerate(short[part : part + 5]) if char.isupper())]
        for part in (0, 5, 10)
    )


def external_id(provider: Provider, kind: ObjectType, index: int) -> str:
    """The id under which a CRM keeps record number `index` of a kind."""
    match provider:
        case "hubspot":
            return str(_HUBSPOT_BASE[kind] + index * _STEP)
        case "salesforce":
            return salesforce_id(_SALESFORCE_PREFIX[kind] + _POD + base62(index, 6))
        case "pipedrive" if kind == "lead":
            return str(UUID(int=_LEAD_UUID + index))
        case "pipedrive":
            return str(_PIPEDRIVE_BASE[kind] + index)
        case "standard":
            return f"{_STANDARD_PREFIX[kind]}-{index:06d}"


def index_of(provider: Provider, kind: ObjectType, identifier: str) -> int | None:
    """The record number behind an id, None if no record of that kind can have it."""
    try:
        index = _index(provider, kind, identifier.strip())
    except (ValueError, KeyError):
        return None
    if index < 0:
        return None
    canonical = external_id(provider, kind, index)
    return (
        index if identifier.strip() in {canonical, canonical[:15] if provider == "salesforce" else canonical} else None
    )


def _index(provider: Provider, kind: ObjectType, identifier: str) -> int:
    match provider:
        case "hubspot":
            return (int(identifier) - _HUBSPOT_BASE[kind]) // _STEP
        case "salesforce":
            index = 0
            for char in identifier[9:15]:
                index = index * 62 + _BASE62.index(char)
            return index
        case "pipedrive" if kind == "lead":
            return UUID(identifier).int - _LEAD_UUID
        case "pipedrive":
            return int(identifier) - _PIPEDRIVE_BASE[kind]
        case "standard":
            return int(identifier.partition("-")[2])
