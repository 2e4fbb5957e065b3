-- What one channel receives in order: all of a rule at a subject, whichever alarm it belongs to. An
-- end that overtook the next beginning would say that nothing is active. Null: of no order.
ALTER TABLE delivery ADD COLUMN sequence text;
UPDATE delivery d SET sequence = a.rule || ':' || a.subject
    FROM alarm a WHERE a.id = d.alarm AND d.state = 'waiting';
CREATE INDEX ON delivery (sequence, route, channel, id) WHERE state = 'waiting';
