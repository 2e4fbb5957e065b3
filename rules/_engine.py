"""Judge: revisions of a rule, columns of readings and how far to read them -> what changed, when.

Pure: no clock, no I/O, nothing remembered between calls. `rules._log` folds the moments found into
the alarm log.
"""

import functools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rules._axis import Axis, merged, rows_where
from rules._block import Block
from rules._evaluate import View
from rules._evaluated_columns import EvaluatedColumns
from rules._functions import INTERVALS, USUAL
from rules._inputs import Closing, Horizon, Instants, Subject
from rules._interval import Interval, Mask, Truths, rounded
from rules._layout import EvaluationRequest, Extent, blocks
from rules._revisions import History
from rules._rule import Rule, ahead_of
from rules._rule_state import Phase, StateChange, Verdict
from rules._scan import NONE, Rows, Seeds, rows_of, seeds_of
from rules._sight import Sight
from rules._state_changes import Timeline, list_state_changes
from rules._state_machine import Conclusion, closed_by, conclude
from rules._tree import Node
from rules._upstream import longest as longest_way
from rules._usual import AROUND


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
        if not lengths.any():
            continue
        some = rows_where(judged.by_itself & (starts != NONE) & (lengths > 0))
        due = starts[some] + lengths[some]
        # The row judged last before the due key is still of the same run.
        then = rows.keys.searchsorted(due, side="left") - 1
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
            if not length:
                continue
            some = rows_where((starts != NONE) & part.by_itself)
            due = starts[some] + length
            then = rows.keys.searchsorted(due, side="left") - 1
            # No row of the subject before the due key: the run still lasts.
            lasts = then < 0
            if len(rows.keys):
                lasts |= rows.owners[np.maximum(then, 0)] != some
            yield due[lasts & history.in_force(part, due)]


def _hold(rank: int, rule: Rule) -> int:
    return rule.steps[rank].hold if rank < len(rule.steps) else 0


VERSION = "1"  # recorded with each judgement; a new version does not judge the past again

_TICK = 1_000_000  # µs
_ROUNDS = 1_000  # of run-length due times; two are usual, more than seven never seen
_NEVER_DUE = np.iinfo(np.int64).max


def evaluate(  # noqa: PLR0913  what may be known of each subject
    revisions: Sequence[tuple[int, Rule | None]],
    subjects: Sequence[Subject],
    horizon: Horizon,
    *,
    starts: Mapping[str, int] | None = None,
    seeds: Mapping[str, StateChange] | None = None,
    untils: Mapping[str, int] | None = None,
    closings: Mapping[str, Sequence[Closing]] | None = None,
) -> list[Verdict]:
    """Judge subjects under the revisions of one rule, up to the horizon (inclusive).

    `revisions` ascend by effective time (µs); None withdraws the rule. A subject's times before
    the first are not judged. `starts[key]`: judge only moments at that time or later, `seeds[key]`
    being the last journal row before it (absent: nothing was ever found before). The subject's
    columns must then reach back as `lookback` says. `untils[key]`: the subject's own horizon.
    `closings[key]`: when operators closed this rule's alarm there, ascending.

    Returns one verdict a subject, in order: the moments from its start on — they replace all
    recorded ones from there — and `due`, the first time after the horizon at which time alone may
    change the judgement (None: only a new row can).

    Silence is judged in `received_at`, so for a rule of axis "silence" the starts, the moments and
    the due are times of that axis.
    """
    rules = [rule for _, rule in revisions if rule is not None]
    if not rules or not subjects:
        return [Verdict(subject=subject.key, moments=(), due=None) for subject in subjects]
    extent = extent_of(revisions)
    request = EvaluationRequest(
        horizon=horizon,
        starts=starts or {},
        untils=untils or {},
        seeds=seeds or {},
        closings=closings or {},
    )
    verdicts: list[Verdict] = []
    for block in blocks(subjects, request, extent):
        verdicts += _judge_block(revisions, block, request)
    return verdicts


