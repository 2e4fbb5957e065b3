-- Citizens may receive warnings in their browser (web push) besides by mail.

ALTER TABLE subscription ADD COLUMN channel text NOT NULL DEFAULT 'mail'
    CHECK (channel IN ('mail', 'push'));  -- push: `address` is the browser's endpoint and keys
ALTER TABLE subscription ALTER COLUMN channel DROP DEFAULT;

-- It holds what goes to browsers, too.
ALTER TABLE subscription_mail RENAME TO subscription_delivery;
ALTER SEQUENCE subscription_mail_id_seq RENAME TO subscription_delivery_id_seq;
ALTER INDEX subscription_mail_pkey RENAME TO subscription_delivery_pkey;
ALTER INDEX subscription_mail_subscription_message_key
    RENAME TO subscription_delivery_subscription_message_key;
ALTER INDEX subscription_mail_due_at_idx RENAME TO subscription_delivery_due_at_idx;
ALTER TABLE subscription_delivery RENAME CONSTRAINT subscription_mail_subscription_fkey
    TO subscription_delivery_subscription_fkey;
CREATE INDEX ON subscription_delivery (subscription) WHERE sent_at IS NULL AND given_up_at IS NULL;

-- The key by which push services know this instance (VAPID). Browsers subscribe to it, so another
-- key ends all their subscriptions.
CREATE TABLE push_key (
    only_row   boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    public     text NOT NULL,   -- the point, as browsers take it (base64url)
    private    bytea NOT NULL,  -- PEM, encrypted by HYPERVISOR_CITIZENS_KEY
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE OR REPLACE FUNCTION mail_needs_live_instance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT mode FROM instance) = 'exercise' THEN
        RAISE EXCEPTION 'an exercise sends nothing to citizens';
    END IF;
    RETURN NEW;
END $$;
