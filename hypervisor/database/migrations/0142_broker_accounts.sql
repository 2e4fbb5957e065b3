-- The accounts of devices, gateways and listeners at a cluster's broker. (On one machine they are in
-- mosquitto's password file.) No role reads this: the hashes are for the process that answers the
-- broker, as the owner.
CREATE TABLE broker_account (
    name text PRIMARY KEY CHECK (name ~ '^[A-Za-z0-9][A-Za-z0-9._-]*$'),
    password_hash text NOT NULL,               -- as mosquitto writes it: $7$iterations$salt$digest
    topics text[] NOT NULL DEFAULT '{}',       -- what a listener reads
    changed_at timestamptz NOT NULL DEFAULT now(),
    paused_until timestamptz,                  -- put out for having flooded the broker
    pause_seconds real                         -- its last pause; the next within an hour is twice as long
);
