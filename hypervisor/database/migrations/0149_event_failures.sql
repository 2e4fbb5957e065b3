-- An event whose decision or message fails is tried again by itself, and given up after some tries:
-- it holds up no other.
ALTER TABLE outbox ADD COLUMN failures integer NOT NULL DEFAULT 0;
ALTER TABLE outbox DROP CONSTRAINT outbox_outcome_check, ADD CONSTRAINT outbox_outcome_check CHECK
    (outcome IN ('sent to', 'dropped', 'no route', 'failed'));
CREATE INDEX ON outbox (at) WHERE failures > 0;

-- Processes in a row that died while they sent a delivery: a message that kills its sender waits, too.
ALTER TABLE delivery ADD COLUMN deaths integer NOT NULL DEFAULT 0;
