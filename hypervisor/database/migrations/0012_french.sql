-- What a rule says in French, where its author wrote it; null: in English alone.
ALTER TABLE alarm ADD COLUMN title_fr text;
ALTER TABLE alarm ADD COLUMN advice_fr text;
