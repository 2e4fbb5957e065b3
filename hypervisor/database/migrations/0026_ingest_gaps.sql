-- Spans in which messages that the broker had acknowledged may have been lost. Append-only. Which devices
-- were due in a span and have sent since is read from `reading`, not kept. Beside them stand the deaf spans
-- (deaf_span): nobody listened, but the broker kept its queue.
CREATE TABLE ingest_gap (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    cause    text NOT NULL CHECK (cause IN
        ('broker-killed', 'machine-died', 'session-lost', 'broker-dropped')),
    worker   text NOT NULL DEFAULT '',
    from_at  timestamptz NOT NULL,                -- by the wall's clock, in an exercise too
    to_at    timestamptz NOT NULL CHECK (to_at >= from_at),
    messages bigint,                              -- how many the broker dropped; null: nobody knows
    noted_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (cause, worker, from_at)               -- noted twice it is one
);
CREATE INDEX ON ingest_gap (to_at);
CREATE FUNCTION ingest_gap_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger of gaps is append-only: % is refused', TG_OP;
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ingest_gap
    FOR EACH STATEMENT EXECUTE FUNCTION ingest_gap_is_append_only();
SELECT guard('ingest_gap', 'true');  -- tells nothing of a site

ALTER TABLE worker ADD COLUMN repeated bigint NOT NULL DEFAULT 0;  -- readings that were stored already
ALTER TABLE worker ADD COLUMN broker_dropped bigint;  -- what the broker counted when last looked at
