"""Stores each forecast as it is issued, and again where late readings or a new model change it.

Roll-ups note which hours of a model's inputs changed (readings.rollup); what that makes due is
computed here from stored readings, as the rule engine computes it, and deleted from what is due in
the transaction that stores it. No evaluation reads what is stored.
"""

import hashlib
import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hypervisor.base.instants import BEGINNING, micros
from hypervisor.database import feed
from hypervisor.database.connect import Connection, StoreError, store_errors
from hypervisor.evaluation.columns import ColumnQuery, load_subjects, merge_queries
from hypervisor.evaluation.facts import SeriesFacts, SubjectFacts
from hypervisor.evaluation.series_tail import SeriesTail
from hypervisor.evaluation.subjects import build_subjects
from hypervisor.forecast import queries_issued as stored
from hypervisor.forecast.queries_issued import Gauge, InputRow, Made, Span
from hypervisor.registry.model import Registry
from hypervisor.registry.queries import RegistryCopy
from rules._forecast_parts import Track
from rules._inputs import Forecasts, Instants, Issued, SeriesColumns, Subject
from sensors._domain import Catalogue
from sensors._row import ROW

_AT_ONCE = 100  # gauges in a transaction
_MOST_DUE = 20_000
_LONGEST = 14 * 24 * 3_600_000_000  # µs of one gauge at once
_BUDGET = 2.0  # s of a call; then the roll-ups go on
_SECOND = 1_000_000
_LOG = logging.getLogger("hypervisor.rollup")


@dataclass(frozen=True, kw_only=True)
class _Gauge:
    """A gauge that has, or had, a model. `revisions`: ids of the models by their begin (µs)."""

    subject: SubjectFacts
    quantity: str
    revisions: Mapping[int, int]

    @property
    def own(self) -> SeriesFacts:
        return self.subject.series[self.quantity]

    @property
    def series(self) -> Iterator[SeriesFacts]:
        yield self.own
        yield from self.subject.forecasts[self.quantity].inputs.values()

    @property
    def memory(self) -> int:
        return Forecasts(revisions=self.subject.forecasts[self.quantity].models).memory

    def facts(self) -> dict[str, Any]:
        """What its forecasts are made by, besides readings."""
        forecast = self.subject.forecasts[self.quantity]
        sources = [
            [[[source.id, source.since] for source in each.sources], each.breaks]
            for each in self.series
        ]
        return {
            "models": [[at, self.revisions.get(at), mark] for at, mark in forecast.marks],
            "series": hashlib.sha256(repr(sources).encode()).hexdigest()[:16],
        }


@dataclass(kw_only=True)
class Issuing:
    """Work of the roll-up process while no roll-up waits (`readings.rollup.IdleWork`).

    What it holds is a copy of the registry's; after a restart it is built again.
    """

    _version: int = -1
    _gauges: dict[Gauge, _Gauge] = field(default_factory=dict)
    _registry: RegistryCopy = field(default_factory=RegistryCopy)

    def __call__(self, connection: Connection, catalogue: Catalogue, /, *, zone: str) -> bool:
        """Make what is due, for some two seconds; whether more is due."""
        try:
            with store_errors():
                if not stored.has_models(connection):
                    return False
                self._refresh(connection, catalogue, zone)
                return self._make_due(connection)
        except StoreError:
            raise
        except Exception:  # noqa: BLE001  roll-ups go on
            _LOG.exception("no forecast could be stored")
            return False

    def _make_due(self, connection: Connection) -> bool:
        until = time.monotonic() + _BUDGET
        while due := stored.list_due(connection, _MOST_DUE):
            if time.monotonic() > until:
                return True
            for some in _parted(list(due), _AT_ONCE):
                self._make(connection, {gauge: due[gauge] for gauge in some})
        return False

    def _refresh(self, connection: Connection, catalogue: Catalogue, zone: str) -> None:
        """Take over a changed registry; forecasts are due from where a model or a series changed.

        No other process rolls up meanwhile: an hour that changes later finds the new inputs.
        """
        with connection.transaction():
            version = feed.registry_version(connection)
            if version == self._version:
                return
            self._gauges = _list_gauges(self._registry.load(connection), catalogue, zone)
            self._version = version
            if version == stored.load_version(connection):
                return
            before = stored.load_facts(connection)
            facts = {key: gauge.facts() for key, gauge in self._gauges.items()}
            changed = {key: some for key, some in facts.items() if some != before.get(key)}
            for key, some in changed.items():
                since = _changed_from(before.get(key), some)
                span = stored.read_span(connection, self._gauges[key].own.ids)
                if span is not None and since < span[1]:
                    stored.add_due(connection, key, (max(since, span[0]), span[1]))
            stored.save_facts(connection, changed)
            stored.replace_inputs(connection, _inputs(self._gauges))
            stored.save_version(connection, version)

    def _make(self, connection: Connection, due: Mapping[Gauge, Any]) -> None:
        """The first due span of each gauge, in one transaction; alone where that fails."""
        try:
            with store_errors(), connection.transaction():
                self._store(connection, due)
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001  a model stops no other
            if len(due) > 1:
                for gauge, spans in due.items():
                    self._make(connection, {gauge: spans})
                return
            ((gauge, spans),) = due.items()
            with connection.transaction():
                stored.set_problem(connection, gauge, str(error))
                stored.delete_due(connection, gauge, _first_span(spans))

    def _store(self, connection: Connection, due: Mapping[Gauge, Any]) -> None:
        frozen = micros(stored.frozen_before(connection))
        spans = {}
        for key, some in due.items():
            first, last = _first_span(some)
            stored.delete_due(connection, key, (first, last))
            end = min(last, first + _LONGEST)
            if end < last:
                stored.add_due(connection, key, (end, last))
            if key in self._gauges:
                kept = frozen + self._gauges[key].memory if frozen > BEGINNING else frozen
                if max(first, kept) < end:
                    spans[key] = max(first, kept), end
        if not spans:
            return
        gauges = {key: self._gauges[key] for key in spans}
        subjects = _load(connection, gauges, spans)
        made = (
            row
            for key, gauge in gauges.items()
            for row in _issue(key, gauge, subjects[gauge.subject.key], spans[key])
        )
        stored.store(connection, spans.items(), made)
        for key in spans:
            stored.set_problem(connection, key, gauges[key].subject.forecasts[key[1]].problem)


