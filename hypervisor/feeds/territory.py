"""`hypervisor territory start`: from a département's number to an inventory that is read.

Communes with outlines, the gauges of Hub'Eau on their rivers, Vigicrues' reaches, and thresholds
proposed from the gauges' history. Nothing that stands already is taken away.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from hypervisor.base.settings import Settings
from hypervisor.database.connect import Connection, StoreError
from hypervisor.feeds import collect, communes, hubeau, vigicrues
from hypervisor.feeds.communes import Commune
from hypervisor.feeds.gauges import Gauge, fetch_gauges, with_proposals
from hypervisor.feeds.model import Feed, FeedError, FeedState
from hypervisor.feeds.poll import PartFailures, PollContext, read_clock
from hypervisor.feeds.vigicrues import Reach
from hypervisor.geography import queries as geography_queries
from hypervisor.geography.areas import contains, list_rings
from hypervisor.geography.lines import simplify, to_coordinates
from hypervisor.geography.queries import Line
from hypervisor.registry import queries as registry_queries
from hypervisor.registry.apply import apply_inventory
from hypervisor.registry.changes import Changes
from hypervisor.registry.departements import NAMES
from hypervisor.registry.inventory_files import read_text
from hypervisor.registry.model import Registry
from sensors._domain import catalogue
from sensors._errors import Message
from sensors._nearest import did_you_mean

Say = Callable[[str], None]
_STALE = "2 h"  # many gauges send once an hour
_BEFORE = timedelta(days=1)  # what lasts since then is an alarm at once, with its beginning
_TOLERANCE = 20.0  # m, of a reach's course
_MOST_CORNERS = 4_000  # of a reach that are looked at


@dataclass(frozen=True, kw_only=True)
class Start:
    """What was read. `notes`: what could not be, in words."""

    departement: str
    communes: Sequence[Commune] = ()
    gauges: Sequence[Gauge] = ()
    reaches: Sequence[tuple[Reach, tuple[float, float]]] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Reader:
    """Asks each service; one that does not answer leaves a note."""

    settings: Settings
    say: Say
    now: datetime = field(default_factory=read_clock)
    notes: list[str] = field(default_factory=list)

    def context(self, feed: Feed) -> PollContext:
        return PollContext(
            feed=feed, settings=self.settings, state=FeedState(name=feed.name), now=self.now
        )

    def note(self, feed: Feed, error: FeedError) -> None:
        self.notes.append(Message("{title}: {problem}", feed.title, error))


def read_start(settings: Settings, departement: str, *, say: Say) -> Start:
    """Ask the services; one that does not answer leaves a note.

    Raises FeedError: there is no such département.
    """
    if departement not in NAMES:
        raise FeedError(
            "{departement!r} is no département{hint}", departement, did_you_mean(departement, NAMES)
        )
    reader = _Reader(settings=settings, say=say)
    say(f"{NAMES[departement]} ({departement}): communes")
    here = _read_communes(reader, departement)
    say(f"  {len(here)} communes")
    gauges = _read_gauges(reader, departement)
    reaches = _read_reaches(reader, here)
    return Start(
        departement=departement,
        communes=here,
        gauges=gauges,
        reaches=reaches,
        notes=tuple(reader.notes),
    )


def _read_communes(reader: _Reader, departement: str) -> list[Commune]:
    """From the service; where it does not answer, as shipped, if they are."""
    try:
        failures = PartFailures()
        here = communes.fetch_communes(reader.context(communes.FEED), departement, failures)
    except FeedError as error:
        reader.note(communes.FEED, error)
        return communes.read_recorded(departement)
    if failures.first is not None:
        reader.note(communes.FEED, failures.first)
    return here


def _read_gauges(reader: _Reader, departement: str) -> list[Gauge]:
    context = reader.context(hubeau.FEED)
    reader.say("Hub'Eau: gauges")
    gauges: list[Gauge] = []
    try:
        failures = PartFailures()
        gauges = fetch_gauges(context, departement, failures)
        rivers = {gauge.station.libelle_cours_eau for gauge in gauges}
        reader.say(f"  {len(gauges)} gauges on {len(rivers)} rivers; their history")
        gauges = list(with_proposals(context, gauges, failures))
        failures.raise_first()
    except FeedError as error:
        reader.note(hubeau.FEED, error)
    return gauges


def _read_reaches(
    reader: _Reader, here: Sequence[Commune]
) -> list[tuple[Reach, tuple[float, float]]]:
    """The official reaches that cross a commune, each with a point there."""
    context = reader.context(vigicrues.FEED)
    reader.say("Vigicrues: reaches")
    try:
        answer = context.ask(vigicrues.COLOURS)
        _, reaches, unusable = vigicrues.read_bulletin(answer.content, answer.body)
    except FeedError as error:
        reader.note(vigicrues.FEED, error)
        return []
    failures = PartFailures()
    failures.leave_out(unusable)
    if failures.first is not None:
        reader.note(vigicrues.FEED, failures.first)
    outlines = [commune.outline for commune in here if commune.outline]
    by_code = {reach.properties.CdEntCru: reach for reach in reaches}
    crossing = [
        (reach, point) for reach in by_code.values() if (point := _find_point(reach, outlines))
    ]
    reader.say(f"  {len(crossing)} reaches")
    return crossing


def _find_point(reach: Reach, outlines: Sequence[Mapping[str, Any]]) -> tuple[float, float] | None:
    """The middle one of a reach's corners inside the outlines."""
    corners = [corner for line in reach.lines for corner in line][:_MOST_CORNERS]
    box = _bounds(outlines)
    inside = [
        (lon, lat)
        for lon, lat, *_ in corners
        if box[0] <= lon <= box[2]
        and box[1] <= lat <= box[3]
        and any(contains(outline, lon, lat) for outline in outlines)
    ]
    return inside[len(inside) // 2] if inside else None


def _bounds(outlines: Sequence[Mapping[str, Any]]) -> tuple[float, float, float, float]:
    corners = [corner for outline in outlines for ring in list_rings(outline) for corner in ring]
    lons, lats = [corner[0] for corner in corners], [corner[1] for corner in corners]
    if not corners:
        return 0.0, 0.0, 0.0, 0.0
    return min(lons), min(lats), max(lons), max(lats)


def apply_start(connection: Connection, start: Start, *, author: str, now: datetime) -> Changes:
    """Write what was read, in one transaction; thresholds only of gauges that never had any.

    Raises InventoryError: with every problem; nothing was changed.
    """
    registry = registry_queries.load(connection)
    text = json.dumps(make_inventory(start, registry, now), ensure_ascii=False)
    inventory = read_text(text, file=f"territory-{start.departement}.yaml", catalogue=catalogue())
    reason = Message(
        "territory start {number}; thresholds are proposed from history: check them",
        start.departement,
    )
    with connection.transaction():
        changes = apply_inventory(
            connection, inventory, author=author, now=now, reason=reason, effective=None
        )
        communes.store_outlines(connection, start.communes)
        geography_queries.store_official_reaches(
            connection,
            {reach.properties.CdEntCru: _list_lines(reach) for reach, _point in start.reaches},
        )
    return changes


def _list_lines(reach: Reach) -> list[Line]:
    """A reach's course, without corners too small to see; empty: it has none that can be read."""
    places = [np.array([corner[:2] for corner in line]) for line in reach.lines]
    return [to_coordinates(simplify(line, _TOLERANCE)) for line in places if len(line) > 1]


def make_inventory(start: Start, registry: Registry, now: datetime) -> dict[str, Any]:
    """An inventory as a file has it."""
    day = f"{now - _BEFORE:%Y-%m-%dT%H:%M:%SZ}"
    codes = {commune.properties.code for commune in start.communes}
    outlines = {c.properties.code: c.outline for c in start.communes if c.outline}
    settled = _list_settled(registry)
    return {
        "title": f"{NAMES[start.departement]}, from official services",
        "illustrative": ["thresholds"],
        "areas": list(_list_areas(start)),
        "sites": [
            *(
                _make_gauge(gauge, registry, codes, day, propose=gauge.code not in settled)
                for gauge in start.gauges
            ),
            *(_make_reach(reach, point, registry, outlines, day) for reach, point in start.reaches),
        ],
    }


def _list_settled(registry: Registry) -> set[str]:
    """Sites whose thresholds are no affair of ours: set once, or described by somebody else."""
    had = {r.key.rpartition("/")[0] for r in registry.revisions if r.kind == "threshold"}
    ours = hubeau.FEED.source
    return had | {n for n, site in registry.sites.items() if site.properties.get("source") != ours}


def _list_areas(start: Start) -> Iterator[dict[str, Any]]:
    departement = start.departement
    yield {"code": departement, "kind": "departement", "name": NAMES[departement]}
    epcis = {c.properties.epci.code: c.properties.epci for c in start.communes if c.properties.epci}
    for epci in epcis.values():
        yield {"code": epci.code, "kind": "epci", "name": epci.nom, "parent": departement}
    for commune in start.communes:
        given = commune.properties
        area: dict[str, Any] = {"code": given.code, "kind": "commune", "name": given.nom}
        area["parent"] = given.epci.code if given.epci else departement
        if given.population is not None:
            area["population"] = given.population
        if commune.point is not None:
            area["lon"], area["lat"] = (round(part, 5) for part in commune.point)
        yield area


def _make_gauge(
    gauge: Gauge, registry: Registry, codes: set[str], day: str, *, propose: bool
) -> dict[str, Any]:
    station, new = gauge.station, gauge.code not in registry.sites
    site: dict[str, Any] = {
        "name": gauge.code,
        "title": station.libelle_station or gauge.code,
        "domain": "flood",
    }
    if station.code_commune_station in codes:
        site["commune"] = station.code_commune_station
    if station.longitude_station is not None and station.latitude_station is not None:
        site["lon"] = round(station.longitude_station, 6)
        site["lat"] = round(station.latitude_station, 6)
    if station.libelle_cours_eau:
        site["river"] = station.libelle_cours_eau
        site["river_order"] = gauge.order
    properties: dict[str, Any] = {"station": gauge.code, "source": hubeau.FEED.source}
    if gauge.catchment_km2:
        properties["catchment_km2"] = gauge.catchment_km2
    if gauge.history:
        properties["thresholds_from"] = gauge.history
    site["properties"] = properties
    device: dict[str, Any] = {
        "name": gauge.code,
        "model": "hubeau-station",
        "properties": {"feed": hubeau.FEED.name, "code": gauge.code},
        "series": {
            quantity: {"interval": f"{seconds} s", "stale": _STALE if seconds <= 2400 else "6 h"}
            for quantity, seconds in sorted(gauge.intervals.items())
        },
    }
    if new:
        device["commissioned"] = day
    if propose and gauge.levels:
        site["thresholds"] = {name: f"{value:g} m" for name, value in gauge.levels.items()}
    site["devices"] = [device]
    return site


def _make_reach(
    reach: Reach,
    point: tuple[float, float],
    registry: Registry,
    outlines: Mapping[str, Mapping[str, Any]],
    day: str,
) -> dict[str, Any]:
    given = reach.properties
    name = f"vigicrues-{given.CdEntCru}"
    site: dict[str, Any] = {
        "name": name,
        "title": given.lbentcru or given.CdEntCru,
        "domain": "flood",
        "lon": round(point[0], 6),
        "lat": round(point[1], 6),
        "properties": {"reach": given.CdEntCru, "source": vigicrues.FEED.source},
        "devices": [
            {
                "name": name,
                "model": "vigilance-bulletin",
                "properties": {"feed": vigicrues.FEED.name, "code": given.CdEntCru},
                "series": {"vigilance": "12 h"},
            }
        ],
    }
    if name not in registry.sites:
        site["devices"][0]["commissioned"] = day
    commune = next((code for code, outline in outlines.items() if contains(outline, *point)), None)
    if commune is not None:
        site["commune"] = commune
    return site


def start_territory(
    connection: Connection, settings: Settings, departement: str, *, author: str, say: Say
) -> tuple[Start, Changes]:
    """Ask the services and write what they say; the feeds are then due at once.

    Raises StoreError: an exercise, which asks no real service.
    """
    if not collect.may_ask(connection, settings):
        raise StoreError(
            "official services are read by a live instance only, while HYPERVISOR_FEEDS is true"
        )
    start = read_start(settings, departement, say=say)
    changes = apply_start(connection, start, author=author, now=read_clock())
    return start, changes
