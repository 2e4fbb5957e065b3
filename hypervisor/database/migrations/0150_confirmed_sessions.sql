-- When somebody last proved who they are in this session: by signing in, or by a confirmation.
-- What widens rights asks for a recent time. Null: not at all, as a sign-in that the identity
-- provider remembered.
ALTER TABLE session ADD COLUMN confirmed_at timestamptz;
