-- Notifications: what is to be told (outbox), to whom (delivery), by which routes (notify_routes).

-- Written in one transaction with the transition or act of which it tells. `at` and `due` are of the
-- instance's clock: the wall's, in an exercise the scenario's. It is decided once, at sending time.
CREATE TABLE outbox (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    alarm      bigint REFERENCES alarm (id),      -- null: of no alarm (a test, the sign of life)
    event      text NOT NULL CHECK (event IN ('raised', 'severity', 'stale', 'cleared', 'revised',
                   'withdrawn', 'reminder', 'escalation', 'test', 'alive')),
    key        text NOT NULL UNIQUE,              -- the same for every repeat
    at         timestamptz NOT NULL,
    body       jsonb NOT NULL,                    -- the alarm as it then stood, and why
    due        timestamptz NOT NULL,              -- not decided before
    held       text,                              -- why it waits: grace, inhibited by …, shelved …
    decided_at timestamptz,                       -- the wall's clock
    outcome    text CHECK (outcome IN ('sent to', 'dropped', 'no route')),
    reason     text,
    CHECK ((decided_at IS NULL) = (outcome IS NULL))
);
CREATE INDEX ON outbox (due, id) WHERE decided_at IS NULL;
CREATE INDEX ON outbox (alarm, id);

-- One message to one channel of one route; it is written when the event is decided, and is the same
-- at every try. Times are the wall's.
CREATE TABLE delivery (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    outbox     bigint NOT NULL REFERENCES outbox (id),
    alarm      bigint,
    route      text NOT NULL,
    channel    text NOT NULL,                     -- its name within the route
    key        text NOT NULL UNIQUE,              -- <the event's>/<route>/<channel>
    message    jsonb NOT NULL,
    active     boolean NOT NULL DEFAULT false,    -- what it says: the alarm lasts
    state      text NOT NULL DEFAULT 'waiting'
                   CHECK (state IN ('waiting', 'sent', 'dead', 'dropped')),
    attempts   integer NOT NULL DEFAULT 0,        -- tries that failed
    made_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    told_at    timestamptz NOT NULL,              -- the instance's clock when it was decided
    next_try   timestamptz NOT NULL DEFAULT clock_timestamp(),
    worker     integer,                           -- who has it in hand
    lease      timestamptz,                       -- until when, should it hang
    sent_at    timestamptz,
    last_error text
);
CREATE INDEX ON delivery (route, channel, next_try) WHERE state = 'waiting';
CREATE INDEX ON delivery (alarm, route, id);
CREATE INDEX ON delivery (outbox);
CREATE INDEX ON delivery (state, id) WHERE state = 'dead';

CREATE SEQUENCE notify_worker AS integer CYCLE;

-- The routes' file as it was applied; the last one is in force.
CREATE TABLE notify_routes (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    text        text NOT NULL,
    author      text NOT NULL CHECK (author <> ''),
    reason      text NOT NULL CHECK (reason <> ''),
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
