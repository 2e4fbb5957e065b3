"""SQL of the search: what the person's role of the database shows, so each finds only their own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from psycopg.rows import class_row

from hypervisor.database.connect import Connection

MOST = 8  # hits of a kind
_WORDS = 5  # of a query that count; more only slow it down
# One wrong letter of five is alike. What is searched is in memory, so an index costs little.
_SEARCHING = "SET LOCAL pg_trgm.word_similarity_threshold = 0.45; SET LOCAL random_page_cost = 1.1"
_NEWEST = 1_000  # alarms that are looked through, active ones first

# …_fits: what is searched for in a table, from an index. PostgreSQL looks at the policy of who is
# restricted first, so for them a function of the owner reads the indexes of large tables (0040).
_SEARCH = """
WITH active AS MATERIALIZED (
    SELECT DISTINCT ON (a.site) a.site, severity_rank(a.severity->-1->>1) AS worst, {state} AS state
    FROM alarm a LEFT JOIN alarm_hold h ON h.rule = a.rule AND h.subject = a.subject
    WHERE a.ended IS NULL AND a.withdrawn IS NULL AND a.site IS NOT NULL
    ORDER BY a.site, worst, h.rule IS NOT NULL, a.acknowledged IS NOT NULL),
s AS MATERIALIZED (
    SELECT id, name, title, commune, river, folded FROM site s WHERE {s_fits})
(SELECT 'site' AS kind, s.name, s.title, NULL AS title_fr, c.name AS detail, s.name AS site,
        {s_rank} AS rank, active.worst, active.state, NULL::timestamptz AS since
 FROM s LEFT JOIN area c ON c.code = s.commune LEFT JOIN active ON active.site = s.id
 ORDER BY rank, worst NULLS LAST, title LIMIT %(most)s)
UNION ALL
(SELECT 'river', river, river, NULL, NULL, NULL,
        {f_rank} AS rank, NULL, NULL, NULL
 FROM (SELECT river, '|' || fold_text(river) || '|' AS folded
       FROM (SELECT DISTINCT river FROM s WHERE river IS NOT NULL) r) f
 WHERE {f_fits} ORDER BY rank, river LIMIT %(most)s)
UNION ALL
(SELECT 'asset', a.name, a.title, NULL, a.kind, coalesce(own.name, gauge.name),
        CASE WHEN a.kind = ANY(%(kinds)s) THEN 1 ELSE {a_rank} END AS rank,
        active.worst, active.state, NULL
 FROM asset a LEFT JOIN area town ON town.code = a.commune LEFT JOIN site own ON own.id = a.site
 LEFT JOIN LATERAL (SELECT value FROM revision WHERE kind = 'reach' AND key = a.name
    AND effective <= %(now)s ORDER BY effective DESC, id DESC LIMIT 1) r ON true
 LEFT JOIN site gauge ON gauge.name = r.value->>'gauge'
 LEFT JOIN active ON active.site = coalesce(a.site, gauge.id)
 WHERE {a_fits}
 ORDER BY rank, worst NULLS LAST, a.title LIMIT %(most)s)
UNION ALL
(SELECT 'device', d.name, d.name, NULL, site.title, site.name, {d_rank} AS rank,
        active.worst, active.state, NULL
 FROM device d JOIN site ON site.id = d.site LEFT JOIN active ON active.site = d.site
 WHERE {d_fits} ORDER BY d.retired IS NOT NULL, rank, worst NULLS LAST, d.name LIMIT %(most)s)
UNION ALL
(SELECT 'group', g.name, g.title, NULL, site.title, site.name, {g_rank} AS rank,
        active.worst, active.state, NULL
 FROM device_group g LEFT JOIN site ON site.id = g.site LEFT JOIN active ON active.site = g.site
 WHERE {g_fits} ORDER BY rank, worst NULLS LAST, g.title LIMIT %(most)s)
UNION ALL
(SELECT 'area', c.code, c.name, NULL, c.kind, NULL, {c_rank} AS rank, NULL, NULL, NULL
 FROM area c WHERE {c_fits} ORDER BY rank, c.name LIMIT %(most)s)
"""
# Few are open at once: their words are folded as they are read.
_ALARMS = """
SELECT 'alarm' AS kind, id::text AS name, title, title_fr, NULL AS detail, NULL AS site,
       CASE WHEN id::text = %(query)s THEN 0 ELSE {o_rank} END AS rank, worst, state, began AS since
FROM (SELECT a.id, a.title, a.title_fr, a.began, a.ended, {state} AS state,
             severity_rank(a.severity->-1->>1) AS worst,
             fold_text(concat_ws(' ', a.title_fr, a.title, a.subject, a.rule, site.title,
                                 site.river, site.name)) AS folded
      FROM alarm a LEFT JOIN site ON site.id = a.site
      LEFT JOIN alarm_hold h ON h.rule = a.rule AND h.subject = a.subject
      WHERE a.withdrawn IS NULL AND (a.ended IS NULL OR a.acknowledged IS NULL)
      ORDER BY a.ended IS NOT NULL, a.id DESC LIMIT %(newest)s) o
