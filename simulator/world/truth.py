"""What no CRM knows: each deal's hidden probability to win, its seller's skill, and how it ended."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.world import hazards
from simulator.world.company import People
from simulator.world.pipeline import LOST, WON


@dataclass(frozen=True)
class Truth:
    """Columns over deals, in the order of their index.

    `outcome`: 1 won, 0 lost, -1 still open or deleted at the end of the history. `win_probability`: on creation, of winning ever, with
    the first owner kept. `closed_at`: ms, -1 if not closed. `amount`: minor units at the end, -1 unknown.
    """

    win_probability: NDArray[np.float64]
    outcome: NDArray[np.int8]
    closed_at: NDArray[np.int64]
    amount: NDArray[np.int64]
    first_owner: NDArray[np.int16]

    @classmethod
    def of(cls, deals: NDArray[np.void], versions: NDArray[np.void], people: People) -> "Truth":
        count = len(deals)
        last = np.zeros(count, np.int64)
        first = np.zeros(count, np.int64)
        rows = np.arange(len(versions))
        last[versions["deal"]] = rows
        first[versions["deal"][::-1]] = rows[::-1]
        end = versions[last]
        outcome = np.select([end["stage"] == WON, end["stage"] == LOST], [1, 0], -1).astype(np.int8)
        owner = versions["owner"][first]
        probability = np.concatenate(
            [
                hazards.win_probability(
                    versions["stage"][first[part]].astype(np.int64),
                    deals["segment"][part],
                    deals["quality"][part],
                    people.skill[owner[part]],
                    deals["deal_type"][part] == 2,
                )
                for part in np.array_split(np.arange(count), max(1, count // 20_000))
            ]
        )
        return cls(
            win_probability=probability,
            outcome=outcome,
            closed_at=np.where(outcome >= 0, end["at"], -1),
            amount=end["amount"].astype(np.int64),
            first_owner=owner,
        )
