-- What the watch has set aside because its evaluation failed: nothing is evaluated there from `since`
-- on, until a change mends it; then evaluation goes on from there. It is no part of the alarm log.
CREATE TABLE set_aside (
    rule       text NOT NULL,                   -- '': every rule at this subject
    subject    text NOT NULL,                   -- '': every subject of this rule
    since      timestamptz NOT NULL,            -- on the rule's axis
    problem    text NOT NULL,
    noticed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (rule, subject)
);
SELECT guard('set_aside', $$subject = '' OR subject IN (SELECT tenant_subjects())$$);

-- 'set aside' and 'resumed' tell of it; they are about no alarm.
ALTER TABLE outbox DROP CONSTRAINT outbox_event_check, ADD CONSTRAINT outbox_event_check CHECK
    (event IN ('raised', 'severity', 'stale', 'cleared', 'revised', 'withdrawn', 'reminder',
               'escalation', 'test', 'alive', 'set aside', 'resumed'));
