"""When runs that time alone may fulfil reach their lengths."""

import functools
from collections.abc import Iterator

import numpy as np

from rules._axis import merged
from rules._evaluated_columns import EvaluatedColumns
from rules._inputs import Instants
from rules._revisions import History
from rules._rule import Rule
from rules._scan import NONE, Rows
from rules._seeds import Seeds
from rules._state_machine import Conclusion


def due_runs(
    rows: Rows, seeds: Seeds, history: History, judged: EvaluatedColumns, state: Conclusion
) -> Instants:
    """Keys at which runs reach their lengths while they last, also after the last row."""
    keys = list(_judged_runs(rows, judged, state))
    keys += list(_seeded_runs(rows, seeds, history))
    return merged(keys)


def _judged_runs(rows: Rows, judged: EvaluatedColumns, state: Conclusion) -> Iterator[Instants]:
    """Of runs that a row judged is in."""
    verdicts = judged.verdicts
    runs = [(state.when_since, verdicts.when.hold), (state.clear_since, verdicts.end.hold)]
    for (_, start), step in zip(state.steps, verdicts.steps, strict=True):
        runs.append((start, step.on.hold))
    for starts, lengths in runs:
        some = np.flatnonzero(judged.by_itself & (starts != NONE) & (lengths > 0))
        due = starts[some] + lengths[some]
        # The row judged last before the due key is still of the same run.
        then = np.searchsorted(rows.keys, due, side="left") - 1
        yield due[starts[then] == starts[some]]


def _seeded_runs(rows: Rows, seeds: Seeds, history: History) -> Iterator[Instants]:
    """Of runs that were under way, until a row is judged."""
    runs = [
        (seeds.when_since, history.lengths(lambda rule: rule.hold)),
        (seeds.clear_since, history.lengths(lambda rule: rule.keep)),
    ]
    for rank, (_, start) in enumerate(seeds.steps):
        runs.append((start, history.lengths(functools.partial(_hold, rank))))
    for starts, lengths in runs:
        for part, length in zip(history.parts, lengths, strict=True):
            some = np.flatnonzero((starts != NONE) & part.by_itself & (length > 0))
            due = starts[some] + length
            then = np.searchsorted(rows.keys, due, side="left") - 1
            # No row of the subject before the due key: the run still lasts.
            lasts = then < 0
            if len(rows.keys):
                lasts |= rows.owners[np.maximum(then, 0)] != some
            yield due[lasts & history.in_force(part, due)]


def _hold(rank: int, rule: Rule) -> int:
    return rule.steps[rank].hold if rank < len(rule.steps) else 0
