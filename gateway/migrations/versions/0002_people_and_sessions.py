"""Users, sessions, sign-in links, API keys and the audit trail."""

from alembic import op

from libs.common.migrations import execute_script, grant

revision = "0002"
down_revision = "0001"

TABLES = """
CREATE TABLE app_user (
    user_id uuid PRIMARY KEY,
    email text NOT NULL UNIQUE CHECK (email = lower(email)),
    name text NOT NULL,
    roles text[] NOT NULL,
    scope uuid[] NOT NULL,
    password_hash text,
    is_active boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL
);
CREATE TABLE sign_in_link (
    fingerprint bytea PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES app_user,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE TABLE user_session (
    fingerprint bytea PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES app_user,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE TABLE api_key (
    key_id uuid PRIMARY KEY,
    fingerprint bytea NOT NULL UNIQUE,
    name text NOT NULL,
    roles text[] NOT NULL,
    scope uuid[] NOT NULL,
    created_at timestamptz NOT NULL,
    revoked_at timestamptz
);
CREATE UNIQUE INDEX api_key_name ON api_key (name) WHERE revoked_at IS NULL;
CREATE TABLE audit_entry (
    entry_id uuid PRIMARY KEY,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    object text NOT NULL,
    detail jsonb NOT NULL,
    request_id text
);
CREATE INDEX audit_entry_object ON audit_entry (object, at);
"""


def upgrade() -> None:
    execute_script(op, TABLES)
    for table in ("app_user", "sign_in_link", "user_session", "api_key"):
        grant(op, table)
    grant(op, "audit_entry", append_only=True)