WHERE {o_fits} OR id::text = %(query)s
ORDER BY ended IS NOT NULL, rank, worst, id DESC LIMIT %(most)s
"""
# What a person sees of an incident is what they see of its alarms.
_INCIDENTS = """
SELECT 'incident' AS kind, number::text AS name, title, NULL AS title_fr,
       domain || '/' || category AS detail,
       NULL AS site, CASE WHEN number::text = %(query)s THEN 0 ELSE {o_rank} END AS rank,
       CASE WHEN ended IS NULL THEN severity_rank(severity) END AS worst,
       CASE WHEN seen THEN 'acknowledged' ELSE 'unacknowledged' END AS state, opened AS since
FROM (SELECT i.number, i.title, i.domain, i.category, i.opened, i.ended, i.severity, alarms.seen,
             fold_text(i.title || ' ' || i.name) AS folded
      FROM incident i CROSS JOIN LATERAL (
        SELECT bool_and(a.acknowledged IS NOT NULL) AS seen
        FROM incident_alarm m JOIN alarm a ON a.id = m.alarm
        WHERE m.incident = i.number AND a.withdrawn IS NULL) alarms
      WHERE (i.closes IS NULL OR i.closes > %(lately)s OR i.number::text = %(query)s)
        AND alarms.seen IS NOT NULL) o
WHERE {o_fits} OR number::text = %(query)s
ORDER BY ended IS NOT NULL, rank, worst, number DESC LIMIT %(most)s
"""
_STATE = "CASE WHEN h.rule IS NOT NULL THEN 'shelved' ELSE a.state END"
_RANK = """CASE WHEN position('|' || %(query)s || '|' IN {t}.folded) > 0 THEN 0
 WHEN position('|' || %(query)s IN {t}.folded) > 0 THEN 1
 WHEN position(' ' || %(query)s IN {t}.folded) > 0 THEN 2 ELSE 3 END"""
# Alike: the less, the more.
_ALIKE = "4 + round(9 * (1 - word_similarity(%(query)s, {t}.folded)))::integer"
_HELD = {"s": "site", "d": "device", "g": "device_group"}


@dataclass(frozen=True, kw_only=True)
class Row:
    """`rank`: 0 the exact name … 3 it holds the words, 4 and more: alike.

    `worst`: rank of its worst active alarm, 1 critical, and `state` of that; of an alarm its own.
    """

    kind: str
    name: str
    title: str
    title_fr: str | None
    detail: str | None
    site: str | None
    rank: int
    worst: int | None
    state: str | None
    since: datetime | None


def search(  # noqa: PLR0913  of one search
    connection: Connection,
    words: Mapping[str, Sequence[str]],
    *,
    alike: bool,
    restricted: bool,
    now: datetime,
    lately: datetime,
) -> list[Row]:
    """What the words are about, at most MOST of a kind, in the order of each kind.

    `words`: folded, with the kinds of assets that each names; `alike`: look for words like them;
    `restricted`: the person does not see everything; `lately`: incidents closed before then are
    left out unless their number is given.
    """
    counted = dict(islice(words.items(), _WORDS))
    values: dict[str, Any] = {
        "query": " ".join(counted),
        "kinds": [kind for kinds in counted.values() for kind in kinds],
        "now": now,
        "lately": lately,
        "most": MOST,
        "newest": _NEWEST,
    }
    values["patterns"] = [word if alike else f"%{word}%" for word in counted]
    for at, (pattern, kinds) in enumerate(zip(values["patterns"], counted.values(), strict=True)):
        values |= {f"word{at}": pattern, f"kinds{at}": list(kinds)}
    rows: list[Row] = []
    connection.execute(_SEARCHING, prepare=False)  # two statements
    with connection.cursor(row_factory=class_row(Row)) as cursor:
        for statement in _statements(len(counted), alike=alike, restricted=restricted):
            rows += cursor.execute(statement, values).fetchall()
    return rows


def _statements(words: int, *, alike: bool, restricted: bool) -> tuple[str, ...]:
    """The statements for a number of words. Only names of our own are put into the text."""
    operator = "%%>" if alike else "LIKE"

    def fit(*columns: str, otherwise: str = "") -> str:
        words_fit = (
            " OR ".join(f"{column} {operator} %(word{at})s" for column in columns)
            + otherwise.format(at=at)
            for at in range(words)
        )
        return "(" + " AND ".join(f"({each})" for each in words_fit) + ")"

    parts = {"state": _STATE}
    for table in "sfadgco":
        parts[f"{table}_fits"] = fit(f"{table}.folded")
        parts[f"{table}_rank"] = (_ALIKE if alike else _RANK).format(t=table)
    if restricted:
        for table, kind in _HELD.items():
            among = f"SELECT seen.fitting('{kind}', %(patterns)s, {alike})"
            parts[f"{table}_fits"] = f"{table}.name IN ({among})"
    # A school is one whatever its name, and people say where: "school arpajon".
    parts["a_fits"] = fit("a.folded", "town.folded", otherwise=" OR a.kind = ANY(%(kinds{at})s)")
    return tuple(each.format(**parts) for each in (_SEARCH, _ALARMS, _INCIDENTS))
