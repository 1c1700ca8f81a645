"""Whatever is drafted, drafted anew, typed, taken away, divided and taken from files in whatever order: parts and rest make the whole.

The rows go into a store as the database keeps them; a plain dict that knows no grid, no cut and no tree recounts what is shown.
"""

from collections import defaultdict
from decimal import Decimal
from typing import Any
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from libs.common.ids import entity_id
from services.forecast.organisation.tree import Organisation
from services.forecast.plans import editing, importing, service
from services.forecast.plans.changes import Change, Standing, key_of
from services.forecast.plans.content import content_of
from services.forecast.plans.redraft import DoesNotFit, Drafted, adopted, redrafted
from services.forecast.plans.schemas import AllocationIn, CellIn, EditIn, NodeIn
from services.forecast.plans.spans import months_of, parts_of
from services.forecast.plans.table import read
from services.forecast.plans.tree import Node, Tree
from services.forecast.plans.views import by_dimension
from tests.support.planned import PLAN, SPANS, UNIT, found

MEASURES = ("bookings", "pipeline_created")
DIVIDING = ("market", "product", "segment")
VALUES = {"market": ("DACH", "UK"), "product": ("Core", "Edge", "Flow"), "segment": ("SMB", "Large")}
KEYS = [span.key for span in SPANS]
ROOT = service.root_of(PLAN)
AMOUNTS = st.integers(0, 10**6).map(lambda cents: Decimal(cents).scaleb(-2))


