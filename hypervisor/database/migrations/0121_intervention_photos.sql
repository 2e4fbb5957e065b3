-- Photographs from the field: each belongs to the event that notes it. They are re-encoded JPEG without
-- any metadata; the position is what its agent agreed to. Housekeeping deletes them after their time.
CREATE TABLE intervention_photo (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    intervention bigint NOT NULL,
    number       integer NOT NULL,                -- of its event
    taken_at     timestamptz NOT NULL,            -- the wall's clock
    lon          double precision CHECK (lon BETWEEN -180 AND 180),
    lat          double precision CHECK (lat BETWEEN -90 AND 90),
    width        integer NOT NULL CHECK (width > 0),
    height       integer NOT NULL CHECK (height > 0),
    digest       text NOT NULL,                   -- SHA-256 of the content
    content      bytea NOT NULL CHECK (octet_length(content) BETWEEN 1 AND 4194304),
    FOREIGN KEY (intervention, number) REFERENCES intervention_event (intervention, number),
    UNIQUE (intervention, number),
    CHECK ((lon IS NULL) = (lat IS NULL))
);
ALTER TABLE intervention_photo ALTER COLUMN content SET STORAGE EXTERNAL;  -- packed already
CREATE INDEX ON intervention_photo (taken_at);
SELECT guard('intervention_photo', 'intervention IN (SELECT id FROM intervention)');
