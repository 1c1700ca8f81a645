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
    # The relay reads the rows of a batch by id; without it each batch reads the whole outbox.
    "CREATE INDEX outbox_by_id ON outbox (id)",
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
        rewind_to xid8,
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
    """
    CREATE FUNCTION id_floor(at timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE STRICT AS $$
        SELECT (lpad(to_hex(floor(extract(epoch FROM at) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
    $$
    """,
    """
    CREATE FUNCTION keep_event_partitions(outbox_days integer, inbox_days integer) RETURNS text[]
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '2s' AS $$
    DECLARE
        parent text; day date; name text; found record; keep integer; done text[] := '{}'; sent xid8; pending boolean;
    BEGIN
        SELECT lower_txid INTO sent FROM relay_cursor;
        FOREACH parent IN ARRAY ARRAY['outbox', 'inbox'] LOOP
            keep := CASE parent WHEN 'outbox' THEN outbox_days ELSE inbox_days END;
            FOR day IN SELECT generate_series(current_date, current_date + 3, interval '1 day')::date LOOP
                name := parent || '_' || to_char(day, 'YYYYMMDD');
                IF to_regclass(name) IS NULL THEN
                    BEGIN
                        EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
                            name, parent, id_floor(day), id_floor(day + 1));
                        done := done || name;
                    EXCEPTION WHEN check_violation THEN
                        NULL; -- rows of that day stand in the default partition already; they stay there
                    END;
                END IF;
            END LOOP;
            FOR found IN
                SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
                WHERE i.inhparent = parent::regclass AND c.relname ~ ('^' || parent || '_[0-9]{8}$')
                  AND to_date(right(c.relname, 8), 'YYYYMMDD') < current_date - keep
            LOOP
                pending := false;
                IF parent = 'outbox' THEN
                    EXECUTE format('SELECT EXISTS (SELECT 1 FROM %I WHERE txid >= $1)', found.relname)
                        INTO pending USING coalesce(sent, '0'::xid8);
                END IF;
                IF NOT pending THEN
                    EXECUTE format('DROP TABLE %I', found.relname);
                    done := done || ('-' || found.relname)::text;
                END IF;
            END LOOP;
        END LOOP;
        DELETE FROM outbox_default WHERE id < id_floor(now() - make_interval(days => outbox_days)) AND txid < sent;
        DELETE FROM inbox_default WHERE event_id < id_floor(now() - make_interval(days => inbox_days));
        RETURN done;
    END
    $$
    """,
    f"SELECT keep_event_partitions({OUTBOX_RETENTION.days}, {INBOX_RETENTION.days})",
    "GRANT EXECUTE ON FUNCTION keep_event_partitions(integer, integer), id_floor(timestamptz) TO foretell_app",
    "GRANT SELECT ON alembic_version TO foretell_app",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON outbox, relay_cursor, inbox, consumer_position, dead_letter TO foretell_app",
)
