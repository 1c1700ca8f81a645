"""Reviews as the forecast answers them, of a company that exists only here."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from services.forecast.projection.landing import smooth
from services.forecast.reviews import weighing
from services.forecast.reviews.chances import frozen
from services.forecast.reviews.document import (
    AccuracyThen,
    Assumed,
    Beside,
    Cause,
    Decision,
    Distribution,
    DriverThen,
    Evidence,
    Expected,
    NodeThen,
    PricedBridge,
    PricedThen,
    PriceThen,
    ReviewedPlan,
    SideThen,
    StageThen,
    TermThen,
)
from services.forecast.reviews.schemas import ReviewOut, ReviewRow, ScoreOut

PLAN, REVIEW, OPTION = UUID(int=900), UUID(int=910), UUID(int=911)
ASSUMPTION = UUID(int=1)
COMPANY, NORTH, SOUTH = UUID(int=901), UUID(int=902), UUID(int=903)
AT = datetime(2026, 11, 2, 9, tzinfo=UTC)
TERMS = ("opening", "creation", "win_rate", "timing", "size", "scope", "fx", "unexplained")


def node(node_id: UUID, label: str, target: int, closed: int, to_come: int) -> NodeThen:
    """A node that has closed so much and is to close as much again as told."""
    landing = smooth(closed, to_come, (to_come * 0.3) ** 2)
    amounts, chances = frozen(landing, 2, [target])
    low, high = landing.quantile([0.1, 0.9]).tolist()  # type: ignore[arg-type]
    gap = Decimal(target - closed)
    return NodeThen(
        node_id=node_id, parent_id=None if node_id == COMPANY else COMPANY, depth=int(node_id != COMPANY), dimension="unit",
        value=str(node_id), label=label, path=[label] if node_id == COMPANY else ["Northwind", label], target=Decimal(target),
        state="set", source="own", closed=Decimal(closed), attainment=Decimal(closed * 100 // target) / 100, gap=gap,
        target_to_date=Decimal(target * 5 // 6), pace=Decimal(closed - target * 5 // 6), projection=Decimal(closed + to_come),
        low=Decimal(round(low)), high=Decimal(round(high)), chance=round(landing.at_least(target), 6), open=Decimal(to_come * 3),
        required_open=gap * 2, creation=Decimal("1.20"), from_open=Decimal(to_come * 2 // 3), from_new=Decimal(to_come // 3),
        landing=Distribution(amounts=amounts, chances=chances),
    )  # fmt: skip


def side(label: str, until: date, booked: int) -> SideThen:
    return SideThen(
        label=label, until=until, booked=Decimal(booked), opening=120, opening_win_rate=0.3, opening_mean_size=Decimal(9000),
        created=80, created_win_rate=0.2, created_mean_size=Decimal(8000),
    )  # fmt: skip


def drivers() -> list[DriverThen]:
    """Win rate and creation of the plan, by an assumption and by its target; the others of the year before, of whose size nothing is known."""
    own: dict[str, Any] = dict.fromkeys(("stated", "by", "of", "assumption_id"))
    last: dict[str, Any] = own | {"source": "prior_year"}
    return [
        DriverThen(driver="opening", value=Decimal(120), **last),
        DriverThen(driver="creation", source="plan", value=Decimal("96.25"), stated=Decimal(770_000), by="pipeline_created", of="Northwind",
                   assumption_id=None),
        DriverThen(driver="win_rate", source="plan", value=Decimal("0.3"), stated=Decimal("0.3"), by="win_rate", of="Northwind",
                   assumption_id=ASSUMPTION),
        DriverThen(driver="timing", value=Decimal("0.61"), **last),
        DriverThen(driver="size", value=None, **last),
    ]  # fmt: skip


def first_format() -> dict[str, Any]:
    """The evidence as a review of the first format had it."""
    told = evidence().model_dump(mode="json")
    bridge = {name: value for name, value in told["bridge"].items() if name not in ("drivers_from", "price")}
    return told | {"format": "review-1", "bridge": bridge | {"drivers": "prior_year"}}


def evidence() -> Evidence:
    moved = (-40_000, 25_000, -60_000, 5_000, 30_000, 0, 0, -10_000)
    return Evidence(
        format="review-3",
        plan=ReviewedPlan(
            plan_id=PLAN, version=1, name="Growth 2026", unit_id=COMPANY, unit="Northwind", period="FY2026", label="FY2026",
            start=date(2026, 1, 1), last_day=date(2026, 12, 31), deal_type=None, value_basis="one_off", currency="EUR", places=2,
            rate_set="default", active_since=AT,
        ),
        cause=Cause(kind="chance", subject_id=NORTH, text="P(target) of North is 21 %, below 40 %", since=AT),
        as_of=AT, known_at=AT, watermark=AT, completeness=0.998, why_no_projection=None, conversion=Decimal("0.4"),
        nodes=[node(COMPANY, "Northwind", 1_000_000, 750_000, 200_000), node(NORTH, "North", 700_000, 500_000, 130_000),
               node(SOUTH, "South", 300_000, 250_000, 70_000)],
        not_shown=0,
        beside=[Beside(measure="new_customers", unit=None, target=Decimal(40), done=Decimal(31), attainment=Decimal("0.775"))],
        bridge=PricedBridge(
            drivers="plan", drivers_from=drivers(), before=side("FY2025", date(2025, 11, 3), 800_000), after=side("FY2026", date(2026, 11, 3), 750_000),
            change=Decimal(-50_000), terms=[TermThen(term=term, amount=Decimal(amount)) for term, amount in zip(TERMS, moved, strict=True)],
            price=PriceThen(amount=Decimal(-12_500), before=PricedThen(deals=31, realisation=0.91, share=0.42), after=PricedThen(deals=28, realisation=0.88, share=0.61)),
        ),
        why_no_bridge=None,
        pipeline=[StageThen(stage="Proposal", count=12, amount=Decimal(240_000), median_days=21),
                  StageThen(stage=None, count=3, amount=Decimal(30_000), median_days=60)],
        pipeline_total=Decimal(270_000), pipeline_count=15,
        accuracy=[AccuracyThen(method="foretell", n=80, periods=8, wape=0.081, bias=-0.012),
                  AccuracyThen(method="last_year", n=80, periods=8, wape=0.19, bias=0.07)],
        why_no_accuracy=None,
        assumptions=[Assumed(assumption_id=ASSUMPTION, text="Win rate of DACH 25 %", state="drifting", is_critical=True)],
        engine="abc", versions=["review-3"],
    )  # fmt: skip


def option(evidence_: Evidence) -> Any:
    row = {
        "option_id": OPTION, "kind": "adjust", "name": "North a fifth less", "version": None, "made_by": "user:carla",
        "changes": [{"node_id": str(NORTH), "by": "share", "value": "-0.2", "below": True, "above": True}],
    }  # fmt: skip
    return weighing.adjusted(evidence_, row)


def review(*, decided: bool = False, scored: bool = False, broken: bool = False) -> dict[str, Any]:
    """A review of a plan that is behind, open unless told otherwise."""
    pack = evidence()
    options = [weighing.proceed(pack), option(pack)]
    decision = Decision(
        format="review-1", review_id=REVIEW, plan_id=PLAN, evidence_digest="a" * 64, choice="adjust", option_id=OPTION,
        option="North a fifth less", rationale="Two teams were hired late.\nThe pipeline of spring will carry it.", owner="user:carla",
        check_on=date(2026, 11, 30), expected=Expected(measure="bookings", node_id=COMPANY, label="Northwind", low=Decimal(800_000), high=None),
        options=options, draft_version=2, decided_by="user:mara", decided_at=AT,
    )  # fmt: skip
    score = ScoreOut(
        sequence=1, as_of=AT, known_at=AT, outcome="hit", came=Decimal("812000.00"), reason=None, scored_by="service:forecast", scored_at=AT
    )  # fmt: skip
    row = ReviewRow(
        review_id=REVIEW, plan_id=PLAN, plan="Growth 2026", plan_version=1, unit_id=COMPANY, unit="Northwind", kind="chance",
        cause=pack.cause.text, since=AT, opened_by="service:forecast", opened_at=AT, digest="a" * 64, choice="adjust" if decided else None,
        owner="user:carla" if decided else None, check_on=date(2026, 11, 30) if decided else None,
        decided_by="user:mara" if decided else None, decided_at=AT if decided else None, outcome="hit" if scored else None,
        came=Decimal("812000.00") if scored else None,
    )  # fmt: skip
    return ReviewOut(
        review=row, sequence=2, is_whole=not broken, why_not_whole="The evidence is not what was stored." if broken else None,
        evidence=pack.model_dump(mode="json"), options=options, decision=decision if decided else None,
        decision_digest="b" * 64 if decided else None, scores=[score] if scored else [],
    ).model_dump(mode="json")  # fmt: skip
