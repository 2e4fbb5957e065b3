-- Commands that rules propose on an alarm (room `commands`). They lie beside the alarm log: nothing
-- that evaluates reads them. A row says what was proposed; what is ordered of it is a command.

CREATE TABLE command_proposal (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    alarm       bigint NOT NULL,              -- no reference: as in 0080
    rule        text NOT NULL,
    kind        text NOT NULL,                -- of command
    parameters  jsonb NOT NULL,
    target      text NOT NULL,                -- device/<name> or group/<name>
    site        integer NOT NULL REFERENCES site (id),  -- where it stands: who sees it
    automatic   boolean NOT NULL,             -- the rule would send it by itself
    proposed_at timestamptz NOT NULL,         -- the instance's clock, as all times here
    held        text,                         -- why an automatic one waits for a person
    ended_at    timestamptz,                  -- withdrawn
    end_reason  text,
    command     uuid,                         -- what was ordered of it: the key of a batch
    CHECK ((ended_at IS NULL) = (end_reason IS NULL)),
    UNIQUE (alarm, kind, target)              -- proposed once, whatever is evaluated again
);
CREATE INDEX ON command_proposal (rule) WHERE ended_at IS NULL AND command IS NULL;
SELECT guard('command_proposal', '(SELECT tenant_site_marks())[site]');

-- What was proposed never changes; what was ordered of it is ordered once.
CREATE FUNCTION command_proposal_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' AND (SELECT mode FROM instance) = 'exercise'
            AND current_setting('hypervisor.resetting', true) = 'yes' THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'UPDATE' AND (OLD.command IS NULL OR OLD.command = NEW.command)
            AND (OLD.alarm, OLD.rule, OLD.kind, OLD.parameters, OLD.target, OLD.site, OLD.automatic)
                IS NOT DISTINCT FROM
                (NEW.alarm, NEW.rule, NEW.kind, NEW.parameters, NEW.target, NEW.site, NEW.automatic) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'what was proposed, and what was ordered of it, stays: % is refused', TG_OP;
END $$;
CREATE TRIGGER stays BEFORE UPDATE OR DELETE ON command_proposal
    FOR EACH ROW EXECUTE FUNCTION command_proposal_stays();
CREATE TRIGGER kept BEFORE TRUNCATE ON command_proposal
    FOR EACH STATEMENT EXECUTE FUNCTION command_proposal_stays();

CREATE FUNCTION log_command_proposal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM log_event('command', 'proposal/' || NEW.id, event_sites(NEW.site), jsonb_build_object(
        'state', CASE WHEN NEW.command IS NOT NULL THEN 'ordered'
            WHEN NEW.ended_at IS NOT NULL THEN 'withdrawn' ELSE 'proposed' END));
    RETURN NULL;
END $$;
CREATE TRIGGER logged AFTER INSERT OR UPDATE ON command_proposal
    FOR EACH ROW EXECUTE FUNCTION log_command_proposal();

-- A rule is no person: what takes two signatures it never orders.
ALTER TABLE command ADD CONSTRAINT command_rule_signs_alone
    CHECK (signatures = 1 OR NOT starts_with(author, 'rule/'));
