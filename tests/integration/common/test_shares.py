"""Percentages are stored in one form only, as shares in [0, 1]: what the databases themselves let in."""

import re
from decimal import Decimal
from typing import Any, get_origin

import pytest
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import text

from libs.common.events.catalogue import EVENTS

COLUMNS: dict[str, set[str]] = {
    "gateway": set(),
    "leads": {"lead_pair.likeness", "lead_score.chance", "lead_score.prior_share", "lead_deal.probability"},
    "deals": {"signal_finding.chance"},
    "pricing": {"quote_line.discount", "guidance_band.shrunk_share", "drawn_price.probability"},
    "forecast": {
        "deal_version.stage_probability",
        "deal_current.stage_probability",
        "deal_credit.share",
        "forecast_lock.completeness",
        "setup_answer.win_rate",
        "focus_assumption.uplift",
        "plan_assumption.tolerance",
        "assumption_state.below",
        "assumption_state.above",
        "focus_statement.reference",
        "focus_statement.displacement",
        "review_policy.chance_below",
        "review_policy.gap_above",
    },
}
DOCUMENTS = {"deals": {"deal.content", "deal_version.content", "deal_input.payload"}}
"""Documents of deals, which hold `stage_probability`."""

NO_SHARES = {
    "leads": {"lead_model.ridge", "lead_deal.amount", "campaign_cost.amount"},
    "deals": {
        "close_plan_task.took_days", "deal.amount", "whitespace_entry.amount", "signal_finding.lift", "signal_finding.low",
        "signal_finding.high",
    },
    "pricing": {
        "product.cost", "product.list_price", "product_version.cost", "product_version.list_price", "quote.list_amount",
        "quote.net_amount", "quote_line.list_price", "quote_line.net_amount", "quote_line.quantity", "quote_line.unit_price",
        "guidance_band.effective_quotes", "guidance_band.floor", "guidance_band.floor_low", "guidance_band.floor_high",
        "guidance_band.target", "guidance_band.target_low", "guidance_band.target_high", "guidance_band.stretch",
        "guidance_band.stretch_low", "guidance_band.stretch_high", "book_statement.amount", "deal_reference.amount",
        "quote.pocket_amount", "quote.cost_amount", "quote_line.cost", "quote_revision.list_amount", "quote_revision.net_amount",
        "quote_revision.pocket_amount", "quote_revision.cost_amount", "approval_request.shortfall",
        "promotion.budget", "promotion.value", "promotion.expected", "promotion_use.amount", "price_draw_scope.floor",
        "price_draw_scope.target", "price_draw_scope.stretch", "price_draw_scope.width", "drawn_price.of_list",
        "promised_part.value",
    },
    "forecast": {
        "adjustment_entry.base_landing", "adjustment_entry.delta", "deal_current.amount", "deal_current.amount_base",
        "deal_current.weighted_base", "deal_credit.amount_base", "deal_credit.weighted_base", "deal_version.amount", "judgement.amount", "lock_adjustment.delta", "lock_row.adjusted",
        "lock_row.adjustment", "lock_row.closed_won", "lock_row.crm", "lock_row.managers", "lock_row.own_call", "lock_row.reps",
        "lock_projection_row.blend", "lock_projection_row.closed", "lock_projection_row.expected_wins",
        "lock_projection_row.high_80", "lock_projection_row.high_95", "lock_projection_row.low_80",
        "lock_projection_row.low_95", "lock_projection_row.not_created", "lock_projection_row.open",
        "lock_projection_row.projection", "lock_projection_row.renewals", "lock_projection_row.size_cv",
        "lock_projection_row.width_scale", "lock_challenger_row.high_80", "lock_challenger_row.low_80",
        "lock_challenger_row.projection",
        "quota.amount", "rate.rate", "setup_answer.cycle_days", "setup_answer.deals_a_month", "setup_answer.won_amount", "rollup_cell.amount", "rollup_cell.weighted", "submission.amount",
        "submission.base_closed_won", "submission.base_commit", "submission.base_weighted", "submission.best",
        "submission.parts_amount", "submission.worst", "plan_cell.amount", "engine_saying.closed", "engine_saying.stretch",
        "focus_assumption.hours", "focus_assumption.emphasis", "focus_statement.hours", "finance_order.amount",
        "promotion_version.expected",
        "plan_assumption.expected", "assumption_state.value", "assumption_state.low", "assumption_state.high",
        "quote_weighed.net_amount", "quote_weighed.list_amount", "quote_weighed.pocket_amount", "quote_weighed.cost_amount", "quote_weighed.below_floor",
        "review_score.came",
    },
}  # fmt: skip
"""Numbers that are money, quantities, exchange rates, how wide something is, differences of shares, or prices over list prices, which may exceed 1."""

