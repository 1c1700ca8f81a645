"""A registered fit as it is told: its figures with what follows from them."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from services.leads.conversion.models import ModelRow
from services.leads.conversion.odds.measures import share_interval

_KEPT = ("parameters", "segments")


def model_told(row: ModelRow) -> dict[str, Any]:
    """The fields of `ModelOut`."""
    rows_per_lead = float(row.parameters["rows_per_lead"])
    own = {name: value for name, value in asdict(row).items() if name not in _KEPT}
    return own | {
        "rows_per_lead": rows_per_lead,
        "figures": None if row.figures is None else _told(row.figures, rows_per_lead),
    }


def calibration_told(row: ModelRow) -> dict[str, Any]:
    """The fields of `CalibrationOut`."""
    rows_per_lead = float(row.parameters["rows_per_lead"])
    return model_told(row) | {"segments": [_told(segment, rows_per_lead) for segment in row.segments]}


def _told(figures: Mapping[str, Any], rows_per_lead: float) -> dict[str, Any]:
    """With what was said and came of all rows, and of every bin the interval of what came.

    A lead that stands in several rows says less than as many leads, so intervals count leads, not rows.
    """
    bins = [_with_interval(each, rows_per_lead) for each in figures["bins"]]
    said = sum(each["leads"] * each["said"] for each in bins) / figures["leads"]
    came = figures["converted"] / figures["leads"]
    return {**figures, "bins": bins, "said": min(said, 1.0), "came": came}


def _with_interval(cut: Mapping[str, Any], rows_per_lead: float) -> dict[str, Any]:
    low, high = share_interval(cut["came"], cut["leads"] / rows_per_lead)
    return {**cut, "low": low, "high": high}
