"""Forecasts of an instance: models are fitted to what is stored, and are revisions."""

import platform
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from hypervisor.backtest.sources import StoredSource
from hypervisor.base.instants import BEGINNING, moment, text
from hypervisor.database import audit
from hypervisor.database.connect import Connection
from hypervisor.forecast import queries_skill
from hypervisor.forecast.models import Study, Tick, model_of, study_record
from hypervisor.forecast.record import FORECAST, Record, stored_record, until
from hypervisor.forecast.skill import GaugeResult, result_to_json, skill_table
from hypervisor.forecast.thresholds import levels_of
from hypervisor.forecast.verification import verify_study
from hypervisor.registry import queries as store
from hypervisor.registry.changes import Changes
from hypervisor.registry.model import Registry, Revision
from rules._forecast import ForecastModel, Issued, model_from_json, model_to_json
from rules._forecast_parts import Track
from sensors._domain import catalogue
from sensors._errors import Message, TerritoryError

KIND = "forecast"


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """A gauge's model (None: nothing may be shown) and what was measured of it.

    `span`: the first and last reading (µs).
    """

    site: str
    quantity: str
    model: ForecastModel | None
    result: GaugeResult
    span: tuple[int, int] | None = None
    readings: int = 0

    @property
    def key(self) -> str:
        return f"{self.site}/{self.quantity}"

    @property
    def reasons(self) -> list[tuple[int, Message]]:
        """Why a horizon (µs) is not shown; 0: all of them."""
        if self.result.refused is not None:
            return [(0, self.result.refused)]
        return [
            (horizon.horizon, horizon.closed)
            for horizon in self.result.horizons
            if horizon.closed is not None
        ]


def fit_record(
    record: Record,
    *,
    effective: int,
    author: str,
    horizons: Sequence[int] | None = None,
    tick: Tick = lambda _: None,
) -> list[Fitted]:
    """The models of a record's gauges, of readings up to `effective` (µs) only."""
    past = until(record, effective)
    studies = study_record(past, horizons=horizons, tick=tick)
    return [_fit(study, past, author) for study in studies]


def _fit(study: Study, record: Record, author: str) -> Fitted:
    track = record.tracks[study.gauge.key]
    result = verify_study(study, levels_of(study.gauge, track, ()))
    model = model_of(study, closed=result.closed)
    if model is not None:
        skill = {
            **skill_table(result),
            "first": text(int(track.time[0])),
            "last": text(int(track.time[-1])),
            "readings": len(track.time),
            "author": author,
            "numpy": np.__version__,
            "python": platform.python_version(),
        }
        model = replace(model, skill=skill)
    return Fitted(
        site=study.gauge.key.site,
        quantity=study.gauge.key.quantity,
        model=model,
        result=result,
        span=(int(track.time[0]), int(track.time[-1])) if len(track.time) else None,
        readings=len(track.time),
    )


def save_models(
    connection: Connection,
    fitted: Sequence[Fitted],
    *,
    effective: datetime,
    author: str,
    reason: str,
) -> list[str]:
    """Store each as a revision, in one transaction; the keys of those that changed.

    A gauge whose gate is closed and that had a model loses it from then on. What was measured is
    kept of all.
    """
    with connection.transaction():
        store.lock(connection)
        # not decoded: a stored model that cannot be read must be replaceable
        held = _revisions_in_force(store.load(connection), effective)
        before = {key for key, revision in held.items() if revision.value is not None}
        revisions = [
            Revision(
                kind=KIND,
                key=each.key,
                value=None if each.model is None else model_to_json(each.model),
                effective=effective,
                author=author,
                reason=reason,
            )
            for each in fitted
            if each.model is not None or each.key in before
        ]
        queries_skill.add(
            connection,
            [
                queries_skill.Measured(
                    site=each.site,
                    title="",
                    river=None,
                    quantity=each.quantity,
                    effective=effective,
                    author=author,
                    reason=reason,
                    first=None if each.span is None else moment(each.span[0]),
                    last=None if each.span is None else moment(each.span[1]),
                    readings=each.readings,
                    result=result_to_json(each.result),
                )
                for each in fitted
            ],
        )
        if revisions:
            store.write(connection, Changes(revisions=tuple(revisions)))
            audit.record(
                connection,
                kind="forecast-fit",
                subject=KIND,
                reason=reason,
                author=author,
                details={"models": [revision.key for revision in revisions]},
            )
    return [revision.key for revision in revisions]


def models_in_force(registry: Registry, at: datetime) -> dict[str, tuple[Revision, ForecastModel]]:
    """The models by `<site>/<quantity>` that are in force at a time."""
    return {
        key: (revision, model_from_json(revision.value))
        for key, revision in _revisions_in_force(registry, at).items()
        if revision.value is not None
    }


def _revisions_in_force(registry: Registry, at: datetime) -> dict[str, Revision]:
    return {
        revision.key: revision
        for revision in registry.revisions
        if revision.kind == KIND and revision.effective <= at
    }


def load_record(
    connection: Connection, registry: Registry, *, sites: Sequence[str] = (), since: int = BEGINNING
) -> Record:
    """What is stored of the gauges at some sites, or of all, from `since` (µs) on."""
    source = StoredSource(connection=connection, floor=0, gaps=(), closings={})
    return stored_record(source, registry, catalogue(), sites=sites, since=since)


def issue_last(model: ForecastModel, record: Record, at: int) -> Issued | None:
    """The forecast of the last reading at or before a time; None: there is none."""
    empty = Track(time=np.empty(0, np.int64), value=np.empty(0), breaks=np.empty(0, np.int64))
    tracks = [record.tracks.get(key, empty) for key in model.inputs]
    own = tracks[0].time
    number = int(np.searchsorted(own, at, side="right"))
    return model.issue_tracks(tracks, own[number - 1 : number]) if number else None


def last_reading(record: Record) -> datetime:
    """The last time of any series that is forecast. Raises TerritoryError: nothing is stored."""
    times = [int(each.time[-1]) for key, each in record.tracks.items() if key.quantity in FORECAST]
    if not times:
        raise TerritoryError(
            "no level or discharge is stored that could be forecast: import some years of it"
            " (`hypervisor import`)"
        )
    return moment(max(times))
