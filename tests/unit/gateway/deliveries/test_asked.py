"""A query in one line."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.deliveries.asked import Selection, UnreadableQuery, parse

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def test_nothing_asks_for_everything() -> None:
    assert parse("  ", now=NOW) == Selection()


def test_terms_and_words_are_told_apart() -> None:
    asked = parse("connection:hub state:parked id:77 'unknown stage' since:2h", now=NOW)

    assert asked == Selection(
        connection="hub", state="parked", external_id="77", text="unknown stage", since=NOW - timedelta(hours=2)
    )


@pytest.mark.parametrize(
    ("written", "at"),
    [
        ("2026-03-01", datetime(2026, 3, 1, tzinfo=UTC)),
        ("2026-03-01T09:30:00Z", datetime(2026, 3, 1, 9, 30, tzinfo=UTC)),
        ("2026-03-01T09:30:00+02:00", datetime(2026, 3, 1, 7, 30, tzinfo=UTC)),
        ("3d", NOW - timedelta(days=3)),
        ("45s", NOW - timedelta(seconds=45)),
    ],
)
def test_times_are_instants_or_ages(written: str, at: datetime) -> None:
    assert parse(f"until:{written}", now=NOW).until == at


def test_words_join_into_one_text() -> None:
    assert parse("text:stage is Moonshot", now=NOW).text == "stage is Moonshot"


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("stat:parked", "stat cannot be asked for"),
        ("state:lost", "There is no state lost"),
        ("since:yesterday", "yesterday is no time"),
        ("id:1 id:2", "id is given twice"),
        ("'open", "cannot be read"),
    ],
)
def test_what_cannot_be_read_is_named(query: str, said: str) -> None:
    with pytest.raises(UnreadableQuery, match=said):
        parse(query, now=NOW)


def test_what_is_given_is_shown() -> None:
    assert Selection(connection="hub", since=NOW).shown() == {"connection": "hub", "since": str(NOW)}
