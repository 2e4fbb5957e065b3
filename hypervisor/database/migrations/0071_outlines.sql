-- Outlines of communes (GeoJSON geometry, WGS 84), for maps; nothing is computed from them.
CREATE TABLE area_outline (
    area     text PRIMARY KEY REFERENCES area,
    outline  jsonb NOT NULL,
    source   text NOT NULL
);
SELECT guard('area_outline', 'true');  -- public, as the outlines are
