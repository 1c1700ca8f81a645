"""Focus as a table: the same numbers as the JSON."""

from services.forecast.focus.impact import TERMS
from services.forecast.focus.schemas import FocusOut, FocusReading
from services.forecast.readings.table import Kind, Table

_BEFORE: dict[str, Kind] = {
    "rank": "count",
    "fits": "flag",
    "deal_id": "text",
    "name": "text",
    "stage": "text",
    "close_date": "day",
    "owner_id": "text",
    "account_id": "text",
    "chance": "number",
    "worth": "money",
    "worth_is": "text",
    "amount": "money",
    "margin_share": "number",
    "below_floor": "money",
    "uplift": "number",
    "financial": "money",
}
_AFTER: dict[str, Kind] = {
    "whitespace_said": "text",
    "strategic": "number",
    "known": "count",
    "gain": "money",
    "hours": "number",
    "hours_are": "text",
    "by_the_hour": "money",
}


def focus_table(found: FocusReading) -> Table:
    """A line per deal that fits and per deal that just does not."""
    columns: dict[str, Kind] = {
        "period": "text",
        "currency": "text",
        **_BEFORE,
        **{f"{term}_points": "number" for term in TERMS},
        **_AFTER,
    }

    def line(deal: FocusOut) -> list[object]:
        points = {each.term: each.points for each in deal.terms}
        return [
            *(found.period.key, found.currency),
            *(getattr(deal, name) for name in _BEFORE),
            *(points[term] for term in TERMS),
            *(float(deal.hours) if name == "hours" else getattr(deal, name) for name in _AFTER),
        ]

    return Table(f"focus-{found.period.key}", columns, [line(each) for each in (*found.deals, *found.missed)])
