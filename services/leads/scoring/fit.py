"""Fit: who the buyer is. Each rule looks at one fact and gives signed points; an unknown fact gives none."""

import re

from libs.common.events.leads import Reason

EMPLOYEE_STEPS: tuple[tuple[int, int], ...] = ((1000, 3), (200, 2), (50, 1), (10, 0), (0, -2))
"""(at least so many employees, points), largest first; points never rise when the company is smaller."""

INDUSTRY_POINTS: dict[str, int] = {
    "banking": 2,
    "financial services": 2,
    "healthcare": 2,
    "insurance": 2,
    "logistics": 1,
    "manufacturing": 2,
    "pharma": 2,
    "retail": 1,
    "software": 2,
    "technology": 2,
    "telecommunications": 1,
    "education": -1,
    "non-profit": -1,
    "nonprofit": -1,
}

SEGMENT_POINTS: dict[str, int] = {
    "enterprise": 2,
    "mid-market": 1,
    "midmarket": 1,
    "commercial": 1,
    "small business": -1,
    "smb": -1,
}

ROLE_POINTS: tuple[tuple[frozenset[str], int], ...] = (
    (frozenset({"student", "intern", "trainee", "freelancer"}), -3),
    (
        frozenset({"ceo", "cfo", "coo", "cto", "cio", "cso", "cro", "chief", "president", "owner", "founder", "vp"}),
        3,
    ),
    (frozenset({"director", "head"}), 2),
    (frozenset({"manager", "lead", "buyer", "procurement"}), 1),
)
"""(words of a job title, points); the first row with a word of the title decides."""


def fit_reasons(
    *, employees: int | None, industry: str | None, role: str | None, segment: str | None
) -> tuple[Reason, ...]:
    """One reason per known fact, in a fixed order. Facts that no rule speaks of count 0 and are listed all the same."""
    reasons = []
    if employees is not None:
        reasons.append(Reason(rule="employees", detail=f"{employees} employees", points=_employees(employees)))
    if industry:
        reasons.append(Reason(rule="industry", detail=industry, points=industry_points(industry)))
    if role:
        reasons.append(Reason(rule="role", detail=role, points=role_points(role)))
    if segment:
        reasons.append(Reason(rule="segment", detail=segment, points=segment_points(segment)))
    return tuple(reasons)


def _employees(employees: int) -> int:
    return next((points for least, points in EMPLOYEE_STEPS if employees >= least), EMPLOYEE_STEPS[-1][1])


def industry_points(industry: str) -> int:
    return INDUSTRY_POINTS.get(_plain(industry), 0)


def segment_points(segment: str) -> int:
    return SEGMENT_POINTS.get(_plain(segment), 0)


def role_points(role: str) -> int:
    """Points of the first row that has a word of the title; the most for a vice president however written."""
    words = set(re.findall(r"[a-z]+", role.lower()))
    if {"vice", "president"} <= words:
        return 3
    return next((points for named, points in ROLE_POINTS if words & named), 0)


def _plain(text: str) -> str:
    return " ".join(text.lower().replace("_", " ").split())
