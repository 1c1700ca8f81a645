"""How likely two leads are one, with every reason. Pure.

A reason is worth the share of pairs with it that are taken to be one lead, an assumption and labelled as such; reasons
are put together as if they were independent: 1 - Π(1 - worth).
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from rapidfuzz import fuzz

SUGGESTED_FROM = 0.5
"""Pairs below this likeness are not shown."""

SAME_MAIL, SAME_PHONE, MAIL_ALIKE = 0.98, 0.9, 0.6
SAME_NAME, COMPANY_ALIKE, SAME_DOMAIN = 0.4, 0.55, 0.45
COMPANY_FROM, NAME_FROM, MAIL_FROM = 90.0, 90.0, 85.0
"""Least ratio of rapidfuzz, 0-100, at which two texts count as alike."""

_PHONE_DIGITS = 9
"""The last digits of a phone decide: country codes are written in many ways, or not at all."""

_FREE_MAIL = frozenset(
    {"aol.com", "gmail.com", "gmx.de", "gmx.net", "googlemail.com", "hotmail.com", "icloud.com", "live.com", "mail.com"}
    | {"me.com", "outlook.com", "proton.me", "protonmail.com", "web.de", "yahoo.com", "yandex.com"}
)
_LEGAL_FORMS = frozenset(
    {"ab", "ag", "as", "asa", "bv", "co", "company", "corp", "corporation", "gmbh", "group", "holding", "inc", "kg"}
    | {"kgaa", "limited", "llc", "llp", "ltd", "nv", "oy", "plc", "sa", "sarl", "sas", "se", "spa", "srl", "the"}
)


@dataclass(frozen=True, slots=True)
class Profile:
    """What is compared of a lead; texts as they were written, null where unknown."""

    lead_id: UUID
    company: str | None = None
    name: str | None = None
    email: str | None = None
    phone: str | None = None


@dataclass(frozen=True, slots=True)
class Alike:
    """One reason, in words that hold no person data, and its worth in [0, 1]."""

    rule: str
    detail: str
    worth: float


@dataclass(frozen=True, slots=True)
class Likeness:
    """How likely two leads are one, in [0, 1], and why: the worthiest reason first."""

    value: float
    reasons: tuple[Alike, ...]


def likeness(one: Profile, other: Profile) -> Likeness:
    """Compare two leads; the same whichever is first. 0 without any reason."""
    reasons = tuple(sorted(_reasons(one, other), key=lambda reason: (-reason.worth, reason.rule)))
    apart = 1.0
    for reason in reasons:
        apart *= 1 - reason.worth
    return Likeness(round(1 - apart, 3), reasons)


def keys(profile: Profile) -> frozenset[tuple[str, str]]:
    """(kind, key) pairs: only leads that share one are compared. Mails and phones are in them as digests only.

    Companies share the first letters or the longest word of their names, so one misspelt word does not part them.
    """
    found: set[tuple[str, str]] = set()
    if mail := plain_mail(profile.email):
        found.add(("mail", _digest(mail)))
    if domain := company_domain(profile.email):
        found.add(("domain", domain))
    if phone := plain_phone(profile.phone):
        found.add(("phone", _digest(phone)))
    if company := plain_company(profile.company):
        found.add(("start", company.replace(" ", "")[:5]))
        found.add(("word", max(company.split(), key=lambda word: (len(word), word))))
    return frozenset(found)


def plain_mail(email: str | None) -> str | None:
    """Lower case, without a `+tag`, and at Gmail without dots: one mailbox, one text."""
    if not email or email.count("@") != 1:
        return None
    local, domain = email.strip().lower().split("@")
    local = local.partition("+")[0]
    if domain in ("gmail.com", "googlemail.com"):
        local, domain = local.replace(".", ""), "gmail.com"
    return f"{local}@{domain}" if local and domain else None


def company_domain(email: str | None) -> str | None:
    """The domain of a mail that a company gives out; None for those that anybody can have."""
    mail = plain_mail(email)
    domain = mail.partition("@")[2] if mail else None
    return None if domain in _FREE_MAIL else domain


def plain_phone(phone: str | None) -> str | None:
    """The last nine digits; None for fewer than seven."""
    digits = re.sub(r"\D", "", phone or "")
    return digits[-_PHONE_DIGITS:] if len(digits) >= 7 else None


def plain_company(company: str | None) -> str | None:
    """Lower-case words without legal forms and punctuation; None if nothing is left."""
    words = re.findall(r"\w+", (company or "").lower().replace(".", ""))
    return " ".join(word for word in words if word not in _LEGAL_FORMS) or None


def _reasons(one: Profile, other: Profile) -> Iterator[Alike]:
    mine, theirs = plain_mail(one.email), plain_mail(other.email)
    if mine and theirs:
        if mine == theirs:
            yield Alike("same mail", "the same mailbox", SAME_MAIL)
        elif (ratio := _mail_ratio(mine, theirs)) >= MAIL_FROM:
            yield Alike("mail alike", f"mail addresses {ratio:.0f} % alike", MAIL_ALIKE)
    phones = plain_phone(one.phone), plain_phone(other.phone)
    if phones[0] and phones[0] == phones[1]:
        yield Alike("same phone", "the same phone", SAME_PHONE)
    yield from _of_company(one, other)
    if one.name and other.name and (ratio := fuzz.token_sort_ratio(one.name.lower(), other.name.lower())) >= NAME_FROM:
        yield Alike("name alike", f"names {ratio:.0f} % alike", SAME_NAME)


def _mail_ratio(one: str, other: str) -> float:
    """The lesser likeness of mailbox and domain, 0-100: `a@firm` and `b@firm` are two people."""
    parts = zip(one.split("@"), other.split("@"), strict=True)
    return min(fuzz.ratio(mine, theirs) for mine, theirs in parts)


def _of_company(one: Profile, other: Profile) -> Iterator[Alike]:
    mine, theirs = plain_company(one.company), plain_company(other.company)
    if mine and theirs:
        ratio = max(fuzz.token_sort_ratio(mine, theirs), fuzz.ratio(mine.replace(" ", ""), theirs.replace(" ", "")))
        if ratio >= COMPANY_FROM:
            yield Alike("company alike", f"companies {ratio:.0f} % alike", COMPANY_ALIKE)
    domains = company_domain(one.email), company_domain(other.email)
    if domains[0] and domains[0] == domains[1]:
        yield Alike("same domain", f"both write from {domains[0]}", SAME_DOMAIN)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
