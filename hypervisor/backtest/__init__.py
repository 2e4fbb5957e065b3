"""Rules evaluated on past readings, beside the alarm log: see `service.Question`."""
