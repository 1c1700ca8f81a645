"""Makes the projection's numbers into what is answered: money to the cent, parts that add. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import numpy as np

from libs.common import money
from services.forecast.accuracy import scores
from services.forecast.accuracy.baselines import BASELINES
from services.forecast.champion.methods import Chosen, method_of
from services.forecast.history.columns import day_of
from services.forecast.outlook.sayings import BAND, Said
from services.forecast.outlook.schemas import (
    AnswersNowOut,
    BandOut,
    BinOut,
    ChangeOut,
    ContributionOut,
    FanOut,
    MethodOut,
    PartsOut,
    PastPeriodOut,
    PriorOut,
    QuantileOut,
    SayingOut,
    SuggestedOut,
    TargetOut,
    WeightOut,
    WidthOut,
)
from services.forecast.projection.changing import Change
from services.forecast.projection.counting import LOSS, MOVE, WIN
from services.forecast.projection.engine import Outlook
from services.forecast.projection.landing import Landing
from services.forecast.projection.learning import Blend, Stretch
from services.forecast.projection.settings import Settings
from services.forecast.readings.asked import Asked
from services.forecast.readings.service import period_out
from services.forecast.setup.answered import Answered

SHARES: Final = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
BINS: Final = 24
FAN_STEPS: Final = 13
WHY_EMPTY: Final = "No period is over for which closes had been recorded for 30 days when it began."


@dataclass(frozen=True)
class Saying:
    """What would have been said of a past period on its day `lead`, what came, and closed with commit on that day."""

    said: Said
    lead: int
    landing: Landing
    came: float
    commit: float | None

    @property
    def band(self) -> tuple[float, float]:
        low, high = self.landing.quantile(np.array(BAND)).tolist()
        return low, high

    @property
    def points(self) -> dict[str, float]:
        """What each method said, ours as `foretell`."""
        said = {name: point for name, point in self.said.points.items() if name in BASELINES}
        return {"foretell": self.landing.mean, **said, **({} if self.commit is None else {"commit": self.commit})}


def amount(value: float, currency: str) -> Decimal:
    """To the currency's minor unit."""
    return money.quantise(Decimal(repr(float(value))), currency)


def parts(closed: Decimal, outlook: Outlook | None, blend: float, currency: str) -> PartsOut:
    """Each part rounded by itself; the projection is their sum. `blend` is what it adds to the engine's own parts, of which it
    takes away no more than there is.
    """
    own = (outlook.open, outlook.new[0], outlook.renewals, outlook.due.mean) if outlook else (0.0, 0.0, 0.0, 0.0)
    return parts_of(closed, own, blend, currency)


def parts_of(closed: Decimal, own: tuple[float, float, float, float], blend: float, currency: str) -> PartsOut:
    """The same of what open deals, deals not created yet, renewals, and contracts that fall due without one bring."""
    rounded = [amount(part, currency) for part in own]
    added = max(amount(blend, currency), -sum(rounded))
    return PartsOut(
        closed=closed,
        open=rounded[0],
        not_created=rounded[1],
        renewals=rounded[2] + rounded[3],
        blend=added,
        projection=closed + sum(rounded) + added,
    )


def distribution(landing: Landing, wide: Stretch, currency: str) -> dict[str, Any]:
    """Bands, quantiles, width and histogram; the band of 95 % once enough periods are over to speak of it."""
    shares = (0.8, 0.95) if wide.is_wide_known else (0.8,)
    ends = [(share, *landing.quantile(np.array([(1 - share) / 2, (1 + share) / 2])).tolist()) for share in shares]
    return {
        "bands": [
            BandOut(share=share, low=amount(low, currency), high=amount(high, currency)) for share, low, high in ends
        ],
        "quantiles": [
            QuantileOut(share=share, amount=amount(at, currency))
            for share, at in zip(SHARES, landing.quantile(np.array(SHARES)).tolist(), strict=True)
        ],
        "width": WidthOut(scale=round(wide.scale, 4), label=wide.label, periods=wide.periods),
        "histogram": _histogram(landing, currency),
    }


def _histogram(landing: Landing, currency: str) -> list[BinOut]:
    low, high = landing.quantile(np.array([0.005, 0.995])).tolist()
    if high <= low:
        return []
    edges = np.linspace(low, high, BINS + 1)
    below = landing.cdf(edges)
    below[0], below[-1] = 0.0, 1.0
    return [
        BinOut(low=amount(edges[at], currency), high=amount(edges[at + 1], currency), share=float(share))
        for at, share in enumerate(np.maximum(np.diff(below), 0.0))
    ]


def blend(mixed: Blend, points: Mapping[str, float | None], currency: str) -> list[WeightOut]:
    """The methods with any weight, greatest first."""
    said = {name: points.get(name) for name in mixed.weights}
    return [
        WeightOut(
            method=name, weight=round(weight, 4), amount=None if (x := said[name]) is None else amount(x, currency)
        )
        for name, weight in sorted(mixed.weights.items(), key=lambda item: -item[1])
        if weight >= 0.00005
    ]