def _list_gauges(registry: Registry, catalogue: Catalogue, zone: str) -> dict[Gauge, _Gauge]:
    revisions: dict[str, dict[int, int]] = {}
    for revision in registry.revisions:
        if revision.kind == "forecast" and revision.id is not None:
            revisions.setdefault(revision.key, {})[micros(revision.effective)] = revision.id
    subjects = build_subjects(registry, catalogue, zone)
    gauges = {}
    for key, ids in revisions.items():
        name, _, quantity = key.rpartition("/")
        subject = subjects.get(name)
        if subject is None or subject.site is None or quantity not in subject.series:
            continue
        if quantity in subject.forecasts:
            gauge = _Gauge(subject=subject, quantity=quantity, revisions=ids)
            gauges[subject.site, quantity] = gauge
    return gauges


def _inputs(gauges: Mapping[Gauge, _Gauge]) -> Iterator[InputRow]:
    for (site, quantity), gauge in gauges.items():
        begins = gauge.subject.forecasts[quantity].begins
        if begins is not None:
            for number in sorted({number for each in gauge.series for number in each.ids}):
                yield InputRow(
                    series=number, site=site, quantity=quantity, since=begins, memory=gauge.memory
                )


def _changed_from(before: Mapping[str, Any] | None, now: Mapping[str, Any]) -> int:
    """From when on (µs) forecasts may be others."""
    models = [tuple(each) for each in now["models"]]
    earlier = [tuple(each) for each in before["models"]] if before else []
    if before is None or before["series"] != now["series"]:
        return int(min(each[0] for each in [*models, *earlier]))
    return int(min(each[0] for each in set(models) ^ set(earlier)))


def _first_span(spans: Sequence[tuple[Any, Any]]) -> Span:
    """The first of some spans in order of their begin, with those that touch it. µs."""
    first, last = map(micros, spans[0])
    for begins, ends in spans[1:]:
        if micros(begins) > last:
            break
        last = max(last, micros(ends))
    return first, last


def _load(
    connection: Connection, gauges: Mapping[Gauge, _Gauge], spans: Mapping[Gauge, Span]
) -> dict[str, Subject]:
    """The columns from which the spans are forecast."""
    tails: dict[int, SeriesTail] = {}
    queries: dict[str, list[ColumnQuery]] = {}
    for key, gauge in gauges.items():
        first, last = spans[key]
        since = {number: first - gauge.memory for each in gauge.series for number in each.ids}
        for number in since:
            tail = tails.setdefault(number, SeriesTail(keep=0))
            tail.fill(np.empty(0, ROW), complete_from=max(last, tail.complete_from))
        query = ColumnQuery(subject=gauge.subject, since=since)
        queries.setdefault(gauge.subject.key, []).append(query)
    return load_subjects(connection, tails, [merge_queries(some) for some in queries.values()])


def _issue(key: Gauge, gauge: _Gauge, subject: Subject, span: Span) -> Iterator[Made]:
    """What is issued in a span, by the model in force at each good reading."""
    own = subject.series[gauge.quantity]
    for begins, issued in issue(own, subject.forecasts[gauge.quantity], span):
        horizons = [horizon // _SECOND for horizon in issued.horizons]
        values = issued.values.reshape(len(issued.times), -1).tolist()
        for row in np.flatnonzero(issued.tier >= 0).tolist():
            yield Made(
                site=key[0],
                quantity=key[1],
                issued=int(issued.times[row]),
                revision=gauge.revisions[begins],
                tier=int(issued.tier[row]),
                value=float(issued.current[row]),
                horizons=horizons,
                levels=issued.levels,
                quantiles=values[row],
            )


def issue(own: SeriesColumns, forecasts: Forecasts, span: Span) -> Iterable[tuple[int, Issued]]:
    """The forecasts of a span (µs), each with the begin of the model in force."""
    times: Instants = Track.of(own).time
    times = times[(times >= span[0]) & (times < span[1])]
    number = np.searchsorted(forecasts.begins, times, side="right") - 1
    for place in np.unique(number[number >= 0]).tolist():
        model = forecasts.models[place]
        if model is not None:
            columns = {**forecasts.inputs, model.inputs[0]: own}
            yield int(forecasts.begins[place]), model.issue(columns, times[number == place])


def _parted(gauges: list[Gauge], size: int) -> Iterator[list[Gauge]]:
    for start in range(0, len(gauges), size):
        yield gauges[start : start + size]
