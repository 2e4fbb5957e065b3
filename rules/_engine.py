"""Judge: revisions of a rule, columns of readings and how far to read them -> what changed, when.

Pure: no clock, no I/O, nothing remembered between calls. `rules._log` folds the moments found into
the alarm log.
"""

from collections.abc import Mapping, Sequence

from rules._inputs import Horizon, Subject
from rules._journal import Moment, Verdict
from rules._rule import Rule

VERSION = "1"  # recorded with each judgement; a new version does not judge the past again


def judge(
    revisions: Sequence[tuple[int, Rule | None]],
    subjects: Sequence[Subject],
    horizon: Horizon,
    *,
    starts: Mapping[str, int] | None = None,
    seeds: Mapping[str, Moment] | None = None,
) -> list[Verdict]:
    """Judge subjects under the revisions of one rule, up to the horizon (inclusive).

    `revisions` ascend by effective time (µs); None withdraws the rule. A subject's times before
    the first are not judged. `starts[key]`: judge only moments at that time or later, `seeds[key]`
    being the last journal row before it (absent: nothing was ever found before). The subject's
    columns must then reach back as `lookback` says.

    Returns one verdict a subject, in order: the moments from its start on — they replace all
    recorded ones from there — and `due`, the first time after the horizon at which time alone may
    change the judgement (None: only a new row can).

    Silence is judged in `received_at`, so for a rule of axis "silence" the starts, the moments and
    the due are times of that axis.
    """
    raise NotImplementedError


def lookback(rules: Sequence[Rule], subject: Subject) -> int:
    """How far (µs) before a start the columns must reach, on the axis of `time`.

    Besides, whatever the age: the last good row of each series before that span (held states,
    `last`) and, for rules of axis "silence", the row of each series that arrived last before the
    start, and rows this far before the newest of those (`last_change`). And when the seed is
    pending, or a run of it is not yet fulfilled: this far before the start of that run, the
    smallest of `when_since`, `clear_since` and the steps' runs (`run_start(seed)`).
    """
    raise NotImplementedError


def run_start(seed: Moment) -> int | None:
    """The earliest start of a run that the seed has under way; None without any."""
    raise NotImplementedError
