"""Simulated companies: deals seen week by week, with signals of which some change how often deals are won and some do nothing."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from services.deals.signals.lift import Measured, discoveries, measured
from services.deals.signals.switching import Switch, Verdict, turned, verdict

PLACEBOS = 10


MONDAY = date(2026, 3, 2)


@dataclass(frozen=True)
class World:
    """Found lifts of one company at its second refit, and which signals are on after both."""

    lifts: list[Measured]
    is_on: list[bool]
    said: list[Verdict]


def world(seed: int, *, effects: tuple[float, ...] = (), deals: int = 400, weeks: int = 4) -> World:
    """A company with `effects` planted first, then placebos that last for weeks as real signs do.

    Strata differ in how often deals are won and in how often signs are there, which is what a difference over all would take for
    an effect. The weeks of a deal share their outcome.
    """
    rng = np.random.default_rng(seed)
    signs = len(effects) + PLACEBOS
    kind = rng.integers(0, 6, deals)
    chance = np.linspace(0.15, 0.6, 6)[kind]
    prone = np.linspace(0.6, 0.2, 6)[kind]
    has = rng.random((signs, deals)) < prone
    for number, effect in enumerate(effects):
        chance = chance + effect * has[number]
    won = rng.random(deals) < np.clip(chance, 0.01, 0.99)
    deal = np.repeat(np.arange(deals), weeks)
    stratum, outcome = np.repeat(kind, weeks), np.repeat(won, weeks)
    flips = rng.random((signs, deals, weeks)) < 0.1
    seen: npt.NDArray[np.bool_] = (has[:, :, None] ^ flips).reshape(signs, deals * weeks)
    # A week earlier the newest tenth of the deals and every deal's last week were not known yet.
    earlier = (deal < deals * 0.9) & (np.tile(np.arange(weeks), deals) < weeks - 1)
    switches = [Switch()] * signs
    for week, known in enumerate((earlier, np.ones(len(deal), bool))):
        lifts = [measured(each[known], outcome[known], stratum[known], deal[known]) for each in seen]
        said = [
            verdict(lift, stands_out=out)
            for lift, out in zip(lifts, discoveries([each.p for each in lifts]), strict=True)
        ]
        switches = [turned(one, each, MONDAY + timedelta(weeks=week)) for one, each in zip(switches, said, strict=True)]
    return World(lifts, [each.is_on for each in switches], said)