class Changing(RuleBasedStateMachine):
    """A draft that is changed in every way there is."""

    def __init__(self) -> None:
        super().__init__()
        self.plan = found()
        self.plan.row["measures"][:] = MEASURES  # type: ignore[index]
        self.nodes: dict[UUID, dict[str, Any]] = {}
        self.cells: dict[tuple[Any, ...], dict[str, Any]] = {}
        self.drafted_last: str | None = None

    @initialize()
    def begin(self) -> None:
        self.nodes[ROOT] = {
            "node_id": ROOT, "parent_id": None, "dimension": "unit", "value": str(UNIT), "label": "Northwind",
            "position": 0, "organisational": True, "removed": False,
        }  # fmt: skip

    def append(self, change: Change) -> None:
        """As the database takes a change: one row of a key, the last change of a key holds."""
        assert len({row["node_id"] for row in change.nodes}) == len(change.nodes)
        assert len({key_of(row) for row in change.cells}) == len(change.cells)
        self.nodes |= {row["node_id"]: row for row in change.nodes}
        self.cells |= {key_of(row): row for row in change.cells}
        self.drafted_last = None

    def standing(self) -> Standing:
        return Standing(
            [row for row in self.nodes.values() if not row["removed"]],
            [row for row in self.cells.values() if row["amount"] is not None],
        )

    def parts(self) -> list[UUID]:
        """In an order that their ids do not make."""
        return sorted((row["node_id"] for row in self.standing().nodes), key=self.path)

    def path(self, node: UUID) -> list[tuple[str, str]]:
        row = self.nodes[node]
        above = [] if row["parent_id"] is None else self.path(row["parent_id"])
        return [*above, (row["dimension"], row["value"])]

    @rule(
        measure=st.sampled_from(MEASURES),
        dimensions=st.permutations(DIVIDING).flatmap(lambda each: st.integers(1, 3).map(lambda many: each[:many])),
        whole=st.integers(0, 10**8),
        seed=st.randoms(use_true_random=False),
    )
    def draft(self, measure: str, dimensions: list[str], whole: int, seed: Any) -> None:
        nodes = [Node(ROOT, None, "unit", str(UNIT), "Northwind")]
        level = list(nodes)
        for dimension in dimensions:
            below = []
            for above in level:
                for place, value in enumerate(VALUES[dimension]):
                    if seed.random() < 0.8:
                        path = entity_id("foretell", "plan-node", f"{above.node_id}:{dimension}:{value}")
                        below.append(Node(path, above.node_id, dimension, value, value, place))  # type: ignore[arg-type]
            nodes, level = nodes + below, below
        tree = Tree.of(adopted(nodes, self.standing().nodes))
        leaves = [0 if at in tree.children else seed.randrange(1000) for at in range(len(tree))]
        did = [sum(leaves[at : int(tree.end[at])]) + seed.randrange(50) for at in range(len(tree))]
        drafted = Drafted(
            measure, 2, SPANS, tree, did, whole, lambda at, months: [(at * 7 + month) % 5 for month in months]
        )
        try:
            made = redrafted(drafted, self.standing())
        except DoesNotFit:
            others = {row["node_id"] for row in self.standing().cells if row["measure"] != measure}
            assert others - set(tree.place), "only parts of other measures stand in the way"
            return
        others = {
            key: row for key, row in self.cells.items() if row["measure"] != measure and row["amount"] is not None
        }
        self.append(made.change)
        assert all(
            self.cells[key] == row and not self.nodes[key[0]]["removed"]
            for key, row in others.items()
            if key[0] in self.nodes
        )
        self.drafted_last = measure

    @rule(data=st.data(), dimension=st.sampled_from(DIVIDING))
    def add(self, data: st.DataObject, dimension: str) -> None:
        wanted = NodeIn(
            parent_id=data.draw(st.sampled_from(self.parts())),
            dimension=dimension,  # type: ignore[arg-type]
            value=data.draw(st.sampled_from(VALUES[dimension])),
        )
        self.edit(EditIn(nodes=[wanted]))

    @rule(data=st.data(), amount=AMOUNTS | st.none(), period=st.sampled_from(KEYS), measure=st.sampled_from(MEASURES))
    def type_over(self, data: st.DataObject, amount: Decimal | None, period: str, measure: Any) -> None:
        node = data.draw(st.sampled_from(self.parts()))
        self.edit(EditIn(cells=[CellIn(node_id=node, period=period, measure=measure, amount=amount)]))

    @precondition(lambda self: len(self.parts()) > 1)
    @rule(data=st.data())
    def take_away(self, data: st.DataObject) -> None:
        self.edit(EditIn(remove=[data.draw(st.sampled_from([each for each in self.parts() if each != ROOT]))]))

    def edit(self, wanted: EditIn) -> None:
        try:
            self.append(editing.edited(self.plan, wanted, self.standing(), Organisation({}, {})))
        except editing.BadNode:
            assert wanted.nodes, "only new parts are refused"

    @rule(
        data=st.data(), period=st.sampled_from(KEYS), measure=st.sampled_from(MEASURES), below=st.booleans(),
        over=st.sampled_from(["nodes", "months"]), is_even=st.booleans(),
    )  # fmt: skip
    def divide(self, data: st.DataObject, period: str, measure: Any, below: bool, over: Any, is_even: bool) -> None:
        node = data.draw(st.sampled_from(self.parts()))
        weights = {key: Decimal(at % 3) for at, key in enumerate([*KEYS, *(str(each) for each in self.parts())])}
        wanted = AllocationIn(
            node_id=node, period=period, measure=measure, over=over, below=below,
            method="even" if is_even else "custom", weights=weights,
        )  # fmt: skip
        try:
            self.append(editing.divided(self.content(measure), wanted, None))
        except editing.NothingToDivide:
            return

    @rule(data=st.data(), dimension=st.sampled_from(DIVIDING), amount=AMOUNTS, measure=st.sampled_from(MEASURES))
    def upload(self, data: st.DataObject, dimension: str, amount: Decimal, measure: str) -> None:
        above = self.nodes[data.draw(st.sampled_from(self.parts()))]
        labels = [above["label"]]
        while above["parent_id"] is not None:
            above = self.nodes[above["parent_id"]]
            labels.insert(0, above["label"])
        lines = ["path,dimension,value,period,amount,measure"]
        for value in VALUES[dimension]:
            path = " / ".join([*labels, value])
            lines += [f"{path},{dimension},{value},{key},{amount},{measure}" for key in ("FY2027", "2027-02", "FY2027")]
        change, _ = importing.taken(
            self.plan, self.standing().nodes, Organisation({}, {}), list(read("\n".join(lines).encode()))
        )
        self.append(change)

    def content(self, measure: str) -> Any:
        standing = self.standing()
        return content_of(
            self.plan.row, 1, measure, standing.nodes, [c for c in standing.cells if c["measure"] == measure]
        )

    @invariant()
    def parts_and_rest_make_the_whole_in_every_view(self) -> None:
        for measure in MEASURES if self.nodes else ():
            shown = self.content(measure)
            told = self.recounted(measure)
            for at, node in enumerate(shown.tree.nodes):
                for span in range(len(SPANS)):
                    amount, parts = told[node.node_id, span]
                    assert bool(shown.grid.known[at, span]) == (amount is not None)
                    assert int(shown.grid.amount[at, span]) == (amount or 0)
                    assert int(shown.grid.parts[at, span]) == parts
                    assert int(shown.grid.parts[at, span] + shown.grid.unallocated[at, span]) == (amount or 0)
            for dimension in DIVIDING:
                self.cut(shown, told, dimension)

    def recounted(self, measure: str) -> dict[tuple[UUID, int], tuple[int | None, int]]:
        """The number of every part in every period, and what the parts right below have of it, from the rows alone."""
        below = defaultdict(list)
        for row in self.standing().nodes:
            below[row["parent_id"]].append(row["node_id"])
        own = {
            (row["node_id"], (row["period_start"], row["period_end"])): int(row["amount"] * 100)
            for row in self.standing().cells
            if row["measure"] == measure
        }
        told: dict[tuple[UUID, int], tuple[int | None, int]] = {}

        def given(node: UUID, span: int) -> int | None:
            mine = own.get((node, (SPANS[span].start, SPANS[span].end)))
            inside = [given(node, each) for each in parts_of(SPANS, span)] if mine is None else []
            return mine if mine is not None or not inside or None in inside else sum(each or 0 for each in inside)

        def tell(node: UUID, span: int) -> int | None:
            known = [part for child in below[node] if (part := tell(child, span)) is not None]
            mine = given(node, span)
            amount = sum(known) if mine is None and known else mine
            told[node, span] = amount, sum(known)
            return amount

        for span in range(len(SPANS)):
            tell(ROOT, span)
        return told

    def cut(self, shown: Any, told: Any, dimension: str) -> None:
        """Each value has what its topmost parts have; what is in none of them is the rest, node by node from the root down."""
        below = defaultdict(list)
        for row in self.standing().nodes:
            below[row["parent_id"]].append(row)
        parts: dict[str, int | None] = {}

        def rest(node: UUID) -> int:
            """What of a part's number no value of the dimension has."""
            amount, under = told[node, 0]
            left = (amount or 0) - under
            for child in below[node]:
                if child["dimension"] != dimension:
                    left += rest(child["node_id"])
                    continue
                mine = told[child["node_id"], 0][0]
                before = parts.setdefault(child["value"], None)
                parts[child["value"]] = before if mine is None else (before or 0) + mine
            return left

        left = rest(ROOT)
        found_cut = by_dimension(shown.tree, shown.grid, dimension, 0)
        assert dict(found_cut.parts) == parts
        assert found_cut.whole == told[ROOT, 0][0]
        assert found_cut.unallocated == (None if found_cut.whole is None else left)

    @invariant()
    def after_a_draft_months_make_the_year(self) -> None:
        """Of every part without a typed number: its months are its year less what of it no part has."""
        if self.drafted_last is None:
            return
        told = self.recounted(self.drafted_last)
        rows = [row for row in self.standing().cells if row["measure"] == self.drafted_last]
        typed = {row["node_id"] for row in rows if row["manual"]}
        above = {row["node_id"]: row["parent_id"] for row in self.standing().nodes}
        touched = set(typed)
        for each in typed:
            at: UUID | None = each
            while at is not None:
                touched.add(at)
                at = above.get(at)
        below = defaultdict(set)
        for row in rows:
            if row["node_id"] in above:
                below[above[row["node_id"]]].add(row["node_id"])

        def rest(node: UUID) -> int:
            """What of a year no part has, here and in all parts below."""
            amount, parts = told[node, 0]
            return (amount or 0) - parts + sum(rest(child) for child in below[node]) if below[node] else 0

        assert {row["node_id"] for row in rows} <= above.keys(), "a part that went left its numbers"
        for node in {row["node_id"] for row in rows} - touched:
            months = sum(told[node, at][0] or 0 for at in months_of(SPANS))
            assert months == (told[node, 0][0] or 0) - rest(node), self.nodes[node]["label"]


def test_whatever_is_done_to_a_draft_in_whatever_order_parts_and_rest_make_the_whole() -> None:
    run_state_machine_as_test(Changing, settings=settings(max_examples=30, stateful_step_count=20, deadline=None))
