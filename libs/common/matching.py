"""What tells that two people are one, as keyed digests: the same mailbox, phone, name or company's domain gives the same key.

Keys leave the place where person data is kept; without the secret nobody can try texts against them. Only equality is left of a
text: two keys say nothing of how much alike two texts are.
"""

import hashlib
import hmac
import re
import unicodedata
from dataclasses import dataclass

PHONE_DIGITS = 9
"""The last digits of a phone decide: country codes are written in many ways, or not at all."""

LEAST_DIGITS = 7
_FREE_MAIL = frozenset(
    {"aol.com", "gmail.com", "gmx.de", "gmx.net", "googlemail.com", "hotmail.com", "icloud.com", "live.com", "mail.com"}
    | {"me.com", "outlook.com", "proton.me", "protonmail.com", "web.de", "yahoo.com", "yandex.com"}
)


@dataclass(frozen=True, slots=True)
class MatchKeys:
    """128 bits each, in hex; null where nothing is known. `domain`: of a company, never one that anybody can have."""

    mail: str | None = None
    phone: str | None = None
    domain: str | None = None
    name: str | None = None


class Matcher:
    """Makes keys with the deployment's secret. Keys of two secrets never match."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    @property
    def fingerprint(self) -> str:
        """Tells secrets apart without telling them."""
        return self._digest("fingerprint", "")

    def keys(self, *, name: str | None, email: str | None, phone: str | None) -> MatchKeys:
        """The keys of a person, from texts as they were written."""
        return MatchKeys(
            mail=self._key("mail", plain_mail(email)),
            phone=self._key("phone", plain_phone(phone)),
            domain=self._key("domain", company_domain(email)),
            name=self._key("name", plain_name(name)),
        )

    def _key(self, kind: str, plain: str | None) -> str | None:
        return None if plain is None else self._digest(kind, plain)

    def _digest(self, kind: str, plain: str) -> str:
        """The kind is part of it: a phone never has the key of a name."""
        return hmac.new(self._secret, f"{kind}:{plain}".encode(), hashlib.sha256).hexdigest()[:32]


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
    return digits[-PHONE_DIGITS:] if len(digits) >= LEAST_DIGITS else None


def plain_name(name: str | None) -> str | None:
    """Words without accents and case, in the order of the alphabet: `Holm, Idá` is `Ida Holm`. None for a single word."""
    letters = unicodedata.normalize("NFKD", name or "")
    words = re.findall(r"\w+", "".join(each for each in letters if not unicodedata.combining(each)).casefold())
    return " ".join(sorted(words)) if len(words) > 1 else None
