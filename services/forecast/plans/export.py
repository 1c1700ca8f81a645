"""A plan as a table: a line per node and period of which anything is said or known, as the import takes it."""

from typing import Any, Final

from services.forecast.plans.schemas import PlanTreeOut
from services.forecast.readings.table import Kind, Table

COLUMNS: Final[dict[str, Kind]] = {
    **dict.fromkeys(("path", "dimension", "value", "measure", "period"), "text"),
    "amount": "money",
    **dict.fromkeys(("currency", "state", "source"), "text"),
    "manual": "flag",
    "parts": "money",
    "unallocated": "money",
    "over_assigned": "share",
    "node_id": "text",
}


def tree_table(found: PlanTreeOut) -> Table:
    """The tree, the root first."""
    lines: list[list[Any]] = [
        [
            " / ".join(node.path),
            node.dimension,
            node.value,
            found.measure,
            cell.period,
            cell.amount,
            found.currency,
            cell.state,
            cell.source,
            cell.manual,
            cell.parts,
            cell.unallocated,
            cell.over_assigned,
            node.node_id,
        ]
        for node in found.nodes
        for cell in node.cells
    ]
    return Table(f"plan-{found.plan.period.key}-v{found.plan.version}-{found.measure}", COLUMNS, lines)
