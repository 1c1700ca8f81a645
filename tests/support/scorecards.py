"""Scorecards as the forecast answers them, of a company that exists only here: so full that each list has more than fits."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from libs.common.calendar import FiscalCalendar
from services.forecast.attainment.targets import OfPlans
from services.forecast.campaigns.figures import CAVEAT
from services.forecast.scorecard.cutting import concentration, cut, summed
from services.forecast.scorecard.document import (
    FORMAT,
    Ahead,
    Booked,
    Closing,
    Contents,
    DealRestated,
    Decided,
    Landing,
    Rate,
    Restated,
    Said,
    Unknown,
    Win,
)
from services.forecast.scorecard.schemas import CardOut, DraftOut, NoteOut, SignatureOut
from services.forecast.scorecard.sections import Campaign, Campaigns, Covered, Touch, Valued
from services.forecast.scorecard.tieout import Order, tie

MONTH = FiscalCalendar().parse("2026-10")
AT = datetime(2026, 11, 5, 8, 30, tzinfo=UTC)
MARKETS = ("DACH", "Nordics", "France", "Benelux", "Iberia", "United Kingdom and Ireland", "Italy")


def win(number: int, amount: str | None, **told: Any) -> Win:
    """A deal that counts in the month, in euros unless told otherwise."""
    given: dict[str, Any] = {
        "deal_id": UUID(int=number), "name": f"Rollout {number} of the northern plants", "connection": "crm",
        "external_id": f"D-{number}", "account_id": UUID(int=1000 + number % 9), "booked_on": date(2026, 10, 1 + number % 28),
        "counted_why": "booked", "market": MARKETS[number % 7], "product": f"Line {number % 8}",
        "deal_type": ("new", "expansion", "renewal")[number % 3], "value_basis": "one_off",
        "amount": None if amount is None else Decimal(amount), "currency": "EUR",
        "amount_base": None if amount is None else Decimal(amount),
    }  # fmt: skip
    return Win.model_validate(given | told)


def contents(**changes: Any) -> dict[str, Any]:
    """A month of thirty wins with everything that a scorecard can say; `changes` replace whole sections."""
    wins = [win(number, f"{number * 17350}.25") for number in range(1, 31)]
    orders = [
        Order(f"A-{each.deal_id.int}", 1, "order", str(each.external_id), each.amount or Decimal(), "EUR", each.booked_on)
        for each in wins[:25]
    ]  # fmt: skip
    orders += [Order("A-90", 1, "invoice", "D-26", Decimal(400_000), "EUR", date(2026, 10, 9))]
    orders += [Order("A-91", 1, "order", "X-1", Decimal(12_000), "EUR", date(2026, 10, 9))]
    tied = tie(orders, wins, {}, [], MONTH, lambda amount, currency, day: amount)
    made = Contents(
        format=FORMAT, unit_id=UUID(int=1), unit="Northwind", period=MONTH.key, label=MONTH.label, start=MONTH.start,
        last_day=MONTH.last_day, as_of=AT, known_at=AT, closing=Closing(closed_at=AT, closed_by="user:fin", reason="audited"),
        currency="EUR", value_basis="one_off", completeness=0.9987, orders_known_at=AT, versions=[FORMAT],
        bookings=[
            booked("bookings.month", "October 2026", "8067757.50", "9000000.00", "7100000.00"),
            booked("bookings.quarter", "Q4 2026 to date", "8067757.50", "9000000.00", "7100000.00"),
            booked("bookings.year", "FY2026 to date", "78067757.50", None, "66000000.00"),
        ],
        cuts=[
            cut(wins, "market", {name: OfPlans(Decimal(1_500_000), summed(w for w in wins if w.market == name)) for name in MARKETS[:4]}),
            cut(wins, "product", {"Line 6": OfPlans(Decimal(900_000), Decimal(450_000))}),
            cut(wins, "deal_type", {}),
        ],
        landing=Landing(
            line="landing", label="Q4 2026", is_over=False, closed=Decimal("8067757.50"), projection=Decimal("24310000.00"),
            low=Decimal("21900000.00"), high=Decimal("27150000.00"), target=Decimal("27000000.00"), chance=0.1243,
        ),
        ahead=[
            Ahead(line="ahead.2027Q1", label="Q1 2027", open=Decimal("31000000.00"), target=Decimal("26000000.00"),
                  required_open=Decimal("52000000.00"), coverage=0.5962, reason=None),
            Ahead(line="ahead.2027Q2", label="Q2 2027", open=Decimal("12000000.00"), target=None, required_open=None,
                  coverage=None, reason="No target is set."),
        ],
        win_rates=[
            Rate(line="win_rate.quarter", label="Q4 2026", value=0.2917, low=0.2108, high=0.3884, n=96, reason=None),
            Rate(line="win_rate.year", label="FY2026", value=None, low=None, high=None, n=12, reason="only 12 closed deals, under 20"),
        ],
        concentration=concentration(wins),
        valued=[
            Valued(line="price_realisation", label="Price realisation", part=Decimal("4310000.00"), whole=Decimal("5020000.00"),
                   share=Decimal("0.8586"), deals=19, bookings=Decimal("5000000.00"), covered=Decimal("0.6198")),
        ],
        cover=Covered(
            line="executive_cover", label="Executive cover", open=Decimal("43000000.00"), with_executive=Decimal("19350000.00"),
            share=Decimal("0.4500"), at_risk=Decimal("6100000.00"), lapsed=Decimal("2050000.00"), accounts=61, covered=14, reason=None,
        ),
        campaigns=Campaigns(
            since=date(2025, 11, 1), until=date(2026, 10, 31), caveat=CAVEAT, total=campaign("campaigns", "All campaigns", "84500.00"),
            parts=[campaign(f"campaign.{number}", f"{name} fair of the northern plants", f"{number * 9000}.00")
                   for number, name in enumerate(("Spring", "Summer", "Autumn", "Winter"), start=1)],
        ),
        unknown=[Unknown(line="margin", label="Margin", reason="No deal of the month has a quote whose cost is known.")],
        said=[
            said(f"Q{4 - place % 4} {2025 - place // 4}", day, 20_000_000 + 400_000 * (place % 5), place)
            for place in range(8) for day in (0, 30, 60)
        ],
        why_nothing_said=None, tie_out=tied,
        restated=[restated(f"2026-{month:02d}") for month in range(9, 2, -1)],
        months_compared=7, decisions=[decided(place) for place in range(9)], no_decisions=None, wins=wins, unpriced=1, other_bases=0,
    )  # fmt: skip
    return made.model_dump(mode="json") | changes


def campaign(line: str, label: str, cost: str) -> Campaign:
    touch = Touch(leads=512, pipeline=Decimal("1210000.00"), won=Decimal("338000.00"), roi=Decimal("3.0000"))
    return Campaign(
        line=line, label=label, market=None if line == "campaigns" else "DACH", cost=Decimal(cost), first=touch, last=touch, reason=None,
    )  # fmt: skip


OLD_UNKNOWN = [
    {
        "line": "price_realisation",
        "label": "Price realisation",
        "reason": "Pricing does not tell the forecast what was listed.",
    },
    {"line": "margin", "label": "Margin", "reason": "Pricing does not tell the forecast what was paid for it."},
    {
        "line": "executive_cover",
        "label": "Executive cover",
        "reason": "Nobody tells the forecast who looks after which account.",
    },
]


SINCE = {"valued", "cover", "campaigns"}
"""Sections that the first format did not have."""


def first_format(made: dict[str, Any] | None = None) -> dict[str, Any]:
    """The same month as documents of the first format say it, which were signed before more was told; they never change."""
    kept = {name: value for name, value in (made or contents()).items() if name not in SINCE}
    kept["cuts"] = [
        each
        | {
            "no_target": f"Nobody has set a target by {each['by']}.",
            "parts": [
                {name: value for name, value in part.items() if name != "credited"}
                | {"target": None, "attainment": None}
                for part in each["parts"]
            ],
        }
        for each in kept["cuts"]
    ]
    return kept | {"format": "scorecard-1", "versions": ["scorecard-1"], "unknown": OLD_UNKNOWN}


def booked(line: str, label: str, closed: str, target: str | None, last_year: str) -> Booked:
    amount, wanted, before = Decimal(closed), None if target is None else Decimal(target), Decimal(last_year)
    return Booked(
        line=line, label=label, closed=amount, target=wanted, target_source=None if wanted is None else "even",
        attainment=None if wanted is None else round(amount / wanted, 4), gap=None if wanted is None else wanted - amount,
        last_year=before, growth=round(amount / before - 1, 4),
    )  # fmt: skip


def said(label: str, day: int, came: int, place: int) -> Said:
    off = (place % 3 - 1) * 900_000 * (90 - day) // 60
    half = 2_400_000 * (100 - day) // 100
    ours = came + off
    return Said(
        line=f"said.{label}.{day}", label=label, came=Decimal(came), day=day, ours=Decimal(ours), low=Decimal(ours - half),
        high=Decimal(ours + half), hit=abs(off) <= half, naive=Decimal(came - 2_100_000),
    )  # fmt: skip


def restated(period: str) -> Restated:
    deal = DealRestated(
        deal_id=UUID(int=5), name="Rollout 5", signed=Decimal(900), now=Decimal(800), change=Decimal(-100)
    )
    return Restated(
        line=f"restated.{period}", period=period, label=FiscalCalendar().parse(period).label, version=1, signed=Decimal(6_000_900),
        now=Decimal(6_000_800), change=Decimal(-100), deals=[deal],
    )  # fmt: skip


def decided(place: int) -> Decided:
    """A decision of which the newest is not scored yet."""
    outcome = (None, "hit", "missed", "unknown")[place % 4]
    return Decided.model_validate({
        "line": f"decision.{place}", "review_id": UUID(int=place), "plan": "Growth 2026", "cause": "The regular review",
        "choice": ("adjust", "proceed", "new_plan")[place % 3], "option": "North a tenth less", "rationale": "Two teams were late.",
        "owner": "user:cso", "decided_by": "user:ceo", "decided_at": AT, "check_on": date(2026, 12, 1), "measure": "bookings",
        "node": "Northwind", "low": Decimal(8_000_000), "high": None, "outcome": outcome,
        "came": Decimal(8_100_000) if outcome in ("hit", "missed") else None,
        "reason": "The period is over." if outcome == "unknown" else None, "evidence_digest": "e" * 64,
    })  # fmt: skip


def card(**changes: Any) -> dict[str, Any]:
    """The month signed, with a question and its answer."""
    asked = {"line": "bookings.month", "written_by": "user:ceo", "written_at": AT}
    signature = SignatureOut(
        position=3, period=MONTH.key, version=1, contents_digest="b" * 64, previous_digest="a" * 64, digest="c" * 64,
        signed_by="user:cso", signed_at=AT, comment="A good month; the Nordics came late.", unmatched=Decimal("1906350.25"),
    )  # fmt: skip
    notes = [
        NoteOut(note_id=UUID(int=1), answers=None, body="Why so little in Italy?", **asked),
        NoteOut(note_id=UUID(int=2), answers=UUID(int=1), body="Two deals moved to November.", **asked),
    ]
    return CardOut(format=FORMAT, signature=signature, contents=contents(**changes), notes=notes).model_dump(
        mode="json"
    )


def draft(**changes: Any) -> dict[str, Any]:
    """The month as it would be signed."""
    made = DraftOut(format=FORMAT, digest="d" * 64, can_be_signed=True, why_not=None, contents=contents(**changes))
    return made.model_dump(mode="json")