def extent_of(revisions: Sequence[tuple[int, Rule | None]]) -> Extent:
    """What the axis of a rule's revisions must hold."""
    rules = [rule for _, rule in revisions if rule is not None]
    return Extent(
        names=tuple(sorted({name for rule in rules for name in rule.names})),
        thresholds=tuple(
            {
                name
                for rule in rules
                for name in rule.thresholds + rule.optional_thresholds + rule.afar_thresholds
            }
        ),
        reach=_reach(rules),
        intervals=_most_intervals(rules),
        silence=any(rule.axis == "silence" for rule in rules),
        revisions=tuple(effective for effective, _ in revisions),
        afar=tuple(sorted({name for rule in rules for name in rule.afar})),
        forecasts=tuple(sorted({name for rule in rules for name in rule.forecasts})),
        aheads=tuple(sorted({ahead_of(call) for rule in rules for call in rule.upstreams})),
        words=tuple(sorted({word for rule in rules for word in rule.words})),
    )


def lookback(rules: Sequence[Rule], subject: Subject) -> int:
    """How far (µs) before a start the columns must reach, on the axis of `time`.

    Besides, whatever the age: the last good row of each series before that span (held states,
    `last`) and, for rules of axis "silence", the row of each series that arrived last before the
    start, and rows this far before the newest of those (`last_change`). And when the seed is
    pending, or a run of it is not yet fulfilled: this far before the start of that run, the
    smallest of `when_since`, `clear_since` and the steps' runs (`run_start(seed)`).

    All of that goes for the series of sites upstream too, whose lag is in it, and for those that a
    forecast is made from.
    """
    longest = max(map(_farthest, rules), default=0)
    columns = [*subject.series.values()]
    way = 0
    if any(rule.upstreams for rule in rules):
        way = longest_way(subject)
        columns += [column for upstream in subject.upstream for column in upstream.series.values()]
    limits = [
        int(np.nan_to_num(steps.value, nan=0.0).max(initial=0.0))
        for column in columns
        for steps in (column.stale_after, column.interval)
    ]
    named = {name for rule in rules for name in rule.forecasts}
    memory = max((f.memory for name, f in subject.forecasts.items() if name in named), default=0)
    limit = (2 + _most_intervals(rules)) * max(limits, default=0)
    return longest + way + memory + limit + _TICK


def run_start(seed: StateChange) -> int | None:
    """The earliest start of a run that the seed has under way; None without any."""
    runs = [start for latched, start, _ in seed.steps if not latched]
    if seed.phase is Phase.PENDING:
        runs.append(seed.when_since)
    elif seed.phase is Phase.ACTIVE:
        runs.append(seed.clear_since)
    return min((run for run in runs if run is not None), default=None)


def _farthest(rule: Rule) -> int:
    """How far the longest of its functions looks."""
    around = AROUND if USUAL in rule.functions else 0
    return (
        max((int(number.value) for number in rule.spans if number.unit == "us"), default=0) + around
    )


def _most_intervals(rules: Sequence[Rule]) -> int:
    """The longest of their silences that are written in intervals."""
    lengths = [n.value for rule in rules for n in rule.spans if n.unit == INTERVALS]
    return math.ceil(max(lengths, default=0))


def _reach(rules: Sequence[Rule]) -> int:
    """The farthest that any of the rules looks back or ahead by itself."""
    spans = map(_farthest, rules)
    runs = [run for rule in rules for run in (rule.hold, rule.keep, *(s.hold for s in rule.steps))]
    return max(spans, default=0) + max(runs, default=0)


def _judge_block(
    revisions: Sequence[tuple[int, Rule | None]], block: Block, request: EvaluationRequest
) -> list[Verdict]:
    axis = block.axis
    history = History(revisions, block)
    seeds = seeds_of(block.subjects, request.seeds, axis, history.ranks)
    span = _span(block, request, silence=history.silence)
    closed = closed_by(request.closings, block)
    all_keys = history.instants()
    if closed.keys is not None:
        all_keys = merged([all_keys, closed.keys])
    due = _soonest(axis, all_keys[span.after(all_keys)])
    keys = certain = all_keys[span.within(all_keys)]
    for _ in range(_ROUNDS):
        rows = rows_of(keys, axis.subjects(keys))
        judged = EvaluatedColumns(history, rows, closed, seeds)
        state = conclude(judged.rows, seeds, judged.verdicts)
        runs = due_runs(judged.rows, seeds, history, judged, state)
        candidates = merged([certain, runs[span.within(runs)]])
        if np.array_equal(candidates, keys):
            break
        keys = candidates
    due = np.minimum(due, _soonest(axis, runs[span.after(runs)]))
    if history.silence:
        due = np.minimum(due, _soonest(axis, block.wakes[span.after(block.wakes)]))
    telling = Timeline(
        axis=axis, rows=judged.rows, seeds=seeds, history=history, judged=judged, state=state
    )
    moments = list_state_changes(telling)
    return [
        Verdict(
            subject=subject.key,
            moments=tuple(moments[i]),
            due=None if due[i] == _NEVER_DUE else int(due[i]),
        )
        for i, subject in enumerate(block.subjects)
    ]


