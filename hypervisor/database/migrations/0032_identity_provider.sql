-- Accounts that sign in with the authority's identity provider (OpenID Connect), and nowhere else.
CREATE TABLE provider_account (
    account integer PRIMARY KEY REFERENCES account (id),
    issuer  text NOT NULL,
    subject text NOT NULL,                                -- the claim `sub`
    UNIQUE (issuer, subject)
);

-- What signing out at the provider, or by it, needs to know of a session.
CREATE TABLE provider_session (
    session  bytea PRIMARY KEY REFERENCES session (secret) ON DELETE CASCADE,
    sid      text,                                        -- the provider's own session, if it says
    id_token text NOT NULL
);
CREATE INDEX ON provider_session (sid);

-- Revisions of the file that says which claims give which roles; the latest is in force.
CREATE TABLE sign_in_rules (
    id          integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    text        text NOT NULL,
    author      text NOT NULL,
    reason      text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now()
);
