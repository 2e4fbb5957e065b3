"""SQL of the search: what the person's role of the database shows, so each finds only their own."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import class_row

from hypervisor.database.connect import Connection

MOST = 8  # hits of a kind
_WORDS = 5  # of a query that count; more only slow it down
_SIMILAR = "SET LOCAL pg_trgm.word_similarity_threshold = 0.45"  # one wrong letter of five

# …_fits: every word occurs, or words like them do; both are read from an index.
_SEARCH = """
WITH active AS MATERIALIZED (
    SELECT site, min(severity_rank(severity->-1->>1)) AS worst FROM alarm
    WHERE ended IS NULL AND withdrawn IS NULL AND site IS NOT NULL GROUP BY site),
s AS MATERIALIZED (
    SELECT id, name, title, commune, river, folded FROM site s WHERE {s_fits})
(SELECT 'site' AS kind, s.name, s.title, NULL AS title_fr, c.name AS detail, s.name AS site,
        {s_rank} AS rank, active.worst
 FROM s LEFT JOIN area c ON c.code = s.commune LEFT JOIN active ON active.site = s.id
 ORDER BY rank, worst NULLS LAST, title LIMIT %(most)s)
UNION ALL
(SELECT 'river', river, river, NULL, NULL, NULL,
        CASE WHEN fold_text(river) = %(query)s THEN 0 ELSE 1 END AS rank, NULL
 FROM (SELECT DISTINCT river FROM s WHERE river IS NOT NULL) r
 WHERE fold_text(river) LIKE '%%' || %(query)s || '%%'
    OR fold_text(river) %%> %(query)s ORDER BY rank, river LIMIT %(most)s)
UNION ALL
(SELECT 'asset', a.name, a.title, NULL, a.kind, coalesce(own.name, gauge.name),
        CASE WHEN a.kind = ANY(%(kinds)s) THEN 1 ELSE {a_rank} END AS rank, active.worst
 FROM asset a LEFT JOIN site own ON own.id = a.site
 LEFT JOIN LATERAL (SELECT value FROM revision WHERE kind = 'reach' AND key = a.name
    AND effective <= %(now)s ORDER BY effective DESC, id DESC LIMIT 1) r ON true
 LEFT JOIN site gauge ON gauge.name = r.value->>'gauge'
 LEFT JOIN active ON active.site = coalesce(a.site, gauge.id)
 WHERE {a_fits} OR a.kind = ANY(%(kinds)s)
 ORDER BY rank, worst NULLS LAST, a.title LIMIT %(most)s)
UNION ALL
(SELECT 'device', d.name, d.name, NULL, site.title, site.name, {d_rank} AS rank, active.worst
 FROM device d JOIN site ON site.id = d.site LEFT JOIN active ON active.site = d.site
 WHERE {d_fits} ORDER BY d.retired IS NOT NULL, rank, worst NULLS LAST, d.name LIMIT %(most)s)
UNION ALL
(SELECT 'group', g.name, g.title, NULL, site.title, site.name, {g_rank} AS rank, active.worst
 FROM device_group g LEFT JOIN site ON site.id = g.site LEFT JOIN active ON active.site = g.site
 WHERE {g_fits} ORDER BY rank, worst NULLS LAST, g.title LIMIT %(most)s)
UNION ALL
(SELECT 'area', c.code, c.name, NULL, c.kind, NULL, {c_rank} AS rank, NULL
 FROM area c WHERE {c_fits} ORDER BY rank, c.name LIMIT %(most)s)
"""
# Few are open at once: their words are read without an index.
_ALARMS = """
SELECT 'alarm' AS kind, id::text AS name, title, title_fr, subject AS detail, site,
       CASE WHEN id::text = %(query)s THEN 0 WHEN {every} THEN 2 ELSE 4 END AS rank,
       CASE WHEN ended IS NULL THEN worst END AS worst
