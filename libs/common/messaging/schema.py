"""The tables of messaging that every component's database has. Migration 0001 of each executes `CREATE`."""

from datetime import timedelta

OUTBOX_RETENTION = timedelta(days=14)
"""How long a sent event can be sent again. Must cover the longest outage of a consumer or of the broker."""

INBOX_RETENTION = timedelta(days=45)
"""How long a repetition is recognised: outbox retention + broker retention + time to repair, with room."""

REPAIR_TIME = timedelta(days=14)

CREATE: tuple[str, ...] = (
    """
    CREATE TABLE outbox (
        id uuid NOT NULL,
        txid xid8 NOT NULL DEFAULT pg_current_xact_id(),
        position bigint GENERATED ALWAYS AS IDENTITY,
        topic text NOT NULL,
        key uuid NOT NULL,
        type text NOT NULL,
        subject text,
        occurred_at timestamptz NOT NULL,
        recorded_at timestamptz NOT NULL,
        aggregate_version bigint NOT NULL,
        attributes jsonb NOT NULL,
        data bytea NOT NULL
    ) PARTITION BY RANGE (id)
    """,
    "CREATE TABLE outbox_default PARTITION OF outbox DEFAULT",
    "CREATE INDEX outbox_by_transaction ON outbox (txid, position)",
    """
    CREATE TABLE relay_cursor (
        only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
        system_identifier text NOT NULL,
        lower_txid xid8 NOT NULL,
        upper_txid xid8 NOT NULL,
        position bigint NOT NULL,
        log text NOT NULL,
        cluster text NOT NULL,
        acknowledged jsonb NOT NULL,
        replaying_to xid8,
        stored_at timestamptz NOT NULL DEFAULT clock_timestamp()
    )
    """,
    """
    CREATE TABLE inbox (
        event_id uuid NOT NULL PRIMARY KEY
    ) PARTITION BY RANGE (event_id)
    """,
    "CREATE TABLE inbox_default PARTITION OF inbox DEFAULT",
    """
    CREATE TABLE consumer_position (
        topic text NOT NULL,
        partition integer NOT NULL,
        cluster text NOT NULL,
        log text NOT NULL,
        next_offset bigint NOT NULL,
        origin timestamptz,
        recorded_to timestamptz,
        applied_txid xid8,
        stored_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (topic, partition)
    )
    """,
    """
    CREATE TABLE dead_letter (
        event_id uuid PRIMARY KEY,
        topic text NOT NULL,
        partition integer NOT NULL,
        "offset" bigint NOT NULL,
        type text NOT NULL,
        key uuid,
        headers jsonb NOT NULL,
        data bytea NOT NULL,
        reason text NOT NULL,
        state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'replayed', 'discarded')),
        attempts integer NOT NULL DEFAULT 1,
        failed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        settled_at timestamptz
    )
    """,
    "CREATE INDEX dead_letter_open ON dead_letter (failed_at) WHERE state = 'open'",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON outbox, relay_cursor, inbox, consumer_position, dead_letter TO foretell_app",
)
