"""SQL of the operators' alarm load."""

from datetime import datetime, timedelta

from hypervisor.alarms.load import AcknowledgeDelay, Raised, Standing
from hypervisor.base.instants import micros
from hypervisor.database.connect import Connection


def list_raised(connection: Connection, begins: datetime, ends: datetime) -> list[Raised]:
    """Alarms noticed within (begins, ends], with the severity at raising; withdrawn ones count."""
    rows = connection.execute(
        "SELECT t.noticed_at, a.rule, a.subject, a.title, t.snapshot->'severity'->0->>1"
        " FROM transition t JOIN alarm a ON a.id = t.alarm"
        " WHERE t.kind = 'raised' AND t.noticed_at > %s AND t.noticed_at <= %s ORDER BY t.id",
        [begins, ends],
    )
    return [
        Raised(at=micros(at), rule=rule, subject=subject, title=title, severity=severity)
        for at, rule, subject, title, severity in rows
    ]


def count_standing(connection: Connection, at: datetime, long: int) -> Standing:
    """Count the alarms active at a time, as known now. `long` in µs."""
    row = connection.execute(
        "SELECT count(*), count(*) FILTER (WHERE began <= %(at)s - %(long)s * interval '1 us'),"
        " count(*) FILTER (WHERE EXISTS (SELECT FROM jsonb_array_elements(stale) s"
        "  WHERE (s->>0)::timestamptz <= %(at)s"
        "  AND (s->>1 IS NULL OR (s->>1)::timestamptz > %(at)s)))"
        " FROM alarm WHERE withdrawn IS NULL AND noticed_at <= %(at)s AND began <= %(at)s"
        " AND (ended IS NULL OR ended > %(at)s)",
        {"at": at, "long": long},
    ).fetchone()
    alarms, lasting, stale = row or (0, 0, 0)
    return Standing(alarms=alarms, long=lasting, stale=stale)


def list_delays(connection: Connection, begins: datetime, ends: datetime) -> list[AcknowledgeDelay]:
    """Time to the first acknowledgement of alarms noticed within (begins, ends].

    Wall clock; in an exercise the scenario's.
    """
    rows = connection.execute(
        "SELECT t.snapshot->'severity'->0->>1, (SELECT min(coalesce(c.scenario_at, c.at))"
        "  FROM alarm_act c WHERE c.alarm = t.alarm AND c.kind = 'acknowledge'"
        "  AND coalesce(c.scenario_at, c.at) <= %(ends)s) - t.noticed_at"
        " FROM transition t WHERE t.kind = 'raised' AND t.noticed_at > %(begins)s"
        " AND t.noticed_at <= %(ends)s ORDER BY t.id",
        {"begins": begins, "ends": ends},
    )
    return [
        AcknowledgeDelay(
            severity=severity, after=None if after is None else max(after, timedelta())
        )
        for severity, after in rows
    ]


def list_beginnings(
    connection: Connection, begins: datetime, ends: datetime, *, rule: str, site: str
) -> list[int]:
    """When alarms began (µs) in a span, except those of one rule at one site."""
    rows = connection.execute(
        "SELECT a.began FROM alarm a LEFT JOIN site s ON s.id = a.site"
        " WHERE a.withdrawn IS NULL AND a.began BETWEEN %s AND %s"
        " AND (a.rule, s.name) IS DISTINCT FROM (%s, %s) ORDER BY a.began",
        [begins, ends, rule, site],
    )
    return [micros(began) for (began,) in rows]
