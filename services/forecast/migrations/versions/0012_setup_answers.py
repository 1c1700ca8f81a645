"""Answers at set-up: what a company says of itself until its history does."""

from alembic import op

from libs.common.migrations import execute_script, grant

revision = "0012"
down_revision = "0011"

TABLES = """
CREATE TABLE setup_answer (
    answer_id uuid PRIMARY KEY,
    win_rate numeric NOT NULL CHECK (win_rate >= 0 AND win_rate <= 1),
    cycle_days numeric NOT NULL CHECK (cycle_days > 0),
    deals_a_month numeric NOT NULL CHECK (deals_a_month >= 0),
    won_amount numeric NOT NULL CHECK (won_amount >= 0),
    currency text NOT NULL,
    given_by text NOT NULL,
    given_at timestamptz NOT NULL,
    request_digest text NOT NULL
);
CREATE INDEX setup_answer_newest ON setup_answer (given_at DESC, answer_id DESC);
"""


def upgrade() -> None:
    execute_script(op, TABLES)
    grant(op, "setup_answer", append_only=True)
