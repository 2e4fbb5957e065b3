-- What is sent to citizens: each delivery fails alone, and a death of the sender counts.
ALTER TABLE subscription ADD COLUMN destination text;  -- host and port of a push service; null: not read yet
ALTER TABLE subscription_delivery
    ADD COLUMN deaths integer NOT NULL DEFAULT 0;  -- tries in which the sender died

-- Requests to confirm that were sent within a day, by the digest of a mailbox: of all addresses that
-- lead to one person (those with `+`, say). It is kept for a day, also when the person has left.
CREATE TABLE subscription_request (
    mailbox      bytea NOT NULL,
    requested_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON subscription_request (mailbox, requested_at);
CREATE INDEX ON subscription_request (requested_at);
