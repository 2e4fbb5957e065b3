-- What an arming is for: the revision of the rule that was in force then. An edit ends it for good, also
-- where a rollback restores the text. Null (an older version armed it): the one in force at `recorded_at`.
ALTER TABLE arming ADD COLUMN revision bigint;

-- Why only people may order a proposed command, whatever is armed afterwards; null: its rule may, too.
ALTER TABLE command_proposal ADD COLUMN barred text;
