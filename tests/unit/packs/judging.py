"""A story or a recording judged by the packs offline: the watch's engine, no servers."""

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from hypervisor.alarms.log import Alarm
from hypervisor.backtest.evaluate import Inputs, backtest
from hypervisor.backtest.model import Evaluation, RaisedAlarm, Span
from hypervisor.backtest.registries import of_inventory, registry_around
from hypervisor.backtest.sources import RecordedSource
from hypervisor.base.instants import BEGINNING, micros, moment
from hypervisor.exercises.scoring import Score, score_alarms
from hypervisor.exercises.territory import describe_field
from hypervisor.registry.model import Registry
from rules._inputs import Instants
from rules._pack import packs
from sensors._domain import catalogue
from sensors._quantity import CLOCK_FAULT
from simulators import _recordings
from simulators._field import Field
from simulators._publications import MessageSet
from simulators._scenarios import load_scenario
from simulators._selection import select_names
from simulators._simulation import simulate_messages
from simulators._story import Story

SPARSE = 15  # of which many cabinets and roads the quick tests keep one
AHEAD = 300_000_000  # µs: what claims to be later than that after its arrival is not believed
LONG = 200 * 366 * 86_400_000_000


@cache
def registry_of(inventory: str) -> Registry:
    return of_inventory([inventory], catalogue(), packs())


@dataclass(frozen=True, kw_only=True)
class Told:
    """A story, its territory and the alarms that the packs raised."""

    story: Story
    field: Field
    alarms: tuple[Alarm, ...]
    judgement: Evaluation
    seed: int

    @property
    def score(self) -> Score:
        return score_alarms(self.story, self.field, self.seed, self.alarms)

    def of(self, rule: str) -> list[Alarm]:
        return [alarm for alarm in self.alarms if alarm.episode.rule == rule]


def told(name: str, seed: int, *, whole: bool = True) -> Told:
    """A scenario in the Essonne, or in a part of it that is enough for the story."""
    registry, story = registry_of("essonne"), load_scenario(name)
    field = describe_field(registry, catalogue(), story.begins)
    if not whole:
        field = _part(field, story, seed)
    source = _heard(simulate_messages(story, field, seed), registry, story)
    here = frozenset(place.site for place in field.places)
    if not whole:
        registry = registry_around(registry, here)
    found = judged(registry, source, here)
    alarms = tuple(_alarm(one) for one in found.alarms)
    return Told(story=story, field=field, alarms=alarms, judgement=found, seed=seed)


def judged(registry: Registry, source: RecordedSource, sites: frozenset[str]) -> Evaluation:
    inputs = Inputs(
        registry=registry,
        source=source,
        catalogue=catalogue(),
        span=Span(),
        places=sites,
        retention=LONG,
        closed=False,
    )
    return backtest(inputs, lambda _done, _of: None)


def _part(field: Field, story: Story, seed: int) -> Field:
    """All rivers and weather, some cabinets and roads, and all that the story speaks of."""
    wheres = [each.where for each in (*story.events, *story.faults)]
    wheres += [each.where for each in story.truth]
    spoken_of = {
        name
        for where in wheres
        if where.near is not None or where.names
        for name in select_names(where, field, seed)
    }
    roads = sorted(place.site for place in field.of("mobility"))
    cabinets = sorted({group.site for group in field.groups if group.kind == "cabinet"})
    kept = {*roads[::SPARSE], *cabinets[::SPARSE]}
    kept |= {group.site for group in field.groups if group.name in spoken_of}
    kept |= {place.site for place in field.places if {place.site, place.device} & spoken_of}
    places = tuple(
        one for one in field.places if one.domain in ("flood", "weather") or one.site in kept
    )
    groups = tuple(each for each in field.groups if not each.site or each.site in kept)
    return replace(field, places=places, groups=groups)


def _heard(spoken: MessageSet, registry: Registry, story: Story) -> RecordedSource:
    """What is said, received when its message arrives; what comes from the future is refused."""
    arrivals = np.array([each.arrival for each in spoken.publications], dtype=np.int64)
    rows = spoken.rows.assign(arrival=arrivals[spoken.of])
    refused = rows["time"].astype("int64") > rows["arrival"] + AHEAD
    rows = pd.concat([rows[~refused], _faults(rows[refused])], ignore_index=True)
    source = RecordedSource.of(rows.drop(columns="arrival"), registry, catalogue())
    first = _first_arrivals(rows, registry)
    for series, part in source.by_series.items():
        times, received = first[series]
        part["received"] = received[np.searchsorted(times, part["time"])]
    begins, last = micros(story.begins), int(arrivals.max())
    return replace(source, floor=last, gaps=((BEGINNING, begins),))


def _faults(refused: pd.DataFrame) -> pd.DataFrame:
    """As ingest does: of each refused message one `clock_fault` of its device."""
    once = refused.drop_duplicates(["device", "arrival"])
    at = pd.to_datetime(once["arrival"], unit="us", utc=True).astype(refused["time"].dtype)
    return once.assign(time=at, quantity=CLOCK_FAULT, unit="1", value=1.0, status="ok")


def _first_arrivals(rows: pd.DataFrame, registry: Registry) -> dict[int, tuple[Instants, Instants]]:
    """Of each series: its times, ascending, and when something first arrived for each."""
    ordered = rows.sort_values(["time", "arrival"], kind="stable")
    first = ordered.drop_duplicates(["device", "quantity", "time"])
    found: dict[int, tuple[Instants, Instants]] = {}
    for (device, quantity), part in first.groupby(["device", "quantity"], sort=False):
        one = registry.series.get((str(device), str(quantity)))
        if one is not None and one.id is not None:
            found[one.id] = _instants(part["time"]), _instants(part["arrival"])
    return found


def _instants(column: pd.Series) -> Instants:
    return np.asarray(column.astype("int64").to_numpy(), dtype=np.int64)


def _alarm(found: RaisedAlarm) -> Alarm:
    return Alarm(
        id=0,
        site=None,
        place=found.place,
        domain=found.domain,
        category=found.category,
        episode=found.episode,
        title=found.title,
        advice="",
        last_value=None,
        withdrawn=None,
        noticed=found.episode.began,
        changed=found.episode.began,
    )


def recorded(inventory: str, file: Path) -> Evaluation:
    """A recording judged at the sites of an inventory."""
    read = _recordings.read(file)
    registry = registry_of(inventory)
    source = RecordedSource.of(read.rows, registry, catalogue())
    begins = min(int(rows["time"][0]) for rows in source.by_series.values())
    devices = {
        name: replace(one, commissioned=moment(begins)) for name, one in registry.devices.items()
    }
    registry = replace(registry, devices=devices)  # nobody waited for a word before
    return judged(registry, source, frozenset(registry.sites))
