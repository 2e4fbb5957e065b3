-- 'evaluation late' and 'evaluation in time': alarms come late, and no longer. They are about no alarm.
ALTER TABLE outbox DROP CONSTRAINT outbox_event_check, ADD CONSTRAINT outbox_event_check CHECK
    (event IN ('raised', 'assigned', 'severity', 'stale', 'cleared', 'revised', 'withdrawn', 'reminder',
               'escalation', 'test', 'alive', 'set aside', 'resumed', 'evaluation late',
               'evaluation in time'));
CREATE INDEX ON outbox (id) WHERE event IN ('evaluation late', 'evaluation in time');