def fan_days(start: int, end: int, today: int) -> list[int]:
    """At most so many days of [start, end], today's among them: each stands for what is closed before it."""
    step = max(1, -(-(end - start) // FAN_STEPS))
    return sorted({*range(start + step, end, step), end, *([today] if start < today < end else [])})


def fan(day: int, closed: float | None, landing: Landing | None, currency: str) -> FanOut:
    """The evening of a day: what was closed, or the band of what will be."""
    ends = landing.quantile(np.array([BAND[0], 0.5, BAND[1]])).tolist() if landing else [None] * 3
    low, middle, high = (None if each is None else amount(each, currency) for each in ends)
    known = None if closed is None else amount(closed, currency)
    return FanOut.model_validate({"day": day_of(day), "closed": known, "low": low, "middle": middle, "high": high})


def contribution(entry: Mapping[str, Any], chance: float, brings: float, currency: str) -> ContributionOut:
    return ContributionOut(
        deal_id=entry["deal_id"],
        name=entry["name"],
        stage=entry["stage"],
        close_date=entry["close_date"],
        chance=round(chance, 6),
        brings=amount(brings, currency),
        expected=amount(chance * brings, currency),
    )


def others(outlook: Outlook | None, listed: Sequence[ContributionOut], currency: str) -> Decimal:
    """What the open deals that are not listed bring, so that list and rest add to open deals and open renewals."""
    if outlook is None:
        return amount(0.0, currency)
    whole = amount(outlook.open, currency) + amount(outlook.renewals, currency)
    return whole - sum((each.expected for each in listed), Decimal())


def target(landing: Landing, wanted: Decimal | None) -> TargetOut | None:
    return None if wanted is None else TargetOut(amount=wanted, probability=round(landing.at_least(float(wanted)), 6))


def suggested(landing: Landing, over_cost: float, currency: str) -> SuggestedOut:
    """The call that costs least on average, when forecasting too much costs `over_cost` times as much as too little: the
    newsvendor's quantile.
    """
    share = 1 / (1 + over_cost)
    at = float(landing.quantile(share)[0])
    return SuggestedOut(amount=amount(at, currency), share=round(share, 6), over_cost=over_cost)


def change(found: Change) -> ChangeOut:
    wins, losses, moves = (float(found.levels[kind]) for kind in (WIN, LOSS, MOVE))
    return ChangeOut(chance=found.chance, since=day_of(found.since), wins=wins, losses=losses, moves=moves)


def answers(chosen: Chosen | None) -> AnswersNowOut:
    return AnswersNowOut(
        method=method_of(chosen),
        since=chosen.made_at if chosen else None,
        chosen_by=chosen.chosen_by if chosen else None,
        reason=chosen.reason if chosen else None,
        made_by=chosen.made_by if chosen else None,
    )


def prior(settings: Settings, wins: int, answer: Answered | None, currency: str) -> PriorOut:
    return PriorOut(
        win_rate=settings.win_rate,
        cycle_days=settings.cycle,
        deals_a_month=settings.deals_a_month,
        won_amount=None if settings.won_amount is None else amount(settings.won_amount, currency),
        answered_at=answer.given_at if answer else None,
        wins=wins,
    )


def past_period(period: Any, told: Sequence[Saying], came: float, asked: Asked) -> PastPeriodOut:
    currency = asked.rates.base
    return PastPeriodOut(
        period=period_out(period, asked.business_date.day),
        closed=amount(came, currency),
        sayings=[_saying(each, currency) for each in told if each.said.period == period],
    )


def _saying(each: Saying, currency: str) -> SayingOut:
    low, high = each.band

    def known(name: str) -> Decimal | None:
        point = each.points.get(name)
        return None if point is None else amount(point, currency)

    return SayingOut.model_validate(
        {
            "day": each.lead + 1,
            "as_of": day_of(each.said.made_on),
            "projection": amount(each.landing.mean, currency),
            "low": amount(low, currency),
            "high": amount(high, currency),
            "hit": low <= each.came <= high,
            "commit": known("commit"),
            "pacing": known("same_day_pacing"),
            "last_year": known("last_year"),
        }
    )


def methods(told: Sequence[Saying]) -> list[MethodOut]:
    """Error and bias of every method at each day, over the periods of which it said something."""
    rows = []
    for lead in sorted({each.lead for each in told}):
        here = [each for each in told if each.lead == lead]
        for name in dict.fromkeys(name for each in here for name in each.points):
            pairs = [(each.points[name], each.came) for each in here if name in each.points]
            said, came = np.array(pairs).T
            error, bias = scores.wape(said, came), scores.bias(said, came)
            rows.append(
                MethodOut(
                    day=lead + 1,
                    method=name,
                    periods=len(pairs),
                    wape=None if error is None else round(error, 4),
                    bias=None if bias is None else round(bias, 4),
                )
            )
    return rows
