"""Official colours that a warning stands beside: of its hazard, where it holds."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from hypervisor.database.connect import Connection
from hypervisor.feeds import queries as feed_queries
from hypervisor.feeds.meteofrance import FEED as METEOFRANCE
from hypervisor.feeds.queries_official import list_vigilance
from hypervisor.feeds.vigicrues import FEED as VIGICRUES
from hypervisor.geography import queries as geography_queries
from hypervisor.geography.areas import contains, list_rings
from hypervisor.geography.lines import sample
from hypervisor.geography.queries import Line
from hypervisor.publications.hazards import OTHER, load_hazards

_STEP = 200.0  # m along a reach's course
_FLOOD = "flood"
Outlines = Mapping[str, Mapping[str, Any]]  # GeoJSON geometries by commune


@dataclass(frozen=True, kw_only=True)
class OfficialColour:
    """`colour`: 1 green … 4 red; `place`: a river, a reach of it, or a département."""

    colour: int
    phenomenon: str
    place: str
    source: str
    issued: datetime


def list_official_colours(
    owner: Connection, hazard: str, outlines: Outlines, communes: Sequence[str], now: datetime
) -> list[OfficialColour]:
    """Those in force of a hazard's phenomena in these communes, the worst first."""
    kind = load_hazards().get(hazard) or load_hazards()[OTHER]
    in_force = [
        *_list_feeds(owner, outlines, communes, now),
        *(_list_rivers(owner, communes, now) if _FLOOD in kind.official else ()),
    ]
    chosen = {each for each in in_force if each.phenomenon in kind.official}
    return sorted(chosen, key=lambda each: (-each.colour, each.phenomenon, each.place))


def _list_feeds(
    owner: Connection, outlines: Outlines, communes: Sequence[str], now: datetime
) -> Iterator[OfficialColour]:
    """Météo-France's of their département, Vigicrues' of reaches whose course passes them."""
    courses = geography_queries.list_official_reaches(owner)
    departements = {_find_departement(code) for code in communes}
    for row in feed_queries.list_colours(owner, now):
        here = row.area in departements
        if row.feed == VIGICRUES.name:
            here = _passes(courses.get(row.area, ()), outlines)
        if here and row.colour is not None:
            source = VIGICRUES if row.feed == VIGICRUES.name else METEOFRANCE
            yield OfficialColour(
                colour=row.colour,
                phenomenon=row.phenomenon,
                place=row.title,
                source=source.title,
                issued=row.issued,
            )


def _list_rivers(
    owner: Connection, communes: Sequence[str], now: datetime
) -> Iterator[OfficialColour]:
    """Of rivers whose bulletin is a series of a site, and that have a site in these communes."""
    here = geography_queries.list_rivers_of(owner, communes)
    for row in list_vigilance(owner, now):
        if row.river in here and row.value is not None and row.time is not None:
            yield OfficialColour(
                colour=row.value,
                phenomenon=_FLOOD,
                place=str(row.river),
                source=VIGICRUES.title,
                issued=row.time,
            )


def _find_departement(commune: str) -> str:
    return commune[:3] if commune.startswith("97") else commune[:2]


def _passes(lines: Sequence[Line], outlines: Outlines) -> bool:
    """Whether a course has a point in one of these communes."""
    for outline in outlines.values():
        corners = np.array([corner for ring in list_rings(outline) for corner in ring])
        if not len(corners):
            continue
        low, high = corners.min(axis=0), corners.max(axis=0)
        for line in lines:
            points = sample(np.array(line), _STEP)
            near = points[((points >= low) & (points <= high)).all(axis=1)]
            if any(contains(outline, float(lon), float(lat)) for lon, lat in near):
                return True
    return False
