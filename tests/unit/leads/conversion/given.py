"""Made-up leads with a known truth."""

import numpy as np
from scipy.special import expit

from services.leads.conversion.odds.fitting import Past
from services.leads.conversion.odds.table import Floats, Table, Words

CHANNELS = ("web", "partner", "event", "import")
INDUSTRIES = ("banking", "retail", "software", "public")


def picked(rng: np.random.Generator, words: tuple[str, ...], count: int) -> Words:
    return np.array([words[at] for at in rng.integers(0, len(words), count)], dtype=object)


def leads(rng: np.random.Generator, count: int) -> Past:
    """Channel and visits drive conversion, industry does not; a tenth of the visits is unknown; rules give no points."""
    channel = picked(rng, CHANNELS, count)
    visits = rng.gamma(1.2, 6.0, count).round()
    drive = np.array([{"web": -1.0, "partner": 1.2, "event": 0.0, "import": -2.0}[word] for word in channel.tolist()])
    chance = expit(-1.0 + drive + 0.12 * np.minimum(visits, 15))
    unknown = rng.random(count) < 0.1
    table = Table(
        {"visits": np.where(unknown, np.nan, visits)},
        {"channel": channel, "industry": picked(rng, INDUSTRIES, count)},
    )
    return Past(table, np.zeros(count), (rng.random(count) < chance).astype(float))


def with_words(past: Past, name: str, values: Words) -> Past:
    return Past(Table(past.table.numbers, {**past.table.words, name: values}), past.points, past.outcomes)


def blanked(values: Words, empty: Floats) -> Words:
    """The words where `empty` is 0, unknown where it is not."""
    return np.where(empty.astype(bool), None, values)
