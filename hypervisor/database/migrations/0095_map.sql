-- What maps draw, beside outlines; nothing is computed from it. Lines are lists of positions in WGS 84.

-- Borders of communes, each once. `neighbour` NULL: the outside of all outlines.
CREATE TABLE area_border (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    area       text NOT NULL REFERENCES area,
    neighbour  text REFERENCES area,
    line       jsonb NOT NULL
);
SELECT guard('area_border', 'true');   -- public, as the outlines are

-- Courses of rivers. `river`: as sites name it; NULL: no gauge of ours is on it. `lines`: with the flow.
CREATE TABLE river_course (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name    text NOT NULL,
    code    text NOT NULL,
    river   text,
    lines   jsonb NOT NULL,
    source  text NOT NULL
);
SELECT guard('river_course', 'true');  -- public, as the rivers are

-- The course between two gauges that follow one another; `distances`: of both from the river, m.
CREATE TABLE river_reach (
    upstream    text NOT NULL REFERENCES site (name),
    downstream  text NOT NULL REFERENCES site (name),
    line        jsonb NOT NULL,
    length      double precision NOT NULL,   -- m
    distances   double precision[] NOT NULL,
    PRIMARY KEY (upstream, downstream)
);
SELECT guard('river_reach', 'upstream IN (SELECT tenant_site_names())'
    ' AND downstream IN (SELECT tenant_site_names())');
