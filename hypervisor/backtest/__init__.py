"""Rules evaluated on past readings, beside the alarm log.

`registries` gives what is evaluated (registry, rules, thresholds, with a trial's changes),
`sources` the readings; `evaluate` evaluates them as live evaluation does. `events` are what
really happened; `scoring`, `load` and `differences` rate the alarms, `formatting` and `tables`
print the result.
"""
