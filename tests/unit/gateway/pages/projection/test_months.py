"""The page *Months* as it is written, from a reading as the forecast answers it."""

import re
from decimal import Decimal
from uuid import UUID

from gateway.pages.address import ProjectionView
from gateway.pages.projection.months import WHOLE, MonthsView, months_shown, months_view, picture
from gateway.pages.projection.outlook import PARTS
from gateway.pages.templates import environment
from services.forecast.outlook.export import months_table
from services.forecast.outlook.schemas import MonthsReading
from tests.support import outlooks
from tests.unit.gateway.pages.projection.test_projection import AROUND, number

NORTH = UUID(int=8)


def written(view: MonthsView | None = None, names: dict[UUID, str] | None = None, **changes: object) -> str:
    view, found = view or MonthsView(), outlooks.months(**changes)
    call = {
        "is_empty": False,
        "tree": {"path": [{"unit_id": str(outlooks.UNIT), "name": "Northwind"}], "children": []},
        "periods": found["periods"],
        "period": found["periods"][0],
    }
    shown = months_shown(found, view, names or {})
    return (
        environment().get_template("projection/months.html").render(**AROUND, path=MonthsView.PATH, call=call, **shown)
    )


def test_the_whole_is_drawn_first_and_what_adds_up_is_summed() -> None:
    html = written()
    total = outlooks.months()["total"]["months"]
    assert number(html, "sum.projection") == str(sum(Decimal(month["parts"]["projection"]) for month in total))
    parts = sum(Decimal(number(html, f"sum.{name}")) for name in PARTS)
    assert parts == Decimal(number(html, "sum.projection")) == Decimal(number(html, "whole"))
    of_parts = sum(Decimal(number(html, f"by.{key}")) for key in (NORTH, UUID(int=9)))
    assert of_parts == Decimal(number(html, "whole"))
    assert len(re.findall("does not add", html)) == 2, "at the head of the ranges and at their foot"


def test_a_projection_above_its_range_is_explained_in_the_months_in_which_it_is() -> None:
    assert "lies above its range" not in written()
    total = outlooks.months()["total"]
    for at in (1, 3):
        total["months"][at] |= {"low": "0.00", "high": "10.00"}
    html = written(total=total)
    labels = [outlooks.months()["periods"][at]["label"] for at in (1, 3)]
    assert f"In {', '.join(labels)} the projection lies above its range" in html
    assert "a large deal that is seldom won" in html


def test_a_part_is_drawn_when_it_is_asked_for_and_leads_to_its_deals() -> None:
    html = written(MonthsView(part=str(NORTH), value_basis="arr"))
    first = outlooks.months()["rows"][0]["months"][0]
    assert number(html, "month.2026-11.low") == first["low"]
    assert f"/call/deals?period=2026-11&amp;org={NORTH}&amp;value_basis=arr&amp;line=closed_won" in html
    assert f"/projection?period=2026-11&amp;org={NORTH}&amp;value_basis=arr" in html
    assert "/api/v1/forecast/projection/months?value_basis=arr&amp;by=unit&amp;format=csv" in html
    assert number(html, "month.2026-11.low") != number(written(MonthsView(part="gone")), "month.2026-11.low")


def test_people_have_their_names_and_what_nobody_has_is_drawn_too() -> None:
    rows = outlooks.months()["rows"]
    owners = [rows[0] | {"kind": "owner", "label": None}, rows[1] | {"kind": "owner", "key": None, "label": None}]
    html = written(MonthsView(by="owner"), {NORTH: "Ada Lovelace"}, by="owner", rows=owners)
    assert "Ada Lovelace</a>" in html
    assert 'href="/projection/months?by=owner&amp;part=-"' in html
    of_nobody = written(MonthsView(by="owner", part="-"), by="owner", rows=owners)
    assert number(of_nobody, "month.2026-11.low") == rows[1]["months"][0]["low"]
    assert "its parts" not in html


def test_without_a_part_it_says_where_other_periods_are() -> None:
    html = written(rows=[])
    assert "there is nothing to cut" in html
    assert "months-by" not in html


def test_what_takes_away_lies_below_zero_and_every_mark_within_the_picture() -> None:
    found = outlooks.months()
    drawn = picture(found["total"]["months"], [each["label"] for each in found["periods"]])
    zero = Decimal(drawn.zero)
    assert len(drawn.columns) == 12
    for column in drawn.columns:
        for block in column.blocks:
            top, bottom = Decimal(block.y), Decimal(block.y) + Decimal(block.height)
            assert 0 <= top <= bottom <= 1000
            assert top >= zero if block.name == "blend" else bottom <= zero + Decimal("0.01")
        assert 0 <= Decimal(column.high) <= Decimal(column.mean) <= Decimal(column.low) <= 1000
        assert Decimal(column.x) < Decimal(column.centre.at) < Decimal(column.x) + Decimal(column.width)


def test_the_file_has_a_line_per_part_and_month() -> None:
    found = MonthsReading.model_validate(outlooks.months())
    table = months_table(found)
    assert len(table.lines) == 12 * 3
    line = dict(zip(table.columns, table.lines[-12], strict=True))
    assert (line["kind"], line["month"], line["projection"]) == (
        "total",
        "2026-11",
        found.total.months[0].parts.projection,
    )
    assert (line["low_80"], line["high_80"]) == (found.total.months[0].low, found.total.months[0].high)


def test_the_address_holds_what_is_seen() -> None:
    assert MonthsView().href() == "/projection/months"
    assert MonthsView(by="market", part="DACH").href(part=WHOLE) == "/projection/months?by=market"
    seen = ProjectionView(period="2026Q4", org=str(NORTH), target="5")
    assert months_view(seen, by="owner", part="ada", cut="owner") == MonthsView(org=str(NORTH), by="owner", part="ada")
    assert months_view(seen, by="market", part="ada", cut="owner").part == WHOLE, "a person is no market"
