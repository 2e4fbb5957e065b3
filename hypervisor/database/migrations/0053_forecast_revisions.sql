-- One more kind of revision (see 0001 and 0002):
-- kind 'forecast' key '<site>/<quantity>'  value: a model, as `rules._forecast.model_to_json` writes it
ALTER TABLE revision DROP CONSTRAINT revision_kind_check;
ALTER TABLE revision ADD CONSTRAINT revision_kind_check CHECK (kind IN (
    'threshold', 'device', 'series', 'link', 'rule',
    'member', 'plan', 'supply', 'reach', 'datum', 'works', 'forecast'));
