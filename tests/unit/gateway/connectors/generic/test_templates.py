"""A signer and a verifier of any template agree, and on nothing else."""

import base64
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.connectors.generic import auth
from gateway.connectors.generic.schemes import Hmac
from gateway.connectors.verification import Credentials, Forged, MissingCredential, Refused, Stale, WebhookRequest
from tests.unit.gateway.connectors.generic.shipped import AT, hmac_scheme, request_of

LITERALS = st.text(st.characters(codec="utf-8", exclude_characters="{}"), max_size=4)
TEMPLATES = st.permutations(["{method}", "{url}", "{timestamp}", "{id}", "{body}"]).flatmap(
    lambda parts: st.lists(LITERALS, min_size=5, max_size=5).map(
        lambda texts: "".join(part + "." + text for part, text in zip(parts, texts, strict=True))
    )
)
SECRETS = st.sampled_from(["text", "hex", "base64"]).flatmap(
    lambda decoding: st.binary(min_size=1, max_size=40).map(
        lambda key: (
            decoding,
            {"text": "s" + key.hex(), "hex": key.hex(), "base64": base64.b64encode(key).decode()}[decoding],
        )
    )
)


@st.composite
def _signed(draw: st.DrawFn) -> tuple[Hmac, str, WebhookRequest]:
    form = draw(st.sampled_from(["whole", "pairs", "list", "base64_pair"]))
    decoding, secret = draw(SECRETS)
    unit = draw(st.sampled_from(["s", "ms"]))
    scheme = hmac_scheme(
        signed=draw(TEMPLATES),
        algorithm=draw(st.sampled_from(["sha1", "sha256", "sha512"])),
        encoding=draw(st.sampled_from(["hex", "base64"])),
        secret_decoding=decoding,
        signature={
            "whole": {"header": "Sig", "prefix": draw(st.sampled_from(["", "sha256="]))},
            "pairs": {"header": "Sig", "form": "pairs", "key": "v1"},
            "list": {"header": "Sig", "form": "list", "prefix": "v1,"},
            "base64_pair": {"header": "Sig", "form": "base64_pair"},
        }[form],
        timestamp={"header": "Sig", "key": "t", "unit": unit} if form == "pairs" else {"header": "When", "unit": unit},
        id={"header": "Id"},
    )
    at = AT + timedelta(seconds=draw(st.integers(-300, 300)))
    stamp = str(int(at.timestamp() * (1000 if unit == "ms" else 1)))
    body, identifier = draw(st.binary(max_size=60)), draw(st.from_regex(r"[a-z0-9]{1,12}", fullmatch=True))
    url = "https://x/" + draw(st.from_regex(r"[a-z?&=]{0,12}", fullmatch=True))
    signature = auth.sign(
        scheme, secret, method="POST", url=url, body=body, timestamp=stamp, identifier=identifier
    )  # fmt: skip
    written = {
        "whole": scheme.signature.prefix + signature,
        "pairs": f"t={stamp}, v1={signature},v0=older",
        "list": f"v0,older v1,{signature}",
        "base64_pair": base64.b64encode(f"hook:{signature}".encode()).decode(),
    }[form]
    headers = {"sig": written, "id": identifier} | ({} if form == "pairs" else {"when": stamp})
    return scheme, secret, WebhookRequest("POST", url, headers, body, AT)


@given(_signed(), st.booleans())
def test_what_a_template_signs_is_accepted_under_the_old_and_the_new_secret(
    signed: tuple[Hmac, str, WebhookRequest], is_new: bool
) -> None:
    scheme, secret, request = signed
    other = {"text": "other", "hex": "00ff", "base64": "AAAA"}[scheme.secret_decoding]
    both = [other, secret] if is_new else [secret, other]
    auth.verify([scheme], request, Credentials({"secret": both}, {}))
    # HMAC fills keys up with zero bytes: two that differ in these only are one.
    assume(scheme.key_of(secret).rstrip(b"\0") != scheme.key_of(other).rstrip(b"\0"))
    with pytest.raises(Forged):
        auth.verify([scheme], request, Credentials({"secret": other}, {}))


