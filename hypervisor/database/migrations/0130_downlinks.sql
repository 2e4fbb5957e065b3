-- Commands by way of a LoRaWAN network server, which the broker hands them to.

-- The broker has the command; whether the network sent it, its server says by itself ('accepted').
CREATE TABLE command_relay (
    command  uuid PRIMARY KEY REFERENCES command,
    gateway  text NOT NULL,
    taken_at timestamptz NOT NULL                 -- the instance's clock
);
SELECT guard('command_relay', 'command IN (SELECT id FROM command)');
CREATE TRIGGER stays BEFORE UPDATE OR DELETE OR TRUNCATE ON command_relay
    FOR EACH STATEMENT EXECUTE FUNCTION command_stays();

-- A network server may say nothing of what it does, and a reading shows it all the same.
INSERT INTO command_step (from_state, to_state) VALUES ('sent', 'confirmed');

-- What the sender keeps to, so that an order can say how long a group takes.
ALTER TABLE command_sender ADD COLUMN downlinks_per_second double precision;
