-- 'broker left' and 'broker back': a machine's broker left for want of disk. They are about no alarm.
ALTER TABLE outbox DROP CONSTRAINT outbox_event_check, ADD CONSTRAINT outbox_event_check CHECK
    (event IN ('raised', 'assigned', 'severity', 'stale', 'cleared', 'revised', 'withdrawn', 'reminder',
               'escalation', 'test', 'alive', 'set aside', 'resumed', 'evaluation late',
               'evaluation in time', 'broker left', 'broker back'));
CREATE INDEX ON outbox (id) WHERE event IN ('broker left', 'broker back');
