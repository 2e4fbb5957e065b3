"""Committed readings in, alarms and transitions out, in one transaction.

To follow one batch, read `batch.step`, and from there in order:

- `affected`: the feed's rows into memory (`tail`, `news`), and what they may change (`schedule`,
  with the cheap look of `glance`, `dials` and `possible`);
- `judging`: what is due, its columns (`columns`), and the engine over them;
- `recording`: what was found against what was recorded, and what people are told (`telling`).

Beside the way: `subjects` makes sites, devices and groups of the registry (`facts`; gauges that
followed one another in `chains`, lamps and their plan in `supply`, sites upstream in `rivers`),
`rulebook` and `memory` arrange them and the rules, `revising` and `differences` find what changed
in them, `heard` says how far we listened, `forgetting` how far back is judged, `packs` records the
rule packs, `loop` keeps it going.
"""
