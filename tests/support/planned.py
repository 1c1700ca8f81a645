"""Plans as the forecast answers them, of a company that exists only here."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import numpy as np

from libs.common.calendar import FiscalCalendar
from services.forecast.attainment.reached import Likely, Stand
from services.forecast.attainment.reached import Node as Part
from services.forecast.attainment.reached import node_out as reached_out
from services.forecast.plans.content import Content
from services.forecast.plans.grid import Said
from services.forecast.plans.reading import node_out, plan_out, span_out
from services.forecast.plans.service import Found
from services.forecast.plans.spans import months_of, spans_of
from services.forecast.plans.standing import of_entries
from services.forecast.plans.tree import Node, Tree
from tests.support.outlooks import HEAD

PLAN, UNIT = UUID(int=900), UUID(int=901)
NORTH, SOUTH, ADA = UUID(int=902), UUID(int=903), UUID(int=904)
AT = datetime(2026, 11, 2, 9, tzinfo=UTC)
SPANS = spans_of(FiscalCalendar(), FiscalCalendar().year(date(2027, 1, 1)))


def found(*kinds: str) -> Found:
    """A plan of 2027 to whose first version so much was done."""
    row = {
        "plan_id": PLAN, "name": "Growth 2027", "kind": "unifying", "unit_id": UNIT, "unit_name": "Northwind",
        "unit_kind": "company", "period_key": "FY2027", "period_start": SPANS[0].start, "period_end": SPANS[0].end,
        "spans": [{**each.document, "start": str(each.start), "end": str(each.end)} for each in SPANS],
        "deal_type": None, "value_basis": "one_off", "measures": ["bookings"], "currency": "EUR",
        "rate_set": "default", "made_by": "user:carla", "made_at": AT,
    }  # fmt: skip
    entries = [
        {"plan_id": PLAN, "version": 1, "sequence": at, "kind": kind, "what": kind, "note": "As we spoke" if at == 3 else None,
         "made_by": "user:mara" if kind == "approved" else "user:carla", "made_at": AT}
        for at, kind in enumerate(("drafted", *kinds), start=1)
    ]  # fmt: skip
    versions = of_entries(entries)[PLAN]
    return Found(row, versions, versions[-1])


def content() -> Content:
    """Company 1,000,000, North 700,000 with its months, South 400,000 said by a person, Ada below North with nothing."""
    tree = Tree.of(
        [
            Node(UNIT, None, "unit", str(UNIT), "Northwind"),
            Node(NORTH, UNIT, "unit", str(NORTH), "North", 1),
            Node(SOUTH, UNIT, "unit", str(SOUTH), "South", 2),
            Node(ADA, NORTH, "person", str(ADA), "Person 00000000", 1),
        ]
    )
    said = Said.nothing(len(tree), len(SPANS))
    for node, amount in ((UNIT, 1_000_000), (NORTH, 700_000), (SOUTH, 400_000)):
        said.amount[tree.place[node], 0], said.has[tree.place[node], 0] = amount * 100, True
    said.manual[tree.place[SOUTH], 0] = True
    for month in months_of(SPANS):
        said.amount[tree.place[NORTH], month], said.has[tree.place[NORTH], month] = 58_333_00, True
    return Content(PLAN, 1, "bookings", "EUR", 2, tree, SPANS, said)


def tree(*kinds: str) -> dict[str, Any]:
    """The tree as it is read from the root, one step down; and the plan it is of."""
    of = content()
    shown = [at for at in range(len(of.tree)) if of.tree.depth[at] < 2]
    return {
        "plan": plan_out(found(*kinds)).model_dump(mode="json"),
        "periods": [span_out(each).model_dump(mode="json") for each in SPANS],
        "currency": "EUR",
        "of": len(of.tree),
        "nodes": [node_out(of, at, range(len(SPANS))).model_dump(mode="json") for at in shown],
    }


def reached(*, margin: bool = False) -> dict[str, Any]:
    """How far it is reached in April of its year. With `margin` it is of margin: of South's bookings no cost is known."""
    of, months = content(), months_of(SPANS)
    done = np.zeros((len(of.tree), 1 + len(months)), dtype=np.int64)
    for place, units in ((0, 310_000_00), (1, 220_000_00), (2, 220_000_00), (3, 80_000_00)):
        done[place, 0], done[place, 1] = units, units
    stand = Stand(done, months, date(2027, 4, 10))
    if margin:
        booked = done * 2
        known = booked * np.array([[0.75], [1], [1], [0]])
        stand = Stand(done, months, stand.day, booked, known.astype(np.int64))
    likely = Likely(950_000.0, 780_000.0, 1_120_000.0, 0.412, 400_000.0, 240_000.0, 1_300_000.0)
    nodes = [reached_out(Part(of, at, 0), stand, None if margin else likely, None) for at in (0, 1, 3)]
    return {
        **HEAD,
        "period": span_out(SPANS[0]).model_dump(mode="json"),
        "months": [span_out(SPANS[month]).model_dump(mode="json") for month in months],
        "is_over": False,
        "why_no_projection": None,
        "conversion": None,
        "unit_of_measure": "EUR",
        "nodes": [each.model_dump(mode="json") for each in nodes],
        "not_shown": 0,
    }
