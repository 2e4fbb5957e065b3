-- Courses of official river reaches, by their service's code: lists of lines in WGS 84.
CREATE TABLE official_reach (
    area   text PRIMARY KEY,
    lines  jsonb NOT NULL
);
SELECT guard('official_reach', 'true');  -- public, as their colours are
