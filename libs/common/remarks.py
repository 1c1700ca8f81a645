"""What people write about a case, and the person data that does not belong in it."""

import re

MAIL = re.compile(r"[^\s<>,;]+@[^\s<>,;]+")
PHONE = re.compile(r"\+\d[\d ()/.-]{5,}\d")


def names_an_address(written: str) -> bool:
    """Whether a mail address or an international phone number stands in it."""
    return bool(MAIL.search(written) or PHONE.search(written))


def without_addresses(written: str) -> str:
    """The text with dots in the place of mail addresses and international phone numbers."""
    return PHONE.sub("…", MAIL.sub("…", written))
