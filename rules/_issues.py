"""The forecasts of one series of every subject of a block, issued at its good readings.

A model is a function of readings at or before the issue time, so that a forecast does not depend on
when it is computed. It is issued under the model in force at the time of the reading, whatever
model comes after.
"""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from rules._axis import Axis, Index, lying_in, merged
from rules._forecast import chance_above, value_at
from rules._inputs import Instants, Issued, Kept, Subject, Values
from rules._interval import Mask
from rules._track import Track

_FEW = 1_000  # issue times that are kept beyond the block: those of a year take megabytes


class Issues:
    """What was issued at the rows of a track: computed when first asked for, and kept."""

    def __init__(self, axis: Axis, track: Track, subjects: Sequence[Subject], name: str) -> None:
        self._axis = axis
        self._track = track
        self._forecasts = [subject.forecasts.get(name) for subject in subjects]
        self._kept: dict[tuple[int, int], Kept] = {}  # by subject and model

    def medians(self, rows: Index, horizon: int) -> Values:
        """The medians after a horizon (µs), at good readings; nan: none was issued."""
        medians = np.full(len(rows), np.nan)
        for some, issued in self._issued(rows):
            medians[some] = value_at(issued, horizon)
        medians[self._track.saturated[rows]] = np.nan
        return medians

    def chances(self, rows: Index, limits: Values, horizon: int, *, above: bool) -> Values:
        """The chances to be beyond limits within a horizon (µs), at good readings; nan: unknown.

        Of a saturated gauge only that it is above already.
        """
        chances = np.full(len(rows), np.nan)
        for some, issued in self._issued(rows):
            seen = issued if above else _mirrored(issued)
            chances[some] = chance_above(seen, limits[some] if above else -limits[some], horizon)
        saturated = self._track.saturated[rows]
        if saturated.any():
            beyond = above & (self._track.lo[rows] > limits) & self._modelled(rows)
            chances[saturated] = np.where(beyond, 1.0, np.nan)[saturated]
        return chances

    def _modelled(self, rows: Index) -> Mask:
        """Where a model was in force."""
        modelled = np.zeros(len(rows), dtype=np.bool_)
        for some, _, _ in self._parts(rows):
            modelled[some] = True
        return modelled

    def _issued(self, rows: Index) -> Iterator[tuple[Index, Issued]]:
        """The places of rows with a model in force, and what was issued there.

        All subjects together whose models have the same horizons.
        """
        alike: dict[Hashable, list[tuple[Index, Issued]]] = {}
        for some, subject, number in self._parts(rows):
            times = self._axis.times(self._track.good[rows[some]])
            kept = self._issue(subject, number, times)
            issued = _taken(kept.issued, np.searchsorted(kept.times, times))
            alike.setdefault((issued.horizons, issued.levels), []).append((some, issued))
        for parts in alike.values():
            places, issues = zip(*parts, strict=True)
            yield np.concatenate(places), _joined(issues)

    def _parts(self, rows: Index) -> Iterator[tuple[Index, int, int]]:
        """Places of rows by subject and the model in force there."""
        keys = self._track.good[rows]
        owners, times = self._axis.subjects(keys), self._axis.times(keys)
        for subject in np.unique(owners[rows > 0]).tolist():
            forecasts = self._forecasts[subject]
            if forecasts is None:
                continue
            own = np.flatnonzero((owners == subject) & (rows > 0))
            numbers = np.searchsorted(forecasts.begins, times[own], side="right") - 1
            for number in np.unique(numbers).tolist():
                if number >= 0 and forecasts.models[number] is not None:
                    yield own[numbers == number], subject, number

    def _issue(self, subject: int, number: int, times: Instants) -> Kept:
        forecasts, column = self._forecasts[subject], self._track.columns[subject]
        assert forecasts is not None  # noqa: S101  rows of a subject without are in no part
        assert column is not None  # noqa: S101
        kept = self._kept.get((subject, number), forecasts.kept.get(number))
        if kept is not None and kept.column is not column:
            kept = None
        if kept is not None and lying_in(kept.times, times).all():
            return kept
        every = merged([times] if kept is None else [times, kept.times])
        model = forecasts.models[number]
        assert model is not None  # noqa: S101
        issued = model.issue({**forecasts.inputs, model.inputs[0]: column}, every)
        kept = Kept(column=column, times=every, issued=issued)
        if len(every) <= _FEW:
            forecasts.kept[number] = kept
        else:
            self._kept[subject, number] = kept
        return kept


def _taken(issued: Issued, places: Index) -> Issued:
    if len(places) == len(issued.times) and bool((np.diff(places) == 1).all()):
        return issued
    return replace(
        issued,
        times=issued.times[places],
        current=issued.current[places],
        values=issued.values[places],
        tier=issued.tier[places],
    )


def _joined(parts: Sequence[Issued]) -> Issued:
    """One after the other, of the same horizons and levels."""
    if len(parts) == 1:
        return parts[0]
    return replace(
        parts[0],
        times=np.concatenate([part.times for part in parts]),
        current=np.concatenate([part.current for part in parts]),
        values=np.concatenate([part.values for part in parts]),
        tier=np.concatenate([part.tier for part in parts]),
    )


def _mirrored(issued: Issued) -> Issued:
    """The same of the negative value: what is below a limit is above the negative limit."""
    return replace(
        issued,
        levels=tuple(1.0 - level for level in reversed(issued.levels)),
        current=-issued.current,
        values=-issued.values[:, :, ::-1],
    )
