-- When the house was last kept, for those who measure.
ALTER TABLE happening_forgotten ADD COLUMN swept_at timestamptz;
