"""What the sheet of a scorecard shows of its contents: geometry, what fits on one page, and the names of its lines. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from gateway.pages.format import whole

WIDTH: Final = Decimal(1000)
HEIGHT: Final = Decimal(240)
ROOM: Final = Decimal(12)
FITS: Final = 5
"""Rows of a list that have room on one page; the rest is one row."""
CAMPAIGNS_FIT: Final = 2
DECISIONS_FIT: Final = 3
"""Decisions take two rows each on a sheet whose other lists are full."""
TITLES: Final = {"market": "By market", "product": "By product", "deal_type": "New and renewal"}
STATUSES: Final = {
    "missing_in_crm": "not in the CRM",
    "missing_in_finance": "not in finance",
    "differing": "differs",
    "elsewhere": "counts in another month",
    "matched": "matched",
}


@dataclass(frozen=True)
class Bar:
    """Closed beside a target and the year before on one axis, in thousandths; None where unknown."""

    closed: str
    target: str | None
    last_year: str | None


@dataclass(frozen=True)
class Row:
    """A part of a cut; `line` is None for the rest that did not fit.

    `attained`: its share of what plans want of it; `note`: what of it they credit, where that is not all that is closed.
    """

    line: str | None
    label: str
    closed: Decimal
    share: str | None
    width: str
    attained: str | None = None
    note: str = ""


@dataclass(frozen=True)
class Day:
    """What was said on a day of a past quarter, as a range with its number, and the naive one."""

    x: str
    low: str
    high: str
    ours: str
    hit: bool


@dataclass(frozen=True)
class Quarter:
    """A past quarter in the picture: from `x` to `end`, what came, and what was said of it on its days."""

    label: str
    x: str
    middle: str
    end: str
    came: str
    naive: str | None
    days: Sequence[Day]


@dataclass(frozen=True)
class PastRow:
    """A past quarter in the table: what came, ours by day, the naive one."""

    label: str
    came: str
    ours: Mapping[int, Mapping[str, Any]]
    naive: str | None


def bar(booked: Mapping[str, Any]) -> Bar:
    """The geometry of a row of bookings; its axis ends at the greatest of the three."""
    values = [Decimal(booked[name]) if booked[name] is not None else None for name in ("closed", "target", "last_year")]
    end = max([value for value in values if value is not None] + [Decimal(1)])
    closed, target, last_year = (None if value is None else _at(value, Decimal(), end) for value in values)
    return Bar(closed or "0", target, last_year)


def rows(cut: Mapping[str, Any]) -> list[Row]:
    """The parts of a cut that fit, and the others as one row, so that they still add up."""
    parts = cut["parts"]
    shown = parts if len(parts) <= FITS else parts[: FITS - 1]
    rest = parts[len(shown) :]
    greatest = max([abs(Decimal(part["closed"])) for part in parts] + [Decimal(1)])
    made = [
        Row(part["line"], part["label"] or f"no {_word(cut)}", Decimal(part["closed"]), part["share"], _wide(part["closed"], greatest),
            part["attainment"], _credited(part))
        for part in shown
    ]  # fmt: skip
    if rest:
        closed = sum((Decimal(part["closed"]) for part in rest), Decimal())
        known = [Decimal(part["share"]) for part in rest if part["share"] is not None]
        share = str(sum(known, Decimal())) if known else None
        made.append(Row(None, f"{len(rest)} others", closed, share, _wide(closed, greatest)))
    return made


def campaigns(contents: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """All campaigns together, then the dearest that fit; nothing of a document that tells of none."""
    found = contents.get("campaigns")
    return [found["total"], *found["parts"][:CAMPAIGNS_FIT]] if found else []


def range_of(landing: Mapping[str, Any]) -> dict[str, Any]:
    """Closed, range, projection and target of a quarter on one axis from 0; `holds_mean`: the projection lies within its range."""
    names = ("closed", "low", "high", "projection", "target")
    values = {name: Decimal(landing[name]) if landing[name] is not None else None for name in names}
    end = max([value for value in values.values() if value is not None] + [Decimal(1)])
    low, high, mean = (Decimal(landing[name]) for name in ("low", "high", "projection"))
    drawn = {name: None if value is None else _at(value, Decimal(), end) for name, value in values.items()}
    return {**drawn, "holds_mean": low <= mean <= high}


def days_of(said: Iterable[Mapping[str, Any]]) -> list[int]:
    """The days on which numbers were said, first to last."""
    return sorted({each["day"] for each in said})


def past(said: Sequence[Mapping[str, Any]]) -> list[PastRow]:
    """Past quarters as a table, newest first."""
    labels = list(dict.fromkeys(each["label"] for each in said))
    found = []
    for label in labels:
        of = [each for each in said if each["label"] == label]
        naive = next((each["naive"] for each in of if each["naive"] is not None), None)
        found.append(PastRow(label, of[0]["came"], {each["day"]: each for each in of}, naive))
    return found


def picture(said: Sequence[Mapping[str, Any]]) -> list[Quarter]:
    """Past quarters as a picture, oldest first: ranges of 80 % by day beside what came."""
    quarters = list(reversed(past(said)))
    if not quarters:
        return []
    every = [Decimal(value) for each in said for value in (each["low"], each["high"], each["came"])]
    every += [Decimal(each["naive"]) for each in said if each["naive"] is not None]
    low, high = min(every), max(every)
    wide = WIDTH / len(quarters)
    days = days_of(said)

    def y(value: Any) -> str:
        span = high - low or Decimal(1)
        return f"{HEIGHT - ROOM - (Decimal(value) - low) * (HEIGHT - 2 * ROOM) / span:.1f}"

    found = []
    for place, quarter in enumerate(quarters):
        x = wide * place
        step = wide / (len(days) + 1)
        marks = [
            Day(
                f"{x + step * (days.index(day) + 1):.1f}", y(each["low"]), y(each["high"]), y(each["ours"]), each["hit"]
            )
            for day, each in sorted(quarter.ours.items())
        ]
        naive = None if quarter.naive is None else y(quarter.naive)
        inset = wide / 12
        found.append(
            Quarter(quarter.label, f"{x + inset:.1f}", f"{x + wide / 2:.1f}", f"{x + wide - inset:.1f}", y(quarter.came), naive, marks)
        )  # fmt: skip
    return found


def decisions(contents: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Those whose check fell into the month first, since how they turned out is news; then the newest, as the document has them."""
    first, last = str(contents["start"]), str(contents["last_day"])
    told: Sequence[Mapping[str, Any]] = contents["decisions"]
    return sorted(told, key=lambda each: not (each["outcome"] and first <= str(each["check_on"]) <= last))


