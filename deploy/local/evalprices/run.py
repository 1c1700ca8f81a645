"""Judges the win curve on people it has not seen, split by split, and offers it discounts that sellers chose."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from deploy.local.errors import LocalError
from deploy.local.evalprices.reading import read_offers
from services.pricing.guidance.winning.curve import Outcomes, Refused, WinCurve, design_effect, learn
from simulator.world.prices import discounted

ROOT = Path(__file__).resolve().parents[3]
PUBLIC = ROOT.parent / "shared" / "data" / "electricity.csv.gz"
SPLITS = 50
FIT_SHARE = 0.6
COMPANIES = 20
"""Simulated companies for each way in which discounts follow the deal."""
QUOTES = 3_000


@dataclass(frozen=True, slots=True)
class Judged:
    """A price over all splits, shares in [0, 1].

    `error`: mean distance of the chance said from the share won among people held out. `covered`: how often the interval of that
    share held it; `mean_covered`: how often the narrower interval of the chance itself did, which leaves out the luck of the people held out.
    """

    price: float
    said: float
    won: float
    error: float
    covered: float
    mean_covered: float


@dataclass(frozen=True, slots=True)
class Confounded:
    """Simulated companies whose sellers choose discounts: how many, how many refused, and how many a curve that believed them would take."""

    name: str
    companies: int
    refused: int
    believed: int
    reason: str


def main() -> int:
    """Print the table and, as the last line, one JSON object. Raises LocalError."""
    if not PUBLIC.is_file():
        raise LocalError(f"{PUBLIC} is missing; put the public data beside the checkout")
    offers = read_offers(PUBLIC)
    whole = learn(offers)
    judged = judge(offers) if isinstance(whole, WinCurve) else []
    found = confounded()
    for line in report(whole, judged, found):
        print(line)
    print(json.dumps(closing(whole, judged, found), separators=(",", ":")), flush=True)
    return 0


def judge(offers: Outcomes, *, splits: int = SPLITS) -> list[Judged]:
    """By price, over splits of the people by the seeds 0, 1, ...: fitted on 60 % of them, asked about the others.

    Raises LocalError where a split's curve is refused.
    """
    people, prices = np.unique(offers.people), np.unique(offers.prices)
    found: dict[float, list[tuple[float, float, bool, bool]]] = {float(price): [] for price in prices}
    for seed in range(splits):
        chosen = np.random.default_rng(seed).permutation(people)[: int(FIT_SHARE * len(people))]
        fitted = np.isin(offers.people, chosen)
        curve, held = learn(offers.only(fitted)), offers.only(~fitted)
        if isinstance(curve, Refused):
            raise LocalError(f"split {seed} was refused: {curve.reason}")
        for price, rows in found.items():
            here = held.won[held.prices == price]
            spread = design_effect(offers.only(fitted), price)
            share, chance = curve.share_won(price, quotes=len(here), spread=spread), curve.at(price)
            won = float(here.mean())
            rows.append((chance.value, won, share.low <= won <= share.high, chance.low <= won <= chance.high))
    judged = []
    for price, rows in found.items():
        said, came, covered, mean_covered = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
        judged.append(
            Judged(
                price,
                float(said.mean()),
                float(came.mean()),
                float(np.abs(said - came).mean()),
                float(covered.mean()),
                float(mean_covered.mean()),
            )
        )
    return judged


def confounded(companies: int = COMPANIES) -> list[Confounded]:
    """Discounts that follow what only the seller knows: written down where the deal is being won, or given away on hopeless ones."""
    found = []
    for name, how in (("noted on deals being won", 1.0), ("given on hopeless deals", -1.0)):
        refusals, believed = [], 0
        for seed in range(companies):
            drawn = discounted(np.random.default_rng(seed), quotes=QUOTES, slope=-2.0, confounding=how)
            verdict = learn(Outcomes(drawn.prices, drawn.won, drawn.sellers, drawn.randomised))
            if isinstance(verdict, Refused):
                refusals.append(verdict.reason)
            claimed = Outcomes(drawn.prices, drawn.won, drawn.sellers, np.ones(QUOTES, dtype=bool))
            believed += isinstance(learn(claimed), WinCurve)
        found.append(Confounded(name, companies, len(refusals), believed, refusals[0] if refusals else ""))
    return found


def closing(whole: WinCurve | Refused, judged: Sequence[Judged], found: Sequence[Confounded]) -> dict[str, Any]:
    """The last line of the output."""
    return {
        "name": "eval-prices",
        "accepted": isinstance(whole, WinCurve),
        "slope": _rounded(whole.slope),
        "slope_low": _rounded(whole.slope_low),
        "slope_high": _rounded(whole.slope_high),
        "splits": SPLITS if judged else 0,
        "prices": [
            {"price": each.price, "error_points": _rounded(100 * each.error), "covered": each.covered}
            for each in judged
        ],
        "confounded": sum(each.companies for each in found),
        "confounded_refused": sum(each.refused for each in found),
    }


def report(whole: WinCurve | Refused, judged: Sequence[Judged], found: Sequence[Confounded]) -> Iterator[str]:
    """Everything else that is printed."""
    yield f"designed prices: {whole.quotes:,} offers to {whole.people} people"
    if isinstance(whole, Refused):
        yield f"REFUSED: {whole.reason}"
    else:
        yield f"accepted: log-odds {whole.slope:+.3f} per unit of price, 90 % interval {whole.slope_low:+.3f} to {whole.slope_high:+.3f}"
    yield ""
    yield f"{'price':>6} {'said':>7} {'won':>7} {'off by':>8} {'held':>6} {'held by the interval of the chance alone':>42}"
    yield from (
        f"{each.price:6g} {each.said:7.1%} {each.won:7.1%} {100 * each.error:5.2f} pt {each.covered:6.0%} {each.mean_covered:42.0%}"
        for each in judged
    )
    yield ""
    yield "discounts that simulated sellers chose"
    yield from (
        f"  {each.name}: {each.refused} of {each.companies} refused ({each.reason}); claimed to be drawn, {each.believed} would be believed"
        for each in found
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
