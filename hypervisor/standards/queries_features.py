"""The collections of OGC API Features as SQL: what of ours each holds, by place and time.

Columns: `number` or `id`, which order it; `geometry`; `west south east north`; `begins`, `ends`;
the others are names of properties.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

from psycopg import sql

from hypervisor.standards.queries_entities import EntitySet, Kind
from hypervisor.standards.queries_sensorthings import Condition
from hypervisor.standards.queries_shapes import BOX


@dataclass(frozen=True, kw_only=True)
class Collection:
    """One collection. `private`: never shown to nobody in particular; `timed`: `datetime` selects.

    `withheld`: properties that only accounts read.
    """

    name: str
    title: str
    description: str
    rows: EntitySet
    private: bool = False
    timed: bool = False
    withheld: frozenset[str] = frozenset()

    @property
    def properties(self) -> Mapping[str, Kind]:
        return self.rows.properties


_POINT: LiteralString = (
    "CASE WHEN s.lon IS NOT NULL AND s.lat IS NOT NULL THEN"
    " jsonb_build_object('type', 'Point', 'coordinates', jsonb_build_array(s.lon, s.lat)) END"
)
_AT: LiteralString = "s.lon AS west, s.lat AS south, s.lon AS east, s.lat AS north"
_WORST: LiteralString = (
    "(ARRAY['critical', 'major', 'minor', 'info'])[min(severity_rank(a.severity->-1->>1))]"
)
_SITES: LiteralString = f"""(
SELECT s.name AS id, s.title, s.domain, s.commune, c.name AS commune_name, s.river,
s.river_order, s.illustrative OR p.site IS NOT NULL AS illustrative,
p.site IS NOT NULL AS illustrative_thresholds, coalesce(o.alarms, 0) AS alarms, o.severity,
{_POINT} AS geometry, {_AT}, NULL::timestamptz AS begins, NULL::timestamptz AS ends
FROM site s LEFT JOIN area c ON c.code = s.commune LEFT JOIN illustrated p ON p.site = s.name
LEFT JOIN (SELECT a.site, count(*) AS alarms, {_WORST} AS severity FROM alarm a
WHERE a.ended IS NULL AND a.withdrawn IS NULL GROUP BY a.site) o ON o.site = s.id)"""  # noqa: S608  a constant
_ALARMS: LiteralString = f"""(
SELECT a.id AS number, a.id::text AS id, a.title, a.title_fr, a.advice, a.advice_fr, a.rule,
a.source, a.domain, a.category, a.subject, s.name AS site,
coalesce(s.commune, a.commune) AS commune, a.severity->-1->>1 AS severity, a.state, a.began,
a.ended, z.name AS area,
coalesce(z.geometry, {_POINT}) AS geometry, coalesce(z.west, s.lon) AS west,
coalesce(z.south, s.lat) AS south, coalesce(z.east, s.lon) AS east,
coalesce(z.north, s.lat) AS north, a.began AS begins, a.ended AS ends
FROM alarm a LEFT JOIN site s ON s.id = a.site LEFT JOIN zone_of_site w ON w.site = s.id
LEFT JOIN outline z ON z.name = coalesce('zone/' || w.zone,
    'commune/' || coalesce(s.commune, a.commune))
WHERE a.withdrawn IS NULL"""  # noqa: S608  a constant
_REACHES: LiteralString = f"""(
SELECT u.name || '>' || d.name AS id, u.river, u.name AS upstream, d.name AS downstream,
u.title || ': ' || d.title AS title, r.line IS NULL AS schematic,
(SELECT {_WORST} FROM alarm a WHERE a.site IN (u.id, d.id) AND a.ended IS NULL
AND a.withdrawn IS NULL) AS severity,
(SELECT string_agg(DISTINCT o.title, ', ' ORDER BY o.title) FROM official_stretch o
WHERE o.upstream = u.name AND o.downstream = d.name) AS official_reach,
coalesce((SELECT q.properties->'codes'->>max(o.colour)::text FROM official_stretch o
JOIN quantity q ON q.name = 'vigilance' WHERE o.upstream = u.name AND o.downstream = d.name
GROUP BY q.properties),
(SELECT q.properties->'codes'->>v.value::int::text
FROM series r JOIN device e ON e.id = r.device JOIN site n ON n.id = e.site
JOIN quantity q ON q.name = r.quantity
CROSS JOIN LATERAL (SELECT value, time FROM reading WHERE series_id = r.id
AND value IS NOT NULL AND quality & 7 = 0 ORDER BY time DESC LIMIT 1) v
WHERE r.quantity = 'vigilance' AND n.river = u.river ORDER BY v.time DESC LIMIT 1))
AS colour,
jsonb_build_object('type', 'LineString', 'coordinates', coalesce(r.line,
jsonb_build_array(jsonb_build_array(u.lon, u.lat), jsonb_build_array(d.lon, d.lat))))
AS geometry,
x.west, x.south, x.east, x.north, NULL::timestamptz AS begins, NULL::timestamptz AS ends
FROM (SELECT s.*,
lead(s.id) OVER (PARTITION BY s.river ORDER BY s.river_order, s.name) AS next
FROM site s WHERE s.river IS NOT NULL AND s.river_order IS NOT NULL
AND s.lon IS NOT NULL AND s.lat IS NOT NULL) u JOIN site d ON d.id = u.next
LEFT JOIN river_reach r ON r.upstream = u.name AND r.downstream = d.name
CROSS JOIN LATERAL (
    SELECT min((p->>0)::float8) AS west, min((p->>1)::float8) AS south,
           max((p->>0)::float8) AS east, max((p->>1)::float8) AS north
    FROM jsonb_array_elements(coalesce(r.line, jsonb_build_array(
        jsonb_build_array(u.lon, u.lat), jsonb_build_array(d.lon, d.lat)))) p) x)"""  # noqa: S608  a constant
_WORKS: LiteralString = """(
SELECT w.key AS id, w.key AS title, (w.value->>'begins')::timestamptz AS begins,
       (w.value->>'ends')::timestamptz AS ends,
       CASE WHEN (w.value->>'begins')::timestamptz > (SELECT now FROM clock) THEN 'planned'
            WHEN (w.value->>'ends')::timestamptz > (SELECT now FROM clock) THEN 'under way'
            ELSE 'over' END AS state,
       w.reason, coalesce(w.value->'sites', '[]') AS sites, p.*
FROM (SELECT DISTINCT ON (key) key, value, reason FROM revision WHERE kind = 'works'
      ORDER BY key, id DESC) w
CROSS JOIN LATERAL (
    SELECT CASE WHEN count(*) > 0 THEN jsonb_build_object('type', 'MultiPoint', 'coordinates',
               jsonb_agg(jsonb_build_array(s.lon, s.lat) ORDER BY s.name)) END AS geometry,
           min(s.lon) AS west, min(s.lat) AS south, max(s.lon) AS east, max(s.lat) AS north
    FROM site s WHERE s.lon IS NOT NULL AND s.lat IS NOT NULL AND (
        w.value->'sites' ? s.name
        OR s.id IN (SELECT site FROM device d WHERE w.value->'devices' ? d.name)
        OR s.id IN (SELECT site FROM device_group g WHERE w.value->'groups' ? g.name))) p
WHERE w.value IS NOT NULL AND jsonb_typeof(w.value) = 'object'
)"""
_ZONES: LiteralString = f"""(
SELECT z.name AS id, z.title, z.kind, z.illustrative, z.geometry, b.*,
NULL::timestamptz AS begins, NULL::timestamptz AS ends FROM zone z CROSS JOIN {BOX} b)"""  # noqa: S608  a constant
_ASSETS: LiteralString = f"""(
SELECT z.name AS id, z.title, z.kind, z.commune, s.name AS site, z.illustrative, z.geometry,
b.*,
NULL::timestamptz AS begins, NULL::timestamptz AS ends
FROM asset z LEFT JOIN site s ON s.id = z.site CROSS JOIN {BOX} b)"""  # noqa: S608  a constant
_COMMUNES: LiteralString = f"""(
SELECT z.*, b.*, NULL::timestamptz AS begins, NULL::timestamptz AS ends
FROM (SELECT s.code AS id, s.name AS title, s.population, e.name AS epci, e.code AS epci_code,
    coalesce(o.outline, {_POINT}) AS geometry
    FROM area s LEFT JOIN area e ON e.code = s.parent AND e.kind = 'epci'
    LEFT JOIN area_outline o ON o.area = s.code
    WHERE s.kind = 'commune') z CROSS JOIN {BOX} b)"""  # noqa: S608  a constant
_EPCI: LiteralString = f"""(
SELECT z.*, b.*, NULL::timestamptz AS begins, NULL::timestamptz AS ends
FROM (SELECT s.code AS id, s.name AS title, s.population, coalesce(o.outline, {_POINT}) AS geometry
    FROM area s LEFT JOIN epci_outline o ON o.area = s.code
    WHERE s.kind = 'epci') z CROSS JOIN {BOX} b)"""  # noqa: S608  a constant
_OFFICIAL: LiteralString = f"""(
SELECT z.*, b.*, z.issued AS begins, NULL::timestamptz AS ends
FROM (SELECT o.area AS id, coalesce(c.title, o.area) AS title, c.issued,
    q.properties->'codes'->>c.colour::text AS colour,
    jsonb_build_object('type', 'MultiLineString', 'coordinates', o.lines) AS geometry
    FROM official_reach o LEFT JOIN official_now c ON c.area = o.area
    LEFT JOIN quantity q ON q.name = 'vigilance') z CROSS JOIN {BOX} b)"""  # noqa: S608  a constant


def _kinds(text: str = "", **others: Kind) -> Mapping[str, Kind]:
    """Properties by kind; `text`: names of texts."""
    names = ("title", *text.split())
    return {**dict.fromkeys(names, "text"), **others}


def _rows(
    name: str, source: LiteralString, properties: Mapping[str, Kind], key: str = "id"
) -> EntitySet:
    return EntitySet(
        name=name,
        source=source,
        properties=properties,
        key=(key,),
        hidden={"id": "text", "geometry": "json", "begins": "time", "ends": "time"},
    )


_ALARM = _kinds(
    "title_fr advice advice_fr rule source domain category subject site commune area severity"
    " state",
    began="time",
    ended="time",
)
_COLLECTIONS = (
    Collection(
        name="sites",
        title="Sites",
        description="Where things are measured, with the worst severity of their active alarms;"
        " illustrative: the place, or a threshold in force, is an example or a proposal",
        rows=_rows(
            "sites",
            _SITES,
            _kinds(
                "domain commune commune_name river severity",
                river_order="number",
                illustrative="truth",
                illustrative_thresholds="truth",
                alarms="number",
            ),
        ),
    ),
    Collection(
        name="alarms",
        title="Active alarms",
        description="Alarms whose condition holds; source: of another system. The zone or commune"
        " that they concern, else a point",
        rows=_rows("alarms", _ALARMS + " AND a.ended IS NULL)", _ALARM, "number"),
        private=True,
        timed=True,
    ),
    Collection(
        name="alarm-history",
        title="Past alarms",
        description="Alarms that are over; datetime selects by when they lasted",
        rows=_rows("alarm-history", _ALARMS + " AND a.ended IS NOT NULL)", _ALARM, "number"),
        private=True,
        timed=True,
    ),
    Collection(
        name="reaches",
        title="River reaches",
        description="From gauge to gauge: the river's course, or a straight line where schematic is"
        " true; colour: its official vigilance, severity: of our alarms at both ends",
        rows=_rows(
            "reaches",
            _REACHES,
            _kinds("river upstream downstream severity colour official_reach", schematic="truth"),
        ),
    ),
    Collection(
        name="official-reaches",
        title="Official river reaches",
        description="Reaches of the official flood forecasters (© VIGICRUES) with their colour",
        rows=_rows("official-reaches", _OFFICIAL, _kinds("colour", issued="time")),
        timed=True,
    ),
    Collection(
        name="works",
        title="Planned works and closures",
        description="From when to when readings at these places do not count",
        rows=_rows(
            "works", _WORKS, _kinds("state reason", begins="time", ends="time", sites="json")
        ),
        timed=True,
        withheld=frozenset({"reason"}),
    ),
    Collection(
        name="zones",
        title="Zones",
        description="Outlines of flood zones, lighting zones and others",
        rows=_rows("zones", _ZONES, _kinds("kind", illustrative="truth")),
    ),
    Collection(
        name="assets",
        title="Assets",
        description="What water may reach: roads, schools and others",
        rows=_rows("assets", _ASSETS, _kinds("kind commune site", illustrative="truth")),
    ),
    Collection(
        name="communes",
        title="Communes",
        description="Outlines, or points where there is none; with their EPCI",
        rows=_rows("communes", _COMMUNES, _kinds("epci epci_code", population="number")),
    ),
    Collection(
        name="epci",
        title="EPCI",
        description="Outlines of intercommunal bodies, from those of their communes",
        rows=_rows("epci", _EPCI, _kinds(population="number")),
    ),
)
COLLECTIONS: Mapping[str, Collection] = {each.name: each for each in _COLLECTIONS}


def within(box: Sequence[float]) -> Condition:
    """Features whose extent meets a box: west, south, east, north. West of its east: over 180°."""
    west, south, east, north = (sql.Literal(edge) for edge in box)
    meets = sql.SQL("t.east >= {} AND t.west <= {}" if box[0] <= box[2] else
                    "(t.east >= {} OR t.west <= {})")  # fmt: skip
    return sql.SQL("{} AND t.north >= {} AND t.south <= {}").format(
        meets.format(west, east), south, north
    )


def during(begin: datetime | None, end: datetime | None) -> Condition:
    """Features that last at some time within the span, and those without a time."""
    return sql.SQL(
        "(t.begins IS NULL OR t.begins <= coalesce({}, 'infinity'::timestamptz)"
        " AND coalesce(t.ends, 'infinity') >= coalesce({}, '-infinity'::timestamptz))"
    ).format(sql.Literal(end), sql.Literal(begin))


def equal(name: str, value: str | float | datetime) -> Condition:
    """Features whose property has this value."""
    column = sql.SQL("t.{}::text" if isinstance(value, str) else "t.{}")
    return sql.SQL("{} = {}").format(column.format(sql.Identifier(name)), sql.Literal(value))