@dataclass(frozen=True, kw_only=True)
class _Span:
    """The keys to judge: by subject, from `first` up to `last`, both included."""

    axis: Axis
    first: Instants
    last: Instants

    def within(self, keys: Instants) -> Mask:
        owners = self.axis.subjects(keys)
        return np.asarray((keys >= self.first[owners]) & (keys <= self.last[owners]))

    def after(self, keys: Instants) -> Mask:
        return np.asarray(keys > self.last[self.axis.subjects(keys)])


def _span(block: Block, request: EvaluationRequest, *, silence: bool) -> _Span:
    axis = block.axis
    shared = request.horizon.silence if silence else request.horizon.values
    first, last = axis.origins(), axis.everywhere(shared)
    if request.starts or request.untils:
        for i, subject in enumerate(block.subjects):
            if subject.key in request.starts:
                first[i] = axis.key(i, request.starts[subject.key])
            if subject.key in request.untils:
                last[i] = axis.key(i, request.untils[subject.key])
    return _Span(axis=axis, first=first, last=last)


def _soonest(axis: Axis, keys: Instants) -> Instants:
    """By subject: the earliest of the keys, as a time."""
    soonest = np.full(axis.count, _NEVER_DUE)
    np.minimum.at(soonest, axis.subjects(keys), axis.times(keys))
    return soonest


_ALWAYS = 0  # µs: the one revision holds from the epoch on


def evaluate_parts(
    rule: Rule, nodes: Sequence[Node], looks: Sequence[tuple[Subject, Instants]]
) -> list[Interval]:
    """The values of `nodes`, parts of the rule's conditions, as the engine has them.

    `looks`: subjects and, of each, ascending times in µs; for a rule of axis "silence" of arrival.
    Of each node one value a time, subject after subject. What is not known is (-inf, inf).
    """
    views = [*_look(rule, [look for look in looks if len(look[1])])]
    by_view = [[rounded(view.value(node)) for node in nodes] for view in views]
    nothing = Interval(np.empty(0), np.empty(0))
    return [
        Interval(
            np.concatenate([nothing.lo, *(part.lo for part in parts)]),
            np.concatenate([nothing.hi, *(part.hi for part in parts)]),
        )
        for parts in ([values[number] for values in by_view] for number in range(len(nodes)))
    ]


def evaluate_truth(rule: Rule, subject: Subject, times: Instants) -> Truths:
    """The truth of the rule's `when` at each time (µs), without `for` and hysteresis."""
    (view,) = _look(rule, [(subject, times)])
    return view.truth(rule.when)


def _look(rule: Rule, looks: Sequence[tuple[Subject, Instants]]) -> Iterator[View]:
    """Subjects as a rule sees them, each at its times; several views where there are many rows."""
    last = max((int(times.max()) for _, times in looks), default=0)
    request = EvaluationRequest(
        horizon=Horizon(values=last, silence=last, gaps=()),
        starts={},
        untils={},
        seeds={},
        closings={},
    )
    revisions: Sequence[tuple[int, Rule | None]] = [(_ALWAYS, rule)]
    subjects, first = [subject for subject, _ in looks], 0
    for block in blocks(subjects, request, extent_of(revisions)):
        some = [times for _, times in looks[first : first + block.axis.count]]
        first += block.axis.count
        keys = block.axis.keys(np.concatenate(some), [len(times) for times in some])
        yield View(Sight(block, keys, silence=rule.axis == "silence"))
