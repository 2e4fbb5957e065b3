"""Tables that features are made from beside ours: outlines with extents, official reaches."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, LiteralString

from psycopg import sql

from hypervisor.feeds.queries import ColourNow
from hypervisor.geography.official import Match
from hypervisor.standards.queries_sensorthings import Condition

BOX: LiteralString = """LATERAL (
    SELECT min((c->>0)::float8) AS west, min((c->>1)::float8) AS south,
           max((c->>0)::float8) AS east, max((c->>1)::float8) AS north
    FROM jsonb_path_query(z.geometry->'coordinates', 'strict $.**') c
    WHERE jsonb_typeof(c) = 'array' AND jsonb_typeof(c->0) = 'number')"""
_TABLES: LiteralString = f""", clock AS (SELECT {{}}::timestamptz AS now),
zone_ring AS MATERIALIZED (
    SELECT z.name, z.kind, z.properties->>'river' AS river,
           (SELECT ('(' || string_agg(format('(%s,%s)', c->>0, c->>1), ',' ORDER BY n) || ')')
                ::polygon FROM jsonb_array_elements(p.rings->0) WITH ORDINALITY r (c, n)) AS ring
    FROM zone z CROSS JOIN LATERAL jsonb_array_elements(
        CASE z.geometry->>'type' WHEN 'Polygon' THEN jsonb_build_array(z.geometry->'coordinates')
             ELSE z.geometry->'coordinates' END) p (rings)),
zone_of_site AS MATERIALIZED (
    SELECT DISTINCT ON (s.id) s.id AS site, z.name AS zone
    FROM site s JOIN zone_ring z ON z.kind = s.domain
         AND (z.river = s.river OR z.ring @> point(s.lon, s.lat))
    ORDER BY s.id, z.ring @> point(s.lon, s.lat) DESC NULLS LAST, z.name),
outline AS MATERIALIZED (
    SELECT z.name, z.geometry, b.*
    FROM (SELECT 'zone/' || name AS name, geometry FROM zone
          UNION ALL SELECT 'commune/' || area, outline FROM area_outline) z CROSS JOIN {BOX} b),
illustrated AS MATERIALIZED (
    SELECT DISTINCT coalesce(n.name, split_part(t.key, '/', 1)) AS site
    FROM (SELECT DISTINCT ON (key) key, value, illustrative FROM revision
          WHERE kind = 'threshold' AND effective <= (SELECT now FROM clock)
          ORDER BY key, effective DESC, id DESC) t
    LEFT JOIN device d ON starts_with(t.key, 'device/') AND d.name = split_part(t.key, '/', 2)
    LEFT JOIN site n ON n.id = d.site
    WHERE t.value IS NOT NULL AND t.illustrative) """  # noqa: S608  a constant


def describe(catalogue: Condition, now: datetime) -> Condition:
    """What the catalogue knows, the time it is, and what is computed from our tables.

    `zone_of_site`: of each site the zone of its domain that it lies in, else that names its river.
    `illustrated`: sites with a threshold in force that is a proposal or an example.
    """
    return catalogue + sql.SQL(_TABLES).format(sql.Literal(now))


def describe_official(colours: Iterable[ColourNow], matches: Iterable[Match]) -> Condition:
    """`official_now`: official reaches with their colour; `official_stretch`: on which ours lie."""
    now = [
        {
            "area": row.area,
            "title": row.title,
            "colour": row.colour,
            "issued": row.issued.isoformat(),
        }
        for row in colours
    ]
    return sql.SQL(
        ", official_now AS MATERIALIZED (SELECT * FROM jsonb_to_recordset({})"
        " AS c (area text, title text, colour int, issued timestamptz)),"
        " official_stretch AS MATERIALIZED (SELECT m.upstream, m.downstream, c.title, c.colour"
        " FROM jsonb_to_recordset({}) AS m (upstream text, downstream text, area text)"
        " JOIN official_now c USING (area)) "
    ).format(_json(now), _json([match._asdict() for match in matches]))


def describe_epci(outlines: Mapping[str, Mapping[str, Any]]) -> Condition:
    """`epci_outline`: by code."""
    return sql.SQL(
        ", epci_outline AS MATERIALIZED (SELECT key AS area, value AS outline FROM jsonb_each({})) "
    ).format(_json(outlines))


def _json(value: object) -> sql.Composable:
    return sql.SQL("{}::jsonb").format(sql.Literal(json.dumps(value)))
