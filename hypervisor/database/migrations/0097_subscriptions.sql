-- Citizens who asked for warnings of a commune by mail. No policy: only the owner reads it.

CREATE TABLE subscription (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest       bytea NOT NULL,                  -- of the address, by the instance's key
    address      bytea NOT NULL,                  -- encrypted with it
    commune      text NOT NULL,                   -- an INSEE code
    language     text NOT NULL CHECK (language IN ('fr', 'en')),
    requested_at timestamptz NOT NULL DEFAULT now(),  -- when the last confirmation was asked for
    confirmed_at timestamptz,                     -- not within 48 h: the row is deleted
    UNIQUE (digest, commune)
);
CREATE INDEX ON subscription (commune) WHERE confirmed_at IS NOT NULL;
CREATE INDEX ON subscription (requested_at) WHERE confirmed_at IS NULL;

-- What is to be mailed, and what was. `message` 0: the request to confirm; no reference, since a
-- restored database may lack it.
CREATE TABLE subscription_mail (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subscription bigint NOT NULL REFERENCES subscription ON DELETE CASCADE,
    message      bigint NOT NULL,
    due_at       timestamptz NOT NULL DEFAULT now(),  -- or until when a sender has it
    attempts     integer NOT NULL DEFAULT 0,
    error        text,
    sent_at      timestamptz,
    given_up_at  timestamptz,
    UNIQUE (subscription, message)
);
CREATE INDEX ON subscription_mail (due_at) WHERE sent_at IS NULL AND given_up_at IS NULL;

-- Up to which published message mails were made.
CREATE TABLE subscription_progress (message bigint NOT NULL);
INSERT INTO subscription_progress SELECT coalesce(max(id), 0) FROM publication_message;

CREATE FUNCTION mail_needs_live_instance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT mode FROM instance) = 'exercise' THEN
        RAISE EXCEPTION 'an exercise mails nothing to citizens';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER live_only BEFORE INSERT ON subscription
    FOR EACH ROW EXECUTE FUNCTION mail_needs_live_instance();
CREATE TRIGGER live_only BEFORE INSERT ON subscription_mail
    FOR EACH ROW EXECUTE FUNCTION mail_needs_live_instance();