NAMES = re.compile(r"probab|percent|pct|share|ratio|discount|complete|confidence|_rate$")
component = pytest.mark.parametrize("name", COLUMNS)


async def columns(database: Any, condition: str) -> dict[str, str]:
    """The columns of tables that meet a condition, with their type."""
    statement = f"""
        SELECT c.table_name || '.' || c.column_name AS name, c.data_type FROM information_schema.columns c
        WHERE c.table_schema = 'public' AND {condition}
    """  # noqa: S608 - conditions of this module
    async with database.reading() as session:
        return {row.name: row.data_type for row in await session.execute(text(statement))}


@component
async def test_every_number_is_known_to_be_a_share_or_not_to_be_one(name: str, database_for):
    """A new column is held to it by its type or its name, before anybody lists it above."""
    database = database_for(name)
    numbers = await columns(database, "c.data_type IN ('numeric', 'real', 'double precision', 'money')")
    assert set(numbers) == COLUMNS[name] | NO_SHARES.get(name, set())
    called = {column for column in await columns(database, "true") if NAMES.search(column.partition(".")[2])}
    assert {column for column in called if column not in COLUMNS[name]} == set()


async def refused(database: Any, column: str, value: Decimal | None, *, document: bool) -> bool:
    """Whether a constraint of the table says no to a value in a column, or in the document there."""
    table, _, field = column.partition(".")
    row = "jsonb_build_object('stage_probability', cast(:value AS numeric))" if document else "cast(:value AS numeric)"
    async with database.reading() as session:
        checks = await session.execute(
            text(
                """
                SELECT pg_get_expr(c.conbin, c.conrelid) AS said FROM pg_constraint c
                JOIN pg_attribute a ON a.attrelid = c.conrelid AND c.conkey = ARRAY[a.attnum]
                WHERE c.contype = 'c' AND c.convalidated AND c.conrelid = to_regclass(:table) AND a.attname = :field
                """
            ),
            {"table": table, "field": field},
        )
        answers = [
            await session.scalar(text(f"SELECT {check.said} FROM (SELECT {row} AS {field}) given"), {"value": value})  # noqa: S608
            for check in checks
        ]
    return False in answers


@component
async def test_a_database_takes_no_percentage_outside_0_and_1(name: str, database_for):
    database = database_for(name)
    for column, document in [
        *((column, False) for column in sorted(COLUMNS[name])),
        *((column, True) for column in sorted(DOCUMENTS.get(name, ()))),
    ]:
        for value in ("0", "0.5", "1"):
            assert not await refused(database, column, Decimal(value), document=document), column
        assert not await refused(database, column, None, document=document), column
        for value in ("-0.0001", "1.0001", "50"):
            assert await refused(database, column, Decimal(value), document=document), (column, value)


def test_an_event_takes_no_percentage_outside_0_and_1():
    """Of what no constraint looks into: the documents of the gateway and of leads are those of events."""
    shares = {
        (event.TYPE, name): TypeAdapter(field.rebuild_annotation())
        for event in EVENTS
        for name, field in event.model_fields.items()
        if NAMES.search(name) and get_origin(field.annotation) is not tuple
    }
    assert ("crm.deal.changed.v1", "stage_probability") in shares
    for share in shares.values():
        for value in (0, Decimal("0.5"), 1):
            assert share.validate_python(value) == value
        for value in (Decimal("-0.0001"), Decimal("1.0001"), 50):
            with pytest.raises(ValidationError):
                share.validate_python(value)