def lines(contents: Mapping[str, Any]) -> dict[str, str]:
    """The names of all lines that a question can be about, in the order of the sheet, each in words."""
    found = {each["line"]: f"Bookings, {each['label']}" for each in contents["bookings"]}
    for cut in contents["cuts"]:
        found |= {part["line"]: f"{TITLES[cut['by']]}: {part['label'] or 'none'}" for part in cut["parts"]}
    landing = contents["landing"]
    found[landing["line"]] = f"Projection of {landing['label']}"
    found |= {each["line"]: f"Coverage of {each['label']}" for each in contents["ahead"]}
    found |= {each["line"]: f"Win rate, {each['label']}" for each in contents["win_rates"]}
    cover = contents.get("cover")
    named = (*contents["concentration"], *contents.get("valued", ()), *([cover] if cover else ()), *contents["unknown"])
    found |= {each["line"]: each["label"] for each in named}
    found |= {each["line"]: f"Campaigns: {each['label']}" for each in campaigns(contents)}
    found |= {each["line"]: f"Our number for {each['label']}, day {each['day'] or 1}" for each in contents["said"]}
    found[contents["tie_out"]["line"]] = "Tie-out"
    found |= {each["line"]: f"Restatement of {each['label']}" for each in contents["restated"]}
    return found | {each["line"]: f"Decision: {each['plan']}, {each['choice']}" for each in contents["decisions"]}


def _credited(part: Mapping[str, Any]) -> str:
    """Said where plans divide only some units by it, so that they credit less to it than was closed."""
    credited = part.get("credited")
    if credited is None or Decimal(credited) == Decimal(part["closed"]):
        return ""
    return f"in plans {whole(credited)}"


def _word(cut: Mapping[str, Any]) -> str:
    return "type" if cut["by"] == "deal_type" else str(cut["by"])


def _at(value: Decimal, low: Decimal, high: Decimal) -> str:
    return f"{max(value - low, Decimal()) * WIDTH / (high - low):.2f}"


def _wide(amount: Any, greatest: Decimal) -> str:
    return f"{abs(Decimal(amount)) * WIDTH / greatest:.2f}"
