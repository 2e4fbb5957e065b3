-- When an entry was stored (real time): how long the oldest has waited is how far evaluation lags.
ALTER TABLE feed ADD COLUMN stored_at timestamptz;
ALTER TABLE feed ALTER COLUMN stored_at SET DEFAULT clock_timestamp();
