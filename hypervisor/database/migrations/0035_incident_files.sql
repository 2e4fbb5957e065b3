-- Tasks with their owner, and files, both part of the operational log: an incident's page shows them.

ALTER TABLE log_entry ADD COLUMN owner text CHECK (owner <> '');  -- of a task: whose it is
ALTER TABLE log_entry DROP CONSTRAINT log_entry_kind_check;
ALTER TABLE log_entry ADD CONSTRAINT log_entry_kind_check CHECK (kind IN ('note', 'decision', 'call',
    'promise', 'task', 'closure', 'expectation', 'bulletin', 'settled', 'correction'));
CREATE INDEX ON log_entry (incident) WHERE incident IS NOT NULL;

-- Who sees an entry sees its files. The type was checked against the content.
CREATE TABLE attachment (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    entry   bigint NOT NULL REFERENCES log_entry (id),
    name    text NOT NULL CHECK (name <> ''),
    media   text NOT NULL CHECK (media IN ('application/pdf', 'image/jpeg', 'image/png',
                'image/webp', 'text/csv', 'text/plain')),
    digest  text NOT NULL,                        -- SHA-256 of the content
    content bytea NOT NULL CHECK (octet_length(content) BETWEEN 1 AND 8388608)
);
ALTER TABLE attachment ALTER COLUMN content SET STORAGE EXTERNAL;  -- packed already, mostly
CREATE INDEX ON attachment (entry);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON attachment
    FOR EACH STATEMENT EXECUTE FUNCTION log_is_append_only();
SELECT guard('attachment', 'entry IN (SELECT id FROM log_entry)');
