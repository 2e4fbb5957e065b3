-- Official road events, each version as its service had it; public. Of a row only this changes,
-- that a later version supersedes it.
CREATE TABLE official_event (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    feed       text NOT NULL,
    reference  text NOT NULL,                     -- the service's own name of the event
    version    text NOT NULL,
    state      text NOT NULL CHECK (state IN ('active', 'ended', 'cancelled', 'gone')),
    kind       text NOT NULL,
    closed     boolean NOT NULL,                  -- the road, not a lane of it
    detail     text NOT NULL,                     -- DATEX II's own words for it
    road       text NOT NULL,
    place      text NOT NULL,
    words      text NOT NULL,                     -- what people are told
    begins     timestamptz NOT NULL,
    ends       timestamptz,
    issued     timestamptz NOT NULL,              -- of this version
    producer   text NOT NULL,
    geometry   jsonb NOT NULL,
    source     text NOT NULL,
    licence    text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    superseded_at timestamptz
);
COMMENT ON COLUMN official_event.state IS 'gone: its service does not list it any more';
CREATE INDEX ON official_event (feed, reference) WHERE superseded_at IS NULL;
CREATE INDEX ON official_event (created_at);
SELECT guard('official_event', 'true');
