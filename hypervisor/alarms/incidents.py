"""Incidents: alarms that belong together, computed from the log, the registry and settings.

Alarms of one domain and category at one place (a river, a commune, a site or a group, as their rule
says) are one incident while they overlap, or follow one another within the quiet time. Many sites
that fall silent at once have one cause, and are one incident wherever they are.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from typing import Literal

from pydantic import Field

from hypervisor.alarms.model import Record, highest
from hypervisor.base.instants import Micros, text
from sensors._domain import catalogue

DEFAULT_GROUPING = "commune"  # of alarms whose domain is not in the catalogue
OUTAGE = "outage"  # what groups them
OUTAGE_PLACE = "Common outage"
OUTAGE_PAUSE = 15 * 60_000_000  # µs between silences of one outage: a usual interval
_OUTAGE_SITES = 5  # that make one


@cache
def _groupings() -> Mapping[str, str]:
    """How alarms are grouped where their rule does not say, by domain."""
    return {domain.name: domain.grouping for domain in catalogue().domains.values()}


@dataclass(frozen=True, kw_only=True)
class Location:
    """The location of an alarm's subject: (name, title) of each level, None where there is none.

    `site` of a lamp is the site of its cabinet.
    """

    site: tuple[str, str] | None = None
    group: tuple[str, str] | None = None
    commune: tuple[str, str] | None = None
    river: tuple[str, str] | None = None
    subject: tuple[str, str]


@dataclass(frozen=True, kw_only=True, order=True)
class Key:
    """What the alarms of an incident have in common."""

    domain: str
    category: str
    grouped_by: str
    name: str

    @property
    def text(self) -> str:
        return f"{self.domain}/{self.category}/{self.grouped_by}/{self.name}"


@dataclass(frozen=True, kw_only=True)
class Member:
    """An alarm to be grouped. Times in µs; `severity`: the highest it reached."""

    alarm: int
    key: Key
    place: str
    began: int
    ended: int | None
    severity: str


class Incident(Record):
    """Alarms of one domain and category at one place that overlap or follow closely."""

    number: int = Field(description="The number of its first alarm.")
    title: str = Field(examples=["Orge: flood"])
    domain: str
    category: Literal["hazard", "maintenance"]
    grouped_by: str = Field(examples=["river"])
    name: str = Field(description="Of the river, commune, site or group; when an outage began.")
    severity: str = Field(description="The highest reached by its alarms.")
    opened: Micros
    ended: Micros | None = Field(description="When its last alarm ended; null while one is active.")
    closes: Micros | None = Field(description="`ended` plus the quiet time.")
    open: bool = True
    alarms: tuple[int, ...]
    active: int


def find_key(
    domain: str, category: str, grouped_by: str | None, where: Location
) -> tuple[Key, str]:
    """The key of an alarm and the title of its place, at the level its rule or domain asks for."""
    kind = grouped_by or _groupings().get(domain, DEFAULT_GROUPING)
    for level in (kind, "commune", "site"):
        place: tuple[str, str] | None = getattr(where, level, None)
        # Without a river or site, fall back to the commune, the site, then the subject.
        if place is not None and level in ("river", "commune", "site", "group"):
            return Key(domain=domain, category=category, grouped_by=level, name=place[0]), place[1]
    name, title = where.subject
    return Key(domain=domain, category=category, grouped_by="subject", name=name), title


@dataclass(frozen=True, kw_only=True)
class Silence:
    """An alarm about a device's silence, and when it began (µs)."""

    alarm: int
    domain: str
    began: int
    site: str


def find_outages(silences: Iterable[Silence]) -> dict[int, Key]:
    """The common incident of each alarm that began in a row with those of four other sites.

    It is named by when it began (UTC).
    """
    keys: dict[int, Key] = {}
    for row in _split_rows(silences):
        if len({silence.site for silence in row}) >= _OUTAGE_SITES:
            first = row[0]
            key = Key(
                domain=first.domain,
                category="maintenance",
                grouped_by=OUTAGE,
                name=text(first.began),
            )
            keys |= {silence.alarm: key for silence in row}
    return keys


def _split_rows(silences: Iterable[Silence]) -> Iterator[list[Silence]]:
    """Silences of one domain that began without a pause."""
    row: list[Silence] = []
    for silence in sorted(silences, key=lambda each: (each.domain, each.began, each.alarm)):
        if row and (
            silence.domain != row[-1].domain or silence.began - row[-1].began > OUTAGE_PAUSE
        ):
            yield row
            row = []
        row.append(silence)
    if row:
        yield row


def group_alarms(members: Iterable[Member], quiet: int) -> list[Incident]:
    """The incidents of these alarms, in the order they opened."""
    by_key: dict[Key, list[Member]] = {}
    for member in members:
        by_key.setdefault(member.key, []).append(member)
    incidents = [
        _build_incident(together, quiet)
        for _, alarms in sorted(by_key.items())
        for together in _split_runs(alarms, quiet)
    ]
    return sorted(incidents, key=lambda incident: (incident.opened, incident.number))


def _split_runs(alarms: Iterable[Member], quiet: int) -> Iterable[list[Member]]:
    run: list[Member] = []
    reach: int | None = None
    for alarm in sorted(alarms, key=lambda alarm: (alarm.began, alarm.alarm)):
        if run and reach is not None and alarm.began > reach + quiet:
            yield run
            run = []
        reach = _later_end(reach, alarm.ended) if run else alarm.ended
        run.append(alarm)
    if run:
        yield run


def _later_end(end: int | None, other: int | None) -> int | None:
    """The later end; None: still active."""
    return None if end is None or other is None else max(end, other)


def _build_incident(alarms: list[Member], quiet: int) -> Incident:
    ends = [member.ended for member in alarms if member.ended is not None]
    ended = max(ends) if len(ends) == len(alarms) else None
    key = alarms[0].key
    what = key.domain if key.category == "hazard" else f"{key.domain}, {key.category}"
    return Incident(
        number=min(member.alarm for member in alarms),
        title=f"{alarms[0].place}: {what}",
        **asdict(key),
        severity=highest(member.severity for member in alarms),
        opened=alarms[0].began,
        ended=ended,
        closes=None if ended is None else ended + quiet,
        alarms=tuple(member.alarm for member in alarms),
        active=len(alarms) - len(ends),
    )
