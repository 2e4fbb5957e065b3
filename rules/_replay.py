"""Judging as a watch does: arrivals in small batches, going on from what was found before.

The proof that cuts change nothing. It keeps the journal in memory, and gives the engine no more
of the past than `lookback` asks for.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from rules._engine import evaluate, lookback, run_start
from rules._inputs import Closing, Horizon, SeriesColumns, Subject
from rules._interval import Mask
from rules._readings import Sent
from rules._rule import Rule
from rules._rule_state import StateChange
from sensors._row import NEVER, believed

Revisions = Sequence[tuple[int, Rule | None]]


def evaluate_at_once(
    revisions: Revisions, subject: Subject, horizon: Horizon, *, closings: Sequence[Closing] = ()
) -> tuple[StateChange, ...]:
    """All moments, judged at once."""
    closed = {subject.key: closings}
    return evaluate(revisions, [subject], horizon, closings=closed)[0].moments


def replay(  # noqa: PLR0913  all that a log is made of
    revisions: Revisions,
    subject_of: Callable[[Sequence[Sent]], Subject],
    sent: Sequence[Sent],
    horizon: Horizon,
    *,
    size: int,
    closings: Sequence[Closing] = (),
) -> tuple[StateChange, ...]:
    """All moments, judged `size` arrivals at a time and last up to the horizon."""
    rules = [rule for _, rule in revisions if rule is not None]
    silence = any(rule.axis == "silence" for rule in rules)
    ordered = sorted(sent, key=lambda reading: reading.received_at)
    journal: list[StateChange] = []
    judged: int | None = None
    for end in range(size, len(ordered) + 2 * size, size):
        batch, had = ordered[end - size : end], ordered[:end]
        last = max((reading.received_at if silence else reading.time for reading in had), default=0)
        upto = horizon.silence if silence else horizon.values
        if end < len(ordered):
            upto = min(upto, max(last, ordered[end - 1].received_at))
        now = Horizon(values=upto, silence=upto, gaps=horizon.gaps)
        subject = subject_of(had)
        start = min(
            (reading.received_at if silence else reading.time for reading in batch), default=upto
        )
        closed = {subject.key: closings}
        if judged is None:
            moments = evaluate(revisions, [subject], now, closings=closed)[0].moments
        else:
            start = min(start, judged + 1)
            journal = [moment for moment in journal if moment.time < start]
            seeds = {subject.key: journal[-1]} if journal else {}
            seen = reached(rules, subject, start, seeds.get(subject.key), silence=silence)
            starts = {subject.key: start}
            (verdict,) = evaluate(
                revisions, [seen], now, starts=starts, seeds=seeds, closings=closed
            )
            moments = verdict.moments
        journal += moments
        judged = upto if judged is None else max(judged, upto)
    return tuple(journal)


def each_going_on(
    revisions: Revisions,
    subject_of: Callable[[Sequence[Sent]], Subject],
    sent: Sequence[Sent],
    horizon: Horizon,
    journal: Sequence[StateChange],
) -> tuple[StateChange, ...]:
    """All moments, judged an instant of arrivals at a time, each going on from the whole journal.

    Where every cut finds what the journal says, cuts that go on from each other find it too: the
    first goes on from nothing, and each next one from what was found equal. So all are judged in
    one call. Of arrivals that came as they were measured, which leave no moment to judge again.
    """
    rules = [rule for _, rule in revisions if rule is not None]
    silence = any(rule.axis == "silence" for rule in rules)
    upto = horizon.silence if silence else horizon.values
    ordered = sorted(sent, key=lambda reading: reading.time)
    times = sorted({reading.time for reading in ordered if reading.time < upto})
    ends = [*times[:-1], upto]
    subjects: list[Subject] = []
    starts: dict[str, int] = {}
    seeds: dict[str, StateChange] = {}
    for number, end in enumerate(ends):
        subject = replace(
            subject_of([reading for reading in ordered if reading.time <= end]), key=str(number)
        )
        if number:
            start = ends[number - 1] + 1
            seed = next((moment for moment in reversed(journal) if moment.time < start), None)
            subject = reached(rules, subject, start, seed, silence=silence)
            starts[subject.key] = start
            seeds |= {} if seed is None else {subject.key: seed}
        subjects.append(subject)
    untils = {str(number): end for number, end in enumerate(ends)}
    verdicts = evaluate(revisions, subjects, horizon, starts=starts, seeds=seeds, untils=untils)
    return tuple(moment for verdict in verdicts for moment in verdict.moments)


def reached(
    rules: Sequence[Rule], subject: Subject, start: int, seed: StateChange | None, *, silence: bool
) -> Subject:
    """The subject with only as much of the past as `lookback` asks for."""
    reach = lookback(rules, subject)
    run = run_start(seed) if seed is not None else None
    since = min(start, run if run is not None else start) - reach
    cut: Mapping[str, SeriesColumns] = {
        name: _cut(column, since, start, reach, silence=silence)
        for name, column in subject.series.items()
    }
    upstream = tuple(
        replace(
            site,
            series={
                name: _cut(column, since, start, reach, silence=silence)
                for name, column in site.series.items()
            },
        )
        for site in subject.upstream
    )
    forecasts = {
        name: replace(
            forecast,
            inputs={
                key: _cut(column, since, start, reach, silence=silence)
                for key, column in forecast.inputs.items()
            },
        )
        for name, forecast in subject.forecasts.items()
    }
    return replace(subject, series=cut, upstream=upstream, forecasts=forecasts)


def _cut(
    column: SeriesColumns, since: int, start: int, reach: int, *, silence: bool
) -> SeriesColumns:
    good = believed(column.value, column.quality)
    keep: Mask = column.time >= since
    if silence:
        had = column.received_at < start
        if (good & had).any():
            keep |= column.time >= column.time[good & had][-1] - reach
        for kind in (good & had & (column.received_at != NEVER), had):
            rows = np.flatnonzero(kind)
            if len(rows):
                keep[rows[np.argmax(column.received_at[rows])]] = True
        keep |= column.received_at >= start
    before = np.flatnonzero(good & ~keep)
    first = column.time[keep][0] if keep.any() else since
    before = before[column.time[before] < first] if len(before) else before
    if len(before):
        keep[before[-1]] = True
    return replace(
        column,
        time=column.time[keep],
        value=column.value[keep],
        quality=column.quality[keep],
        received_at=column.received_at[keep],
    )
