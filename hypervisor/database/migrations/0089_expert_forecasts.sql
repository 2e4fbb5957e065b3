-- Forecasts of others (flood forecasters, consultants), as their files have them. A row is never
-- changed: the same forecast with other values is another row. No rule uses them.
CREATE TABLE expert_forecast (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    site       integer NOT NULL REFERENCES site,
    quantity   text NOT NULL,
    issuer     text NOT NULL,
    model      text NOT NULL,
    issued     timestamptz NOT NULL,              -- the last observation it knows, else when it was made
    produced   timestamptz,                       -- when it was made, where the file says so
    labels     text[] NOT NULL,                   -- of its courses
    levels     real[] NOT NULL,                   -- their probabilities; NULL: a member, or the only run
    times      timestamptz[] NOT NULL,
    courses    double precision[] NOT NULL,       -- by time, then by course; NaN where there is none
    comment    text NOT NULL,
    code       text NOT NULL,                     -- Sandre's, of the site or station
    file       text NOT NULL,
    author     text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON expert_forecast (site, quantity, issuer, model, issued DESC, id DESC);
SELECT guard('expert_forecast', '(SELECT tenant_site_marks())[site]');
