-- What the lighting plans want, as times: kept by the roll-up's part out of the revisions of kind
-- 'plan', 'supply' and 'threshold', made anew where one of these changes.

-- When a group's plan has it burn, and how brightly. Nothing: dark by its plan. Rows that touch are
-- one span of light, `lit_from` to `lit_to`. `installed`: kW behind its cabinet as then known.
CREATE TABLE lit_plan (
    lit_group text NOT NULL,
    begins    timestamptz NOT NULL,
    ends      timestamptz NOT NULL,
    level     double precision NOT NULL,          -- %
    lit_from  timestamptz NOT NULL,
    lit_to    timestamptz NOT NULL,
    installed double precision,
    PRIMARY KEY (lit_group, begins)
);
CREATE INDEX ON lit_plan (begins);

-- The same, a day of the instance's zone in a row; no row: no plan, or none of it on that day.
CREATE TABLE lit_day (
    lit_group text NOT NULL,
    day       timestamptz NOT NULL,
    burning   double precision NOT NULL,          -- h that its lamps burn
    expected  double precision,                   -- kWh that they draw
    installed double precision,
    PRIMARY KEY (lit_group, day)
);

-- By what, and for which time, each group's rows were made.
CREATE TABLE lit_made (
    lit_group text PRIMARY KEY,
    facts     text NOT NULL,
    since     timestamptz NOT NULL,
    until     timestamptz NOT NULL
);
CREATE TABLE lit_state (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    registry bigint NOT NULL DEFAULT -1,          -- how often it had changed
    since    timestamptz NOT NULL DEFAULT '-infinity',
    until    timestamptz NOT NULL DEFAULT '-infinity'
);
INSERT INTO lit_state DEFAULT VALUES;

SELECT guard(name, 'lit_group = ANY (ARRAY (SELECT unnest(tenant_groups())))')
    FROM unnest(ARRAY['lit_plan', 'lit_day']) name;
SELECT guard(name, 'false') FROM unnest(ARRAY['lit_made', 'lit_state']) name;
