"""Salesforce outbound messages: SOAP with up to 100 notifications, each the record's fields at the time of sending."""

import hashlib
from collections.abc import Mapping
from typing import Any
from xml.etree.ElementTree import Element

import orjson
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

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
from gateway.connectors.salesforce.signature import MAX_DEPTH
from gateway.mapping.values import MappingError, instant, text
from libs.common.ids import normalise_external_id

OUTBOUND = "{http://soap.sforce.com/2005/09/outbound}"
XSI = "{http://www.w3.org/2001/XMLSchema-instance}"

OBJECT_TYPES: Mapping[str, ObjectType] = {
    "Opportunity": "deal",
    "Lead": "lead",
    "Account": "account",
    "Contact": "contact",
    "User": "user",
    "Product2": "product",
}
KEY_PREFIXES = {
    "006": "Opportunity",
    "00Q": "Lead",
    "001": "Account",
    "003": "Contact",
    "005": "User",
    "01t": "Product2",
}
"""The first three characters of an id name its type: for senders that leave the sObject's `xsi:type` out."""


def parse(delivery: StoredDelivery) -> list[Item]:
    """One item per notification. Raises UnreadableBody for what is no outbound message, or carries a DTD."""
    try:
        root = fromstring(delivery.body, forbid_dtd=True)
    except DefusedXmlException as error:
        raise UnreadableBody(f"the XML has a document type or entities, which are never read ({error})") from None
    except (ParseError, ValueError, LookupError) as error:
        raise UnreadableBody(f"the body is not XML: {error}") from None
    if _too_deep(root):
        raise UnreadableBody(f"the XML is nested more than {MAX_DEPTH} levels deep")
    messages = root.findall(f".//{OUTBOUND}notifications")
    if not messages:
        raise UnreadableBody("the body is not a Salesforce outbound message: it has no notifications element")
    return [_item(each) for message in messages for each in message.findall(f"{OUTBOUND}Notification")]


def _too_deep(root: Element) -> bool:
    level = [root]
    for _ in range(MAX_DEPTH):
        level = [child for element in level for child in element]
        if not level:
            return False
    return True


def _item(notification: Element) -> Item:
    sobject = notification.find(f"{OUTBOUND}sObject")
    if sobject is None:
        return Unreadable("a notification holds no sObject")
    record = fields(sobject)
    external_id = normalise_external_id(str(record.get("Id") or ""))
    type_name = (sobject.get(f"{XSI}type") or "").rpartition(":")[2] or KEY_PREFIXES.get(external_id[:3], "")
    key = dedupe_key((notification.findtext(f"{OUTBOUND}Id") or "").strip(), record)
    object_type = OBJECT_TYPES.get(type_name)
    if object_type is None:
        return Ignored(f"{type_name or 'sObject of unknown type'} is not kept", type_name or None, external_id, key)
    if not external_id:
        return Unreadable(
            "the sObject has no Id", "Select the field Id in the outbound message.", object_type, None, key
        )
    try:
        return full_record(object_type, external_id, record, key)
    except MappingError as error:
        return Unreadable(str(error), error.advice, object_type, external_id, key)


def full_record(object_type: ObjectType, external_id: str, record: Mapping[str, Any], key: str | None) -> Item:
    """The record by its own version time; without one only a signal, at a time that it does not tell. Raises MappingError."""
    stamped = record.get("SystemModstamp") or record.get("LastModifiedDate")
    if not stamped:
        return Signal(object_type, external_id, None, key or external_id)
    return FullRecord(
        object_type,
        external_id,
        record,
        instant("SystemModstamp", stamped),
        deleted=str(record.get("IsDeleted", "false")).lower() == "true",
        merged_into=record.get("MasterRecordId") or None,
        dedupe_key=key,
        actor=text(record.get("LastModifiedById")),
    )


def fields(sobject: Element) -> dict[str, Any]:
    """The fields by local name, as text; `xsi:nil` and empty are None."""
    return {
        child.tag.rpartition("}")[2]: None if child.get(f"{XSI}nil") == "true" else (child.text or None)
        for child in sobject
    }


def dedupe_key(notification_id: str, record: Mapping[str, Any]) -> str:
    """The notification's id with its content: a repeated notification may carry a newer state of the record."""
    content = hashlib.sha256(orjson.dumps(dict(record), option=orjson.OPT_SORT_KEYS)).hexdigest()
    return f"{notification_id}:{content[:24]}"
