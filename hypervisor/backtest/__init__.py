"""Judging the past by rules that may never have been in force, beside the log.

`ground` says by what is judged (registry, rules, thresholds, with what is to be tried), `sources`
where the readings come from, `judging` judges them as the watch does. `events` are what really
happened; `scoring`, `load` and `comparing` say what the alarms were worth, `telling` in what words.
"""
