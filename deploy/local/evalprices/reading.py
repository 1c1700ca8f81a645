"""From a stated-choice experiment to offers with a price, taken or not."""

import csv
import gzip
from pathlib import Path

import numpy as np

from deploy.local.errors import LocalError
from services.pricing.guidance.winning.curve import Outcomes

COLUMNS = ("choice", "id", "pf")


def read_offers(path: Path) -> Outcomes:
    """The offers at a fixed price of Huber and Train's electricity contracts; a contract without one has `pf` 0.

    Columns: `choice` TRUE where the person took the offer, `id` the person, `pf` cents per kWh, set by the experiment. Raises LocalError.
    """
    try:
        with gzip.open(path, "rt", newline="", encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if float(row["pf"]) > 0]
    except OSError as error:
        raise LocalError(f"{path} cannot be read: {error}") from None
    except (KeyError, ValueError):
        raise LocalError(f"{path} is no such experiment; its columns must be {', '.join(COLUMNS)}") from None
    if not rows:
        raise LocalError(f"{path} holds no offers at a fixed price")
    return Outcomes(
        np.array([float(row["pf"]) for row in rows]),
        np.array([row["choice"] == "TRUE" for row in rows]),
        np.array([row["id"] for row in rows]),
        np.ones(len(rows), dtype=bool),
    )
