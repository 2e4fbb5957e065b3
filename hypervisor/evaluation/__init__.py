"""Committed readings in, alarms and transitions out, in one transaction.

To follow one batch, read `batch.step`, and from there in order:

- `arrivals`: the feed's rows into memory (`series_tail`), and which evaluations they may change
  (`schedule`, with `prefilter`, `series_stats` and `value_ranges`);
- `evaluate`: what is due, its `columns`, and the engine over them;
- `recording`: the result compared with what is recorded, and its `transitions`.

Around it: `subjects` builds sites, devices and groups from the registry (`facts`; `chains` of
replaced gauges, `power_schedule`, sites `upstream`), `rulebook` says which rule applies where,
`memory` holds all of it and prunes old rule states, `revisions` and `differences` find what changed
in rules and registry, `pack_revisions` records the rule packs, `loop` is the process.
"""