@given(_signed(), st.data())
def test_whatever_is_changed_of_a_signed_request_it_is_refused(
    signed: tuple[Hmac, str, WebhookRequest], data: st.DataObject
) -> None:
    scheme, secret, request = signed
    changed = data.draw(st.sampled_from(["body", "longer body", "method", "url", *request.headers]))
    match changed:
        case "body" if request.body:
            at = data.draw(st.integers(0, len(request.body) - 1))
            byte = data.draw(st.integers(0, 255).filter(lambda each: each != request.body[at]))
            other = replace(request, body=request.body[:at] + bytes([byte]) + request.body[at + 1 :])
        case "body" | "longer body":
            other = replace(request, body=request.body + data.draw(st.binary(min_size=1, max_size=4)))
        case "method":
            other = replace(request, method="PUT")
        case "url":
            other = replace(request, url=request.url + "x")
        case header:
            value = request.headers[header]
            text = data.draw(st.text(st.characters(codec="ascii"), max_size=len(value) + 1))
            assume(not _same_signature(scheme, text, value))
            other = replace(request, headers=dict(request.headers) | {header: text})
    with pytest.raises(Refused):
        auth.verify([scheme], other, Credentials({"secret": secret}, {}))


def _same_signature(scheme: Hmac, one: str, other: str) -> bool:
    """Hexadecimal is read in either case, and what stands around a signature of a list is not part of it."""
    return one.strip().lower() == other.strip().lower() if scheme.encoding == "hex" else one.strip() == other.strip()


@given(_signed(), st.data())
def test_a_character_changed_in_a_signature_or_time_is_refused(
    signed: tuple[Hmac, str, WebhookRequest], data: st.DataObject
) -> None:
    scheme, secret, request = signed
    assume(scheme.signature.form != "pairs")
    is_whole = scheme.signature.form == "whole"  # the others hold more than the signature
    header = data.draw(st.sampled_from(["sig", "when", "id"] if is_whole else ["when", "id"]))
    value = request.headers[header]
    at = data.draw(st.integers(0, len(value) - 1))
    letter = data.draw(st.characters(codec="ascii", categories=["L", "N"]).filter(lambda c: c.lower() != value[at].lower()))  # fmt: skip
    headers = dict(request.headers) | {header: value[:at] + letter + value[at + 1 :]}
    with pytest.raises(Refused):
        auth.verify([scheme], replace(request, headers=headers), Credentials({"secret": secret}, {}))


@given(_signed(), st.data())
def test_a_signed_request_without_one_of_its_headers_is_refused(
    signed: tuple[Hmac, str, WebhookRequest], data: st.DataObject
) -> None:
    scheme, secret, request = signed
    left_out = data.draw(st.sampled_from(sorted(request.headers)))
    for headers in (
        {name: value for name, value in request.headers.items() if name != left_out},
        dict(request.headers) | {left_out: ""},
    ):
        with pytest.raises(MissingCredential):
            auth.verify([scheme], replace(request, headers=headers), Credentials({"secret": secret}, {}))


@given(_signed(), st.sampled_from([-1, 1]), st.integers(601, 10**7))
def test_a_signature_from_another_time_is_stale_both_ways(
    signed: tuple[Hmac, str, WebhookRequest], way: int, seconds: int
) -> None:
    scheme, secret, request = signed
    late = replace(request, received_at=request.received_at + way * timedelta(seconds=seconds))
    with pytest.raises(Stale):
        auth.verify([scheme], late, Credentials({"secret": secret}, {}))


def test_all_signatures_are_compared_with_all_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []
    real = auth.hmac.compare_digest
    monkeypatch.setattr(auth.hmac, "compare_digest", lambda a, b: compared.append((a, b)) or real(a, b))
    scheme = hmac_scheme(signature={"header": "Sig", "form": "list"})
    good = auth.sign(scheme, "a", method="POST", url="", body=b"{}")
    auth.verify([scheme], request_of(b"{}", {"sig": f"{good} x y"}, AT), Credentials({"secret": ["a", "b"]}, {}))
    assert len(compared) == 6
