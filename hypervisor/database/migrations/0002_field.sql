-- The field: who speaks for whom, what belongs together, what stands to be flooded, codecs.

-- Something with an account of its own that speaks for devices: a LoRaWAN network server, a
-- concentrator. It may write for the devices registered under it, and for no other.
CREATE TABLE gateway (
    name       text PRIMARY KEY,                  -- also its MQTT user name
    title      text NOT NULL,
    protocol   text NOT NULL CHECK (protocol IN ('chirpstack', 'the-things-stack', 'senml', 'native')),
    lon        double precision,
    lat        double precision,
    properties jsonb NOT NULL DEFAULT '{}'
);

ALTER TABLE device
    ADD COLUMN gateway text REFERENCES gateway (name),
    ADD COLUMN address text,                      -- what its gateway calls it: DevEUI, SenML base name
    ADD COLUMN codec   text,                      -- how its payload is decoded; null: its model's, if any
    ADD COLUMN lon     double precision,          -- where it stands, if not where its site is
    ADD COLUMN lat     double precision,
    ADD COLUMN properties jsonb NOT NULL DEFAULT '{}',
    ADD UNIQUE (gateway, address) DEFERRABLE INITIALLY DEFERRED;  -- one may take another's at once

-- Devices that belong together and that rules speak of together: a cabinet and its lamps, a road
-- section. Who belongs is a revision (kind 'member').
CREATE TABLE device_group (
    name       text PRIMARY KEY,
    title      text NOT NULL,
    kind       text NOT NULL CHECK (kind IN ('cabinet', 'section', 'other')),
    site       integer REFERENCES site (id),      -- where it is run from: the cabinet's own site
    properties jsonb NOT NULL DEFAULT '{}'
);

-- Areas that are no administrative ones: flood zones, lighting zones.
CREATE TABLE zone (
    name       text PRIMARY KEY,
    title      text NOT NULL,
    kind       text NOT NULL CHECK (kind IN ('flood', 'lighting', 'other')),
    geometry   jsonb NOT NULL,                    -- GeoJSON Polygon or MultiPolygon, WGS 84
    illustrative boolean NOT NULL DEFAULT false,
    properties jsonb NOT NULL DEFAULT '{}'
);

-- What the water reaches: tied to a gauge and a level there (a revision of kind 'reach').
CREATE TABLE asset (
    name       text PRIMARY KEY,
    title      text NOT NULL,
    kind       text NOT NULL CHECK (kind IN ('road', 'school', 'cabinet', 'hospital', 'pumping', 'other')),
    commune    text REFERENCES area (code),
    geometry   jsonb,                             -- GeoJSON Point, LineString or Polygon, WGS 84
    site       integer REFERENCES site (id),      -- where it is one of our sites: a cabinet, a road's sensor
    illustrative boolean NOT NULL DEFAULT false,
    properties jsonb NOT NULL DEFAULT '{}'
);

-- More kinds of revisions (see 0001):
-- kind 'member'  key '<group>/<device>'   value {}: the device belongs to the group
-- kind 'plan'    key '<plan>'             value a lighting plan (sensors._plan.plan_to_json) and a "title"
-- kind 'supply'  key '<group>'            value {"plan": "<plan>", "switched": true}: how its members
--                are lit; switched: they have no supply, and say nothing, while the plan has them dark
-- kind 'reach'   key '<asset>'            value {"gauge": "<site>", "level": 2.1, "unit": "m"}
-- kind 'datum'   key '<site>'             value {"zero": 48.61, "unit": "m"}: the gauge's zero, m NGF. From
--                its effective time on levels are of another datum: nothing is compared across it
-- kind 'works'   key '<name>'             value {"begins": …, "ends": …, "sites": […], "devices": […],
--                "groups": […]}: planned works; RFC 3339. Its window is in the value: all its
--                revisions are effective at the epoch, and the one recorded last stands
-- kind 'threshold' of one device: key 'device/<device>/<name>'
ALTER TABLE revision DROP CONSTRAINT revision_kind_check;
ALTER TABLE revision ADD CONSTRAINT revision_kind_check CHECK (kind IN (
    'threshold', 'device', 'series', 'link', 'rule',
    'member', 'plan', 'supply', 'reach', 'datum', 'works'));

-- How a vendor's payload becomes readings: its own script, and what its fields mean.
CREATE TABLE codec (
    name      text PRIMARY KEY,
    mapping   text NOT NULL,                      -- YAML, as its author wrote it
    script    text,                               -- TS013 JavaScript, unchanged; null: the mapping names a form
    author    text NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now()
);

-- Of what an alarm speaks: the world (hazard) or our equipment (maintenance), in which domain.
-- `subject` is a site's name, `device/<name>` or `group/<name>`; `site` where that stands.
ALTER TABLE alarm
    ADD COLUMN category text NOT NULL DEFAULT 'hazard' CHECK (category IN ('hazard', 'maintenance')),
    ADD COLUMN domain   text NOT NULL DEFAULT '';

-- What a rule was judged by is remembered per subject, no longer per site alone.
ALTER TABLE judged_under DROP CONSTRAINT judged_under_kind_check;
DELETE FROM judged_under WHERE kind = 'site';
ALTER TABLE judged_under ADD CONSTRAINT judged_under_kind_check
    CHECK (kind IN ('subject', 'rule', 'deaf'));
