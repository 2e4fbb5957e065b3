-- Who looked at which home: a row for each person, home, route and hour, with how often. `subject`: the
-- home's name; '*': all that the person sees, in a file that cannot be read here.
CREATE TABLE personal_look (
    hour     timestamptz NOT NULL,
    subject  text NOT NULL CHECK (subject <> ''),
    author   text NOT NULL CHECK (author <> ''),
    way      text NOT NULL CHECK (way IN ('page', 'api', 'reader')),
    route    text NOT NULL,
    first_at timestamptz NOT NULL,
    last_at  timestamptz NOT NULL,
    times    integer NOT NULL DEFAULT 1 CHECK (times > 0),
    PRIMARY KEY (hour, subject, author, way, route)
);
CREATE INDEX ON personal_look (subject, last_at);
SELECT guard('personal_look', $$subject IN (SELECT tenant_site_names())
    OR subject = '*' AND (SELECT tenant_personal()) <> '{}'$$);

-- It may only grow; housekeeping deletes what is older than a year.
CREATE FUNCTION personal_look_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.times > OLD.times AND (NEW.hour, NEW.subject, NEW.author, NEW.way,
            NEW.route, NEW.first_at) = (OLD.hour, OLD.subject, OLD.author, OLD.way, OLD.route,
            OLD.first_at) THEN
        RETURN NEW;
    ELSIF TG_OP = 'DELETE' AND OLD.last_at < clock_timestamp() - interval '1 year' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'who looked stays for a year: % is refused', TG_OP;
END $$;
CREATE TRIGGER grows BEFORE UPDATE OR DELETE ON personal_look
    FOR EACH ROW EXECUTE FUNCTION personal_look_grows();
