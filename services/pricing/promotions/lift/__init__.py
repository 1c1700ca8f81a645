"""What a promotion brought beyond what would have come without it. Pure."""

from services.pricing.promotions.lift.difference import CONFIDENCE, Difference, difference
from services.pricing.promotions.lift.judging import Cell, Judged, Matched, Sold, Week, judge

__all__ = ["CONFIDENCE", "Cell", "Difference", "Judged", "Matched", "Sold", "Week", "difference", "judge"]
