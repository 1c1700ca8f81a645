"""How likely two leads are one, with every reason. Pure.

A reason is worth the share of pairs with it that are taken to be one lead, an assumption and labelled as such; reasons
are put together as if they were independent: 1 - Π(1 - worth).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from rapidfuzz import fuzz

from libs.common.matching import MatchKeys, company_domain, plain_mail

SUGGESTED_FROM = 0.5
"""Pairs below this likeness are not shown."""

SAME_MAIL, SAME_PHONE, MAIL_ALIKE = 0.98, 0.9, 0.6
SAME_NAME, COMPANY_ALIKE, SAME_DOMAIN = 0.4, 0.55, 0.45
COMPANY_FROM, NAME_FROM, MAIL_FROM = 90.0, 90.0, 85.0
"""Least ratio of rapidfuzz, 0-100, at which two texts count as alike."""

_LEGAL_FORMS = frozenset(
    {"ab", "ag", "as", "asa", "bv", "co", "company", "corp", "corporation", "gmbh", "group", "holding", "inc", "kg"}
    | {"kgaa", "limited", "llc", "llp", "ltd", "nv", "oy", "plc", "sa", "sarl", "sas", "se", "spa", "srl", "the"}
)


@dataclass(frozen=True, slots=True)
class Profile:
    """What is compared of a lead; texts as they were written, null where unknown.

    Of a CRM's lead only the `matched` keys are known, so mails and names of it are found equal or not at all.
    """

    lead_id: UUID
    company: str | None = None
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    matched: MatchKeys = MatchKeys()


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
    """(kind, key) pairs: only leads that share one are compared. Mails, phones and domains are in them as digests only.

    Companies share the first letters or the longest word of their names, so one misspelt word does not part them.
    """
    found: set[tuple[str, str]] = set()
    matched = profile.matched
    for kind, key in (("mail", matched.mail), ("domain", matched.domain), ("phone", matched.phone)):
        if key is not None:
            found.add((kind, key))
    if company := plain_company(profile.company):
        found.add(("start", company.replace(" ", "")[:5]))
        found.add(("word", max(company.split(), key=lambda word: (len(word), word))))
    return frozenset(found)


def plain_company(company: str | None) -> str | None:
    """Lower-case words without legal forms and punctuation; None if nothing is left."""
    words = re.findall(r"\w+", (company or "").lower().replace(".", ""))
    return " ".join(word for word in words if word not in _LEGAL_FORMS) or None


def _reasons(one: Profile, other: Profile) -> Iterator[Alike]:
    mine, theirs = one.matched, other.matched
    if mine.mail and mine.mail == theirs.mail:
        yield Alike("same mail", "the same mailbox", SAME_MAIL)
    elif (ratio := _mail_ratio(plain_mail(one.email), plain_mail(other.email))) >= MAIL_FROM:
        yield Alike("mail alike", f"mail addresses {ratio:.0f} % alike", MAIL_ALIKE)
    if mine.phone and mine.phone == theirs.phone:
        yield Alike("same phone", "the same phone", SAME_PHONE)
    yield from _of_company(one, other)
    if mine.name and mine.name == theirs.name:
        yield Alike("same name", "the same name", SAME_NAME)
    elif one.name and other.name and (ratio := _name_ratio(one.name, other.name)) >= NAME_FROM:
        yield Alike("name alike", f"names {ratio:.0f} % alike", SAME_NAME)


def _mail_ratio(one: str | None, other: str | None) -> float:
    """The lesser likeness of mailbox and domain, 0-100: `a@firm` and `b@firm` are two people. 0 where one is not known as text."""
    if one is None or other is None:
        return 0.0
    parts = zip(one.split("@"), other.split("@"), strict=True)
    return min(fuzz.ratio(mine, theirs) for mine, theirs in parts)


def _name_ratio(one: str, other: str) -> float:
    return fuzz.token_sort_ratio(one.lower(), other.lower())


def _of_company(one: Profile, other: Profile) -> Iterator[Alike]:
    mine, theirs = plain_company(one.company), plain_company(other.company)
    if mine and theirs:
        ratio = max(fuzz.token_sort_ratio(mine, theirs), fuzz.ratio(mine.replace(" ", ""), theirs.replace(" ", "")))
        if ratio >= COMPANY_FROM:
            yield Alike("company alike", f"companies {ratio:.0f} % alike", COMPANY_ALIKE)
    if one.matched.domain and one.matched.domain == other.matched.domain:
        domain = company_domain(one.email) or company_domain(other.email)
        yield Alike("same domain", f"both write from {domain or 'one company'}", SAME_DOMAIN)
