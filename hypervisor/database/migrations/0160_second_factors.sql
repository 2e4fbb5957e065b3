-- Second factors of accounts: codes of an authenticator (RFC 6238), recovery codes, and the roles that
-- must have a factor. No role reads these tables: they are for the web application, as the owner.
CREATE TABLE totp_factor (
    account   integer PRIMARY KEY REFERENCES account,
    key       bytea NOT NULL,
    last_step bigint NOT NULL,             -- the step of the last code that was accepted: none twice
    added_at  timestamptz NOT NULL
);
CREATE TABLE recovery_code (
    account integer NOT NULL REFERENCES account,
    digest  bytea NOT NULL,                -- of 80 random bits
    used_at timestamptz,
    PRIMARY KEY (account, digest)
);
CREATE TABLE required_factor (
    role        text PRIMARY KEY,
    required_at timestamptz NOT NULL,
    author      text NOT NULL
);
-- What a session has been given to answer, once: a key to enrol.
CREATE TABLE factor_challenge (
    session   bytea NOT NULL REFERENCES session (secret) ON DELETE CASCADE,
    act       text NOT NULL,
    challenge bytea NOT NULL,
    created_at   timestamptz NOT NULL,
    PRIMARY KEY (session, act)
);
-- `factor`: the second factor that was shown in this session. `awaits`: what it still needs before it
-- opens anything: a factor, or the enrolment of one. Null: nothing.
ALTER TABLE session ADD COLUMN factor text, ADD COLUMN awaits text;
