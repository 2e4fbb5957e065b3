-- Search by words: accents and case do not matter, and neither does one wrong letter.

CREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA public;
CREATE EXTENSION IF NOT EXISTS unaccent SCHEMA public;

-- As hypervisor.overview.search.fold. Immutable as long as nobody edits the dictionary's rules.
CREATE FUNCTION fold_text(words text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT btrim(regexp_replace(
        lower(public.unaccent('public.unaccent'::regdictionary, words)), '[^a-z0-9]+', ' ', 'g'))
$$;

-- |title|name| and then what is no name of it, such as its river: an exact name stands between bars.
ALTER TABLE site ADD COLUMN folded text NOT NULL GENERATED ALWAYS AS (
    '|' || fold_text(title) || '|' || fold_text(name) || '| ' || fold_text(coalesce(river, ''))) STORED;
ALTER TABLE device ADD COLUMN folded text NOT NULL GENERATED ALWAYS AS (
    '|' || fold_text(name) || '| ' || fold_text(coalesce(model, ''))) STORED;
ALTER TABLE device_group ADD COLUMN folded text NOT NULL GENERATED ALWAYS AS (
    '|' || fold_text(title) || '|' || fold_text(name) || '|') STORED;
ALTER TABLE asset ADD COLUMN folded text NOT NULL GENERATED ALWAYS AS (
    '|' || fold_text(title) || '|' || fold_text(name) || '|') STORED;
ALTER TABLE area ADD COLUMN folded text NOT NULL GENERATED ALWAYS AS (
    '|' || fold_text(name) || '|' || fold_text(code) || '|') STORED;

CREATE INDEX site_folded ON site USING gin (folded gin_trgm_ops);
CREATE INDEX device_folded ON device USING gin (folded gin_trgm_ops);
CREATE INDEX device_group_folded ON device_group USING gin (folded gin_trgm_ops);
CREATE INDEX asset_folded ON asset USING gin (folded gin_trgm_ops);
CREATE INDEX area_folded ON area USING gin (folded gin_trgm_ops);
