"""The first score of a lead: fit A-C, engagement 1-3, and every reason with its points. Pure: no clock, no database."""

from services.leads.scoring.engagement import HALF_LIFE_DAYS, engagement_points, engagement_reasons
from services.leads.scoring.fit import fit_reasons
from services.leads.scoring.score import Score, ScoredFacts, score

__all__ = ["HALF_LIFE_DAYS", "Score", "ScoredFacts", "engagement_points", "engagement_reasons", "fit_reasons", "score"]
