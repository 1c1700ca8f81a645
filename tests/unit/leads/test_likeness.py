from hypothesis import given
from hypothesis import strategies as st

from libs.common.matching import Matcher, plain_mail, plain_name, plain_phone
from services.leads.duplicates.likeness import SUGGESTED_FROM, Profile, keys, likeness
from tests.unit.leads.records import LEAD

texts = st.one_of(st.none(), st.text(max_size=12), st.sampled_from(["Acme GmbH", "acme", "Nordwind AG", "Ida Holm"]))
mails = st.sampled_from(
    [None, "ida@acme.example", "bob@acme.example", "Ida+web@acme.example", "bob@gmail.com", "x@@y", "@"]
)
phones = st.sampled_from([None, "+49 30 1234567", "030/1234567", "12"])
MATCHER = Matcher("a secret")


def profile(
    company: str | None = None,
    name: str | None = None,
    email: str | None = None,
    phone: str | None = None,
    *,
    crm: bool = False,
) -> Profile:
    """A lead captured here; of one from a CRM only the keys of its person are known."""
    keys = MATCHER.keys(name=name, email=email, phone=phone)
    return Profile(LEAD, company, matched=keys) if crm else Profile(LEAD, company, name, email, phone, keys)


profiles = st.builds(profile, texts, texts, mails, phones, crm=st.booleans())


@given(one=profiles, other=profiles)
def test_likeness_is_the_same_in_both_directions_and_a_share(one: Profile, other: Profile) -> None:
    alike = likeness(one, other)
    assert alike == likeness(other, one)
    assert 0 <= alike.value <= 1
    assert (alike.value == 0) == (not alike.reasons)


@given(one=profiles, other=profiles)
def test_whoever_shares_a_mailbox_phone_or_domain_is_compared(one: Profile, other: Profile) -> None:
    exact = {"same mail", "same phone", "same domain"}
    if exact & {reason.rule for reason in likeness(one, other).reasons}:
        assert keys(one) & keys(other)


def test_who_shares_nothing_but_a_companys_domain_is_compared() -> None:
    assert keys(profile(email="a@nordwind.example")) & keys(profile(email="b@nordwind.example", crm=True))


def test_one_mailbox_is_one_however_it_is_written() -> None:
    assert plain_mail("Ida.Holm+web@GMail.com") == plain_mail("idaholm@googlemail.com") == "idaholm@gmail.com"
    assert plain_mail("no mail") is None
    assert plain_phone("+49 (171) 123-45678") == plain_phone("0171/12345678") == "112345678"
    assert plain_phone("12") is None


@given(one=st.tuples(texts, texts, mails, phones), other=st.tuples(texts, texts, mails, phones), crm=st.booleans())
def test_a_lead_of_a_crm_is_never_likelier_another_than_were_its_texts_known(
    one: tuple[str, ...], other: tuple[str, ...], crm: bool
) -> None:
    keyed = likeness(profile(*one, crm=True), profile(*other, crm=crm))
    known = likeness(profile(*one), profile(*other))
    assert keyed.value <= known.value
    exact = {"same mail", "same phone", "same domain", "company alike"}
    assert {why.rule for why in keyed.reasons} & exact == {why.rule for why in known.reasons} & exact


def test_of_a_crms_lead_the_same_mailbox_phone_and_name_are_found_and_what_is_alike_is_not() -> None:
    ida = {"name": "Ida Holm", "email": "ida@nordwind.example", "phone": "+49 30 1234567"}
    captured, keyed = (
        profile(**ida),
        profile(name="HOLM, Ída", email="Ida+crm@nordwind.example", phone="030/1234567", crm=True),
    )
    rules = [why.rule for why in likeness(captured, keyed).reasons]
    assert rules == ["same mail", "same phone", "same domain", "same name"]
    assert rules == [why.rule for why in likeness(keyed, profile(**ida, crm=True)).reasons]
    misspelt = profile(name="Ida Holmm", email="idaa@nordwind.example", crm=True)
    assert [why.rule for why in likeness(captured, misspelt).reasons] == ["same domain"]


def test_keys_need_the_secret_and_a_phone_never_has_the_key_of_a_domain() -> None:
    one = {"name": None, "email": "a@123456789", "phone": "123456789"}
    mine, other = MATCHER.keys(**one), Matcher("another").keys(**one)
    assert None not in (mine.phone, mine.domain)
    assert len({mine.phone, mine.domain, other.phone, other.domain}) == 4
    assert MATCHER.fingerprint != Matcher("another").fingerprint


def test_a_name_is_its_words_in_any_order_case_and_accent_and_one_word_is_none() -> None:
    assert plain_name("Holm, Ída") == plain_name("ida  HOLM") == "holm ida"
    assert plain_name("Ida") is plain_name(None) is plain_name("  ") is None


def test_a_shared_mailbox_alone_is_enough_and_says_so_without_naming_it() -> None:
    alike = likeness(profile(email="ida@acme.example"), profile(email="IDA+x@acme.example", company="Other"))
    assert alike.value > SUGGESTED_FROM
    assert alike.reasons[0].rule == "same mail"
    assert "ida" not in str(alike.reasons).lower()


def test_company_and_domain_together_are_likelier_than_either() -> None:
    both = likeness(
        profile(company="Nordwind Logistik GmbH", email="a@nordwind.example"),
        profile(company="Nordwind Logistic", email="b@nordwind.example"),
    )
    company = likeness(profile(company="Nordwind Logistik GmbH"), profile(company="Nordwind Logistic"))
    assert [reason.rule for reason in both.reasons] == ["company alike", "same domain"]
    assert both.value > company.value >= SUGGESTED_FROM


def test_a_mail_that_anybody_can_have_says_nothing_of_the_company() -> None:
    assert likeness(profile(email="ann@gmail.com"), profile(email="bob@gmail.com")).value == 0


def test_other_companies_are_not_suggested() -> None:
    assert likeness(profile(company="Acme Tools"), profile(company="Birch Paper")).value == 0


def test_mails_and_phones_leave_no_readable_trace_in_what_is_compared() -> None:
    found = keys(profile(email="ida@gmail.com", phone="+49 30 1234567", name="Ida Holm"))
    assert found
    assert not any("ida" in key or "1234567" in key for _, key in found)
