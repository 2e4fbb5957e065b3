-- Evaluation in shards: every subject belongs to one of 32, for good; processes share the shards out.
-- A shard has its own row of state, and its own copy of the inputs that its subjects were evaluated by.
CREATE FUNCTION evaluation_shard(subject text) RETURNS smallint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
    $$SELECT (get_byte(sha256(convert_to(subject, 'UTF8')), 0) % 32)::smallint$$;

ALTER TABLE evaluation_state
    ADD COLUMN shard smallint NOT NULL DEFAULT 0 CHECK (shard BETWEEN 0 AND 31),
    ADD COLUMN newest timestamptz,             -- the latest time of a reading that was taken
    DROP COLUMN only_one,
    ADD PRIMARY KEY (shard);
INSERT INTO evaluation_state (shard, cursor, watermark, evaluated_to, engine)
    SELECT other, cursor, watermark, evaluated_to, engine
    FROM evaluation_state, generate_series(1, 31) other;

-- How far all shards have come; no row before the first evaluation.
CREATE FUNCTION evaluation_progress(
    OUT cursor xid8, OUT watermark timestamptz, OUT evaluated_to timestamptz, OUT engine text
) RETURNS SETOF record LANGUAGE sql STABLE AS $$
    SELECT min(cursor), CASE WHEN bool_and(watermark IS NOT NULL) THEN min(watermark) END,
        CASE WHEN bool_and(evaluated_to IS NOT NULL) THEN min(evaluated_to) END, min(engine)
    FROM evaluation_state HAVING count(*) > 0$$;

ALTER TABLE evaluation_input ADD COLUMN shard smallint;
UPDATE evaluation_input SET shard = evaluation_shard(
    CASE kind WHEN 'closing' THEN split_part(key, E'\n', 2) ELSE key END)
    WHERE kind IN ('subject', 'closing');
ALTER TABLE evaluation_input DROP CONSTRAINT evaluation_input_pkey;
INSERT INTO evaluation_input (shard, kind, key, facts)
    SELECT other, kind, key, facts FROM evaluation_input, generate_series(0, 31) other
    WHERE shard IS NULL;
DELETE FROM evaluation_input WHERE shard IS NULL;
ALTER TABLE evaluation_input ADD PRIMARY KEY (shard, kind, key);

ALTER TABLE set_aside ADD COLUMN shard smallint;
UPDATE set_aside SET shard = evaluation_shard(subject) WHERE rule <> '' AND subject <> '';
ALTER TABLE set_aside DROP CONSTRAINT set_aside_pkey;
INSERT INTO set_aside (shard, rule, subject, since, problem, noticed_at)
    SELECT other, rule, subject, since, problem, noticed_at FROM set_aside,
        generate_series(0, 31) other WHERE shard IS NULL;
DELETE FROM set_aside WHERE shard IS NULL;
ALTER TABLE set_aside ALTER COLUMN shard SET DEFAULT 0, ADD PRIMARY KEY (shard, rule, subject);
