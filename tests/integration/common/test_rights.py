"""What the app role may do to history: add to it and read it, nothing else."""

from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

APPEND_ONLY = {
    "gateway": {"audit_entry", "comparison", "comparison_cell", "comparison_record", "import_batch", "record_version",
        "rights_told"},
    "leads": {"lead_input", "lead_evidence", "lead_evidence_handed", "lead_gate", "lead_apart", "lead_model",
        "lead_flow", "absence", "routing_rules", "routing_rule", "lead_routed", "lead_clock_mark", "campaign", "campaign_cost", "campaign_told"},
    "deals": {
        "deal_input", "deal_version", "lead_input", "account_input", "account_version",
        "unit_version", "person_input", "person_version", "evidence", "org_statement", "org_revocation", "unit_named",
        "close_plan_entry", "close_plan_template_version",
        "contact_entry", "contact_role_entry", "touchpoint_entry", "commitment_entry", "cover_entry", "deal_bulk",
        "signal_refit", "signal_finding", "deal_signal_entry", "whitespace_entry", "close_plan_told", "deal_statement",
        "cover_told", "split_told",
    },
    "pricing": {
        "product_version", "quote_line", "quote_version", "guidance_publication", "guidance_band", "price_exception",
        "book_statement", "bundle_statement", "quote_revision", "price_policy", "approval_decision", "approval_delegation",
        "approval_delegation_end", "promotion_version", "promotion_use", "price_draw_scope", "price_draw_scope_end", "drawn_price",
        "quote_weighed", "promised_part", "promised_part_answer",
    },
    "forecast": {
        "deal_version", "rate", "submission", "judgement", "adjustment_entry", "quota",
        "forecast_lock", "period_change", "placement_version", "unit_version", "restatement", "lock_row", "lock_call", "lock_adjustment",
        "lock_projection", "lock_projection_row",
        "comparison", "compared_connection", "scenario_entry", "setup_answer", "lock_challenger_row", "champion_entry", "engine_saying",
        "close_plan_version", "promotion_version",
        "plan", "plan_entry", "plan_node", "plan_cell", "plan_text", "plan_assumption", "assumption_look", "assumption_state",
        "review", "review_policy", "review_look", "review_option", "review_decision", "review_score",
        "scorecard", "scorecard_note", "finance_order", "focus_assumption", "focus_statement",
        "quote_weighed", "campaign_version", "cover_version", "whitespace_stated", "split_version",
    },
}  # fmt: skip
"""Tables that hold what was: versions, inputs, audit, rates."""

FROM_MIGRATIONS = {"alembic_version"}

component = pytest.mark.parametrize("name", APPEND_ONLY)


async def rights(database: Any) -> dict[str, set[str]]:
    """What the connected role may do, by table; partitions stand behind their parents."""
    async with database.reading() as session:
        rows = await session.execute(
            text(
                """
                SELECT c.relname AS name, privilege
                FROM pg_class c
                CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) AS privilege
                WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
                  AND (has_table_privilege(current_user, c.oid, privilege)
                       OR privilege IN ('INSERT', 'UPDATE') AND has_any_column_privilege(current_user, c.oid, privilege))
                """
            )
        )
        found: dict[str, set[str]] = {}
        for row in rows:
            found.setdefault(row.name, set()).add(row.privilege)
        return found


@component
async def test_history_can_be_added_to_and_read_but_never_changed(name: str, database_for):
    granted = await rights(database_for(name))

    assert {table for table, given in granted.items() if given == {"SELECT", "INSERT"}} == APPEND_ONLY[name]


@component
async def test_nothing_that_keeps_versions_or_inputs_can_be_rewritten(name: str, database_for):
    """A new table of that kind is held to it by its name, before anybody lists it above."""
    granted = await rights(database_for(name))

    rewritable = {table for table, given in granted.items() if given & {"UPDATE", "DELETE", "TRUNCATE"}}
    assert {table for table in rewritable if table.endswith(("_version", "_input", "_entry"))} == set()
    assert granted.keys() >= FROM_MIGRATIONS
    assert granted["alembic_version"] == {"SELECT"}


@component
async def test_no_table_can_be_emptied_at_once(name: str, database_for):
    granted = await rights(database_for(name))

    assert {table for table, given in granted.items() if "TRUNCATE" in given} == set()


async def test_an_attempt_to_rewrite_history_is_refused(database_for):
    database = database_for("forecast")

    with pytest.raises(ProgrammingError, match="permission denied for table deal_version"):
        async with database.transaction() as session:
            await session.execute(text("UPDATE deal_version SET amount = 0"))
