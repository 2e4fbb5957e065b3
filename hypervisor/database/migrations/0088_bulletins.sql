-- Bulletins of the official flood forecasters: texts of a territory or of a reach, as issued; public.
-- A row is never changed: what the service changed later under the same issue time is another row.
CREATE TABLE official_bulletin (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    feed       text NOT NULL,
    area       text NOT NULL,                     -- the code of a territory or of a river reach
    title      text NOT NULL,
    covers     text[] NOT NULL,                   -- our reaches that it speaks of
    reference  text NOT NULL,                     -- its own number
    issued     timestamptz NOT NULL,
    next_at    timestamptz,                       -- when its author means to issue the next
    colour     smallint CHECK (colour BETWEEN 1 AND 4),
    producer   text NOT NULL,
    texts      jsonb NOT NULL,                    -- [[part, text], …] in the order to read
    source     text NOT NULL,
    licence    text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON official_bulletin (feed, area, issued DESC, id DESC);
SELECT guard('official_bulletin', 'true');

ALTER TABLE retention DROP CONSTRAINT retention_what_check;
ALTER TABLE retention ADD CONSTRAINT retention_what_check
    CHECK (what IN ('readings', 'dead_letters', 'imported', 'official'));
