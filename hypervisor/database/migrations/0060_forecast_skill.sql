-- What each fit measured at a gauge, event by event, also where nothing may be shown: the pages say
-- how far a forecast can be trusted, and why there is none. Of the past, for people: no forecast
-- and no alarm depends on it. `result`: hypervisor.forecast.verification.GaugeResult.
CREATE TABLE forecast_skill (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    site      integer NOT NULL REFERENCES site,
    quantity  text NOT NULL,
    effective timestamptz NOT NULL,
    author    text NOT NULL,
    reason    text NOT NULL,
    first     timestamptz,                        -- of the readings that it learned from
    last      timestamptz,
    readings  bigint NOT NULL,
    result    jsonb NOT NULL
);
CREATE INDEX ON forecast_skill (site, quantity, effective DESC, id DESC);
SELECT guard('forecast_skill', '(SELECT tenant_site_marks())[site]');
