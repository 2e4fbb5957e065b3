-- The table of messages to trainees takes the name of what it holds; every row stays.
ALTER TABLE exercise_told RENAME TO exercise_message;
ALTER INDEX exercise_told_pkey RENAME TO exercise_message_pkey;
ALTER INDEX exercise_told_run_scenario_at_idx RENAME TO exercise_message_run_scenario_at_idx;
ALTER TABLE exercise_message
    RENAME CONSTRAINT exercise_told_inject_fkey TO exercise_message_inject_fkey;
ALTER TABLE exercise_message RENAME CONSTRAINT exercise_told_run_fkey TO exercise_message_run_fkey;
ALTER FUNCTION log_exercise_told_event() RENAME TO log_exercise_message_event;
