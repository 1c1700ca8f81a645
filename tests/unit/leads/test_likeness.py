from hypothesis import given
from hypothesis import strategies as st

from services.leads.duplicates.likeness import SUGGESTED_FROM, Profile, keys, likeness, plain_mail, plain_phone
from tests.unit.leads.records import LEAD, WINNER

texts = st.one_of(st.none(), st.text(max_size=12), st.sampled_from(["Acme GmbH", "acme", "Nordwind AG", "Ida Holm"]))
mails = st.sampled_from([None, "ida@acme.example", "Ida+web@acme.example", "bob@gmail.com", "x@@y", "@"])
phones = st.sampled_from([None, "+49 30 1234567", "030/1234567", "12"])
profiles = st.builds(Profile, st.sampled_from([LEAD, WINNER]), texts, texts, mails, phones)


def profile(**known: str) -> Profile:
    return Profile(LEAD, **known)


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


def test_one_mailbox_is_one_however_it_is_written() -> None:
    assert plain_mail("Ida.Holm+web@GMail.com") == plain_mail("idaholm@googlemail.com") == "idaholm@gmail.com"
    assert plain_mail("no mail") is None
    assert plain_phone("+49 (171) 123-45678") == plain_phone("0171/12345678") == "112345678"
    assert plain_phone("12") is None


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
    found = keys(profile(email="ida@gmail.com", phone="+49 30 1234567"))
    assert found
    assert not any("ida" in key or "1234567" in key for _, key in found)
