"""Two gauges, their rules and an hourly record, without a database; times in hours."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isnan
from typing import Any

import numpy as np

from hypervisor.backtest import registries
from hypervisor.backtest.registries import Trial
from hypervisor.backtest.sources import RecordedSource
from hypervisor.base.instants import BEGINNING, moment
from hypervisor.registry.model import Device, Registry, Revision, Series, Site
from rules._pack import load_pack
from rules._rule import Rule
from sensors._domain import catalogue
from sensors._row import ROW, Rows
from tests.unit.backtest.making import START, at

CATALOGUE = catalogue()
SITES = ("moulin", "pont")
NUMBERS = {"moulin": 1, "pont": 2}
LONG = 200 * 366 * 86_400_000_000

LEVEL = """
- id: flood-level
  title: "{site} high"
  when: level > threshold.attention
  severity: minor
  steps:
    - {severity: major, when: level > threshold.alert}
  advice: look
  wrong when: never
  tests: []
"""
RISE = """
- id: flood-rise
  title: "{site} rises"
  when: change(level, 1 h) > 2 m
  severity: minor
  category: maintenance
  advice: look
  wrong when: never
  tests: []
"""
SILENT = """
- id: flood-silent
  title: "{site} silent"
  when: silent(level, 5 h)
  severity: info
  advice: look
  wrong when: never
  tests: []
"""


def rules(text: str) -> tuple[Rule, ...]:
    return tuple(load_pack(text, file="flood.yaml", domain="flood").rules)


def fact(kind: str, key: str, value: dict[str, Any] | None, *, since: int = BEGINNING) -> Revision:
    return Revision(
        kind=kind, key=key, value=value, effective=moment(since), author="test", reason="test"
    )


def registry(written: str = LEVEL, *facts: Revision) -> Registry:
    """Attention at 3 m and alert at 4 m; a word is expected every hour."""
    thresholds = [
        fact("threshold", f"{site}/{name}", {"value": value, "unit": "m"})
        for site in SITES
        for name, value in (("attention", 3.0), ("alert", 4.0))
    ]
    cadence = [fact("series", f"{site}/level", {"interval_s": 3600}) for site in SITES]
    made = Registry(
        areas={},
        sites={
            name: Site(name=name, title=name.title(), domain="flood", id=NUMBERS[name])
            for name in SITES
        },
        devices={
            name: Device(name=name, site=name, commissioned=moment(at(-500))) for name in SITES
        },
        series={
            (name, "level"): Series(device=name, quantity="level", id=NUMBERS[name])
            for name in SITES
        },
        revisions=(*thresholds, *cadence, *facts),
    )
    return registries.with_trial(made, Trial(rules=rules(written)), CATALOGUE)


def rows(number: int, *values: float, since: float = 0) -> Rows:
    """One an hour, received as it was measured; nan: a row without a value."""
    return np.array(
        [
            (number, at(since + n), at(since + n), value, 2 if isnan(value) else 0)
            for n, value in enumerate(values)
        ],
        dtype=ROW,
    )


def recorded(
    pont: Sequence[float] = (),
    moulin: Sequence[float] = (),
    *,
    since: float = 0,
    floor: float | None = None,
) -> RecordedSource:
    """Of both gauges from an hour on; listened to until the last word, or `floor`."""
    by_series = {
        number: rows(number, *values, since=since)
        for number, values in ((1, moulin), (2, pont))
        if values
    }
    last = max((int(each["time"][-1]) for each in by_series.values()), default=START)
    return RecordedSource(
        by_series=by_series,
        floor=last if floor is None else at(floor),
        gaps=((BEGINNING, at(since)),),
    )


@dataclass(frozen=True, kw_only=True)
class Noting:
    """A source that notes what it was asked for: series, from and to."""

    source: RecordedSource
    asked_for: list[tuple[tuple[int, ...], int, int]] = field(default_factory=list)
    closings: Mapping[Any, Any] = field(default_factory=dict)

    @property
    def floor(self) -> int:
        return self.source.floor

    @property
    def gaps(self) -> tuple[tuple[int, int], ...]:
        return self.source.gaps

    def rows(self, series: Sequence[int], since: int, until: int) -> Mapping[int, Rows]:
        self.asked_for.append((tuple(series), since, until))
        return self.source.rows(series, since, until)


def unheard(source: RecordedSource) -> RecordedSource:
    """Nobody listened while it was measured."""
    return replace(source, floor=int(np.iinfo(np.int64).min), gaps=())
