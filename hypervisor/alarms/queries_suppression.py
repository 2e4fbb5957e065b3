"""SQL of what suppression depends on: active alarms and their places."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from hypervisor.alarms.log import Pair
from hypervisor.alarms.suppression import Case
from hypervisor.base.instants import micros
from hypervisor.database.connect import Connection
from hypervisor.registry.queries_works import load_in_force


def list_cases(
    connection: Connection, at: datetime | None, *, numbers: Sequence[int] | None = None
) -> list[Case]:
    """These alarms, else all active ones, with the places of their subjects."""
    rows = connection.execute(
        "SELECT a.id, a.rule, a.subject, site.name, a.began, a.title,"
        " a.ended IS NULL AND a.withdrawn IS NULL"
        " FROM alarm a LEFT JOIN site ON site.id = a.site"
        " WHERE CASE WHEN %(numbers)s::bigint[] IS NULL"
        " THEN a.ended IS NULL AND a.withdrawn IS NULL ELSE a.id = ANY(%(numbers)s) END"
        " ORDER BY a.began, a.id",
        {"numbers": None if numbers is None else list(numbers)},
    ).fetchall()
    belonging = read_groups(connection, at)
    run_from = read_group_sites(connection)
    resting = {
        name
        for name, value in load_in_force(connection, "device", at).items()
        if value.get("in_service") is False
    }
    return [_case(row, belonging, run_from, resting) for row in rows]


def read_groups(connection: Connection, at: datetime | None) -> dict[str, frozenset[str]]:
    """The groups of each device at a time."""
    by_device: dict[str, set[str]] = {}
    for key in load_in_force(connection, "member", at):
        group, _, device = key.partition("/")
        by_device.setdefault(device, set()).add(group)
    return {device: frozenset(names) for device, names in by_device.items()}


def read_group_sites(connection: Connection) -> dict[str, str]:
    """The site of each group, by name."""
    rows = connection.execute(
        "SELECT g.name, s.name FROM device_group g JOIN site s ON s.id = g.site"
    )
    return dict(rows.fetchall())


def list_beginnings(
    connection: Connection, since: datetime, until: datetime
) -> dict[Pair, list[int]]:
    """When alarms began within a span (µs, ascending), by rule and subject."""
    rows = connection.execute(
        "SELECT rule, subject, array_agg(began ORDER BY began) FROM alarm"
        " WHERE began BETWEEN %s AND %s AND withdrawn IS NULL GROUP BY rule, subject",
        [since, until],
    )
    return {(rule, subject): [micros(at) for at in began] for rule, subject, began in rows}


def _case(
    row: Sequence[Any],
    belonging: Mapping[str, frozenset[str]],
    run_from: Mapping[str, str],
    resting: set[str],
) -> Case:
    number, rule, subject, site, began, title, active = row
    kind, _, name = subject.partition("/")
    groups = belonging.get(name, frozenset()) if kind == "device" else frozenset()
    return Case(
        id=number,
        rule=rule,
        subject=subject,
        site=site,
        began=micros(began),
        title=title,
        active=active,
        groups=groups,
        homes=frozenset(run_from[group] for group in groups if group in run_from),
        out_of_service=kind == "device" and name in resting,
    )
