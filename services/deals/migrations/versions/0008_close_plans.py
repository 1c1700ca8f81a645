"""Close plans: templates, what was said of each plan, and the tasks by which durations are learnt."""

from alembic import op

from libs.common.migrations import execute_script, grant

revision = "0008"
down_revision = "0007"

TABLES = """
CREATE TABLE close_plan_template_version (
    template text NOT NULL,
    version integer NOT NULL,
    name text NOT NULL,
    tasks jsonb NOT NULL,
    author text NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (template, version)
);
CREATE TABLE close_plan (
    plan_id uuid PRIMARY KEY,
    deal_id uuid NOT NULL UNIQUE,
    version integer NOT NULL DEFAULT 0,
    template text,
    title text,
    begun_by text,
    begun_at timestamptz,
    told integer NOT NULL DEFAULT 0,
    told_on date,
    open_tasks integer NOT NULL DEFAULT 0
);
COMMENT ON TABLE close_plan IS 'One row per plan, locked by whoever changes it; version 0: being begun. told: versions of its event';
CREATE TABLE close_plan_entry (
    plan_id uuid NOT NULL REFERENCES close_plan (plan_id),
    version integer NOT NULL,
    entry_id uuid NOT NULL UNIQUE,
    kind text NOT NULL CHECK (kind IN ('begun', 'added', 'changed', 'removed', 'ticked', 'unticked')),
    said_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    actor text NOT NULL,
    request_digest text NOT NULL,
    payload jsonb NOT NULL,
    PRIMARY KEY (plan_id, version)
);
CREATE TABLE close_plan_task (
    plan_id uuid NOT NULL REFERENCES close_plan (plan_id),
    task_id uuid NOT NULL,
    template text NOT NULL,
    task_key text NOT NULL,
    took_days numeric NOT NULL CHECK (took_days > 0),
    PRIMARY KEY (plan_id, task_id)
);
COMMENT ON TABLE close_plan_task IS 'Working days that done tasks of templates took; of closed deals durations are learnt';
CREATE INDEX close_plan_task_by_key ON close_plan_task (template, task_key);
"""

SHIPPED = """
INSERT INTO close_plan_template_version (template, version, name, tasks, author, recorded_at) VALUES (
    'mutual', 1, 'Mutual close plan', CAST('[
        {"key": "goals", "title": "Agree on goals and what success means", "side": "buyer", "days": 3, "after": []},
        {"key": "demo", "title": "Show the solution for these goals", "side": "seller", "days": 5, "after": ["goals"]},
        {"key": "trial", "title": "Try it with your own people", "side": "buyer", "days": 10, "after": ["demo"]},
        {"key": "security", "title": "Security and data protection review", "side": "buyer", "days": 10, "after": ["demo"]},
        {"key": "decided", "title": "Decision for the solution", "side": "buyer", "days": 0, "after": ["trial", "security"]},
        {"key": "proposal", "title": "Final proposal", "side": "seller", "days": 3, "after": ["decided"]},
        {"key": "legal", "title": "Contract review", "side": "buyer", "days": 8, "after": ["proposal"]},
        {"key": "budget", "title": "Budget release", "side": "buyer", "days": 5, "after": ["proposal"]},
        {"key": "signature", "title": "Signature", "side": "buyer", "days": 2, "after": ["legal", "budget"]}
    ]' AS jsonb), 'system:deals', now()
)
"""


def upgrade() -> None:
    execute_script(op, TABLES)
    op.execute(SHIPPED.replace(":", "\\:"))
    for table in ("close_plan", "close_plan_task"):
        grant(op, table)
    for table in ("close_plan_template_version", "close_plan_entry"):
        grant(op, table, append_only=True)