FROM (SELECT a.id, a.title, a.title_fr, a.subject, a.ended, site.name AS site,
             severity_rank(a.severity->-1->>1) AS worst,
             fold_text(concat_ws(' ', a.title_fr, a.title, a.subject, a.rule, site.title,
                                 site.river, site.name)) AS folded
      FROM alarm a LEFT JOIN site ON site.id = a.site
      WHERE a.withdrawn IS NULL AND (a.ended IS NULL OR a.acknowledged IS NULL)) o
WHERE {every} OR folded %%> %(query)s OR id::text = %(query)s
ORDER BY ended IS NOT NULL, rank, worst, id DESC LIMIT %(most)s
"""
# What a person sees of an incident is what they see of its alarms.
_INCIDENTS = """
SELECT 'incident' AS kind, number::text AS name, title, NULL AS title_fr, name AS detail,
       NULL AS site,
       CASE WHEN number::text = %(query)s THEN 0 WHEN {every} THEN 2 ELSE 4 END AS rank,
       CASE WHEN ended IS NULL THEN severity_rank(severity) END AS worst
FROM (SELECT i.number, i.title, i.name, i.ended, i.severity,
             fold_text(i.title || ' ' || i.name) AS folded FROM incident i
      WHERE (i.closes IS NULL OR i.closes > %(lately)s OR i.number::text = %(query)s)
        AND EXISTS (SELECT FROM incident_alarm m JOIN alarm a ON a.id = m.alarm
                    WHERE m.incident = i.number AND a.withdrawn IS NULL)) o
WHERE {every} OR folded %%> %(query)s OR number::text = %(query)s
ORDER BY ended IS NOT NULL, rank, worst, number DESC LIMIT %(most)s
"""
_RANK = """CASE WHEN %(query)s IN (fold_text({title}), fold_text({name})) THEN 0
 WHEN starts_with({t}.folded, %(query)s) THEN 1
 WHEN position(' ' || %(query)s IN {t}.folded) > 0 THEN 2 WHEN {every} THEN 3 ELSE 4 END"""


@dataclass(frozen=True, kw_only=True)
class Row:
    """`rank`: 0 the exact name … 4 alike; `worst`: rank of its worst active alarm, 1 critical."""

    kind: str
    name: str
    title: str
    title_fr: str | None
    detail: str | None
    site: str | None
    rank: int
    worst: int | None


def search(
    connection: Connection,
    words: Sequence[str],
    kinds: Sequence[str],
    *,
    now: datetime,
    lately: datetime,
) -> list[Row]:
    """What the words are about, at most MOST of a kind, in the order of each kind.

    `words` are folded; `kinds`: of assets that they name; `lately`: incidents closed before then
    are left out unless their number is given.
    """
    counted = words[:_WORDS]
    values: dict[str, Any] = {
        "query": " ".join(counted),
        "kinds": list(kinds),
        "now": now,
        "lately": lately,
        "most": MOST,
        **{f"word{at}": f"%{word}%" for at, word in enumerate(counted)},
    }
    rows: list[Row] = []
    connection.execute(_SIMILAR)
    with connection.cursor(row_factory=class_row(Row)) as cursor:
        for statement in _statements(len(counted)):
            rows += cursor.execute(statement, values).fetchall()
    return rows


def _statements(words: int) -> tuple[str, ...]:
    """The statements for so many words. Only names of our own are put into the text."""
    fits: dict[str, str] = {}
    for table, title, name in (
        ("s", "s.title", "s.name"),
        ("a", "a.title", "a.name"),
        ("d", "d.name", "d.name"),
        ("g", "g.title", "g.name"),
        ("c", "c.name", "c.code"),
    ):
        every = _every(f"{table}.folded", words)
        fits[f"{table}_fits"] = f"({every} OR {table}.folded %%> %(query)s)"
        fits[f"{table}_rank"] = _RANK.format(t=table, title=title, name=name, every=every)
    every = _every("folded", words)
    return (
        _SEARCH.format(**fits),
        _ALARMS.format(every=every),
        _INCIDENTS.format(every=every),
    )


def _every(column: str, words: int) -> str:
    return "(" + " AND ".join(f"{column} LIKE %(word{at})s" for at in range(words)) + ")"
