-- Passkeys (WebAuthn) as second factors: public keys, which authenticators prove to hold. No role reads them.
CREATE TABLE passkey (
    id         bytea PRIMARY KEY,
    account    integer NOT NULL REFERENCES account,
    public_key bytea NOT NULL,             -- COSE
    sign_count bigint NOT NULL,            -- grows with each use, where the authenticator counts
    added_at   timestamptz NOT NULL,
    used_at    timestamptz
);
CREATE INDEX ON passkey (account);
