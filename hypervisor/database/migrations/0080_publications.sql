-- Warnings that operators publish: drafts, their two signatures, and the messages that went out.

-- In an exercise all are `Exercise`, and only what is `Actual` is ever shown to anybody.
CREATE TABLE publication (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    status     text NOT NULL CHECK (status IN ('Actual', 'Exercise', 'Test')),
    alarm      bigint,                            -- no reference: a bench forgets alarms at once
    communes   text[] NOT NULL                    -- of all its drafts and messages: who sees it
);

-- What people did, append-only. `at`: the wall's clock.
CREATE TABLE publication_event (
    publication bigint NOT NULL REFERENCES publication,
    number      integer NOT NULL CHECK (number > 0),
    act         text NOT NULL CHECK (act IN ('draft', 'revise', 'discard', 'publish')),
    kind        text NOT NULL CHECK (kind IN ('Alert', 'Update', 'Cancel')),  -- of the message
    at          timestamptz NOT NULL,
    scenario_at timestamptz,
    author      text NOT NULL CHECK (author <> ''),
    reason      text NOT NULL,
    content     jsonb,                            -- texts, times, areas, of a draft
    areas       jsonb,                            -- with their communes, as they were then
    PRIMARY KEY (publication, number),
    CHECK ((act IN ('draft', 'revise')) = (content IS NOT NULL AND areas IS NOT NULL))
);

-- What was published; never changed. `sent`: the instance's clock. Numbers are in order of commit
-- (publishing locks the table), so that subscribers may follow them.
CREATE TABLE publication_message (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    publication bigint NOT NULL REFERENCES publication,
    identifier  text NOT NULL UNIQUE,
    sender      text NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('Alert', 'Update', 'Cancel')),
    status      text NOT NULL CHECK (status IN ('Actual', 'Exercise', 'Test')),
    sent        timestamptz NOT NULL,
    expires     timestamptz NOT NULL,
    content     jsonb NOT NULL,
    areas       jsonb NOT NULL,
    communes    text[] NOT NULL CHECK (communes <> '{}'),
    concerned   text[] NOT NULL CHECK (concerned @> communes),  -- also those of earlier messages:
                                                  -- where an update no longer holds, it says so
    xml         text NOT NULL                     -- CAP 1.2, as it was sent
);
CREATE INDEX ON publication_message (publication, id);
CREATE INDEX ON publication_message (expires);

CREATE FUNCTION publication_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' AND (SELECT mode FROM instance) = 'exercise'
            AND current_setting('hypervisor.resetting', true) = 'yes' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'what was published, and who signed it, stays: % is refused', TG_OP;
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON publication_event
    FOR EACH STATEMENT EXECUTE FUNCTION publication_is_append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON publication_message
    FOR EACH STATEMENT EXECUTE FUNCTION publication_is_append_only();

CREATE FUNCTION publication_fits_instance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status <> 'Exercise' AND (SELECT mode FROM instance) = 'exercise' THEN
        RAISE EXCEPTION 'an exercise publishes nothing real: % is refused', NEW.status;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER fits_instance BEFORE INSERT OR UPDATE ON publication
    FOR EACH ROW EXECUTE FUNCTION publication_fits_instance();
CREATE TRIGGER fits_instance BEFORE INSERT ON publication_message
    FOR EACH ROW EXECUTE FUNCTION publication_fits_instance();

CREATE FUNCTION log_publication_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM log_event('publication', 'publication/' || NEW.publication,
        (SELECT coalesce(array_agg(s.name), '{}') FROM publication p JOIN site s
         ON s.commune = ANY (p.communes) WHERE p.id = NEW.publication),
        jsonb_build_object('act', NEW.act, 'message', NEW.kind));
    RETURN NULL;
END $$;
CREATE TRIGGER logged AFTER INSERT ON publication_event
    FOR EACH ROW EXECUTE FUNCTION log_publication_event();

SELECT guard('publication', 'communes && ARRAY (SELECT unnest(tenant_communes()))');
SELECT guard('publication_event', 'publication IN (SELECT id FROM publication)');
SELECT guard('publication_message', $$
    CASE WHEN (SELECT tenant_public()) THEN status = 'Actual'
         ELSE publication IN (SELECT id FROM publication) END$$);
