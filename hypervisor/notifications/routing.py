"""The routes' file and its revisions: checked, put in force, shown; who would be told of what."""

import difflib
import re
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from hypervisor.base.instants import micros, moment, text
from hypervisor.database import audit
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import Connection
from hypervisor.notifications import apprise_channel, gaps, queries_alarms, queries_outbox
from hypervisor.notifications import decision as deciding
from hypervisor.notifications.decision import Facts, Hold, Send
from hypervisor.notifications.dispatcher import holiday_of
from hypervisor.notifications.errors import NotifyError
from hypervisor.notifications.queries_outbox import Entry
from hypervisor.notifications.route_file import Known, read_routes
from hypervisor.notifications.routes import Routes
from rules._rule import CATEGORIES, SEVERITIES
from sensors._domain import catalogue
from sensors._nearest import did_you_mean

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://(?:\$\{\w+\}|[^\s\"'\]}])*")


@dataclass(frozen=True, kw_only=True)
class Like:
    """An alarm as it might be."""

    domain: str
    severity: str = "major"
    category: str = "hazard"
    site: str = ""
    rule: str = ""


def apply(
    connection: Connection, file: Path, *, author: str, reason: str, dry_run: bool = False
) -> str:
    """Check a file and put it in force; what was done, in a sentence.

    Raises:
        NotifyError: the file cannot be read.
        RuleError: something in it is wrong: says where, and what was expected.
        ActError: no reason is given.
    """
    try:
        written = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise NotifyError(f"{file} cannot be read: {error}") from error
    vocabulary = _known(connection)
    routes = read_routes(written, file=str(file), vocabulary=vocabulary)
    counted, holes = (
        _counted(routes),
        gaps.told(routes, vocabulary, queries_outbox.clock(connection)),
    )
    with connection.transaction():
        before = queries_alarms.routes_text(connection, 0)
        if before is not None and before.text == written:
            return f"{file} is in force already, as revision {before.id}"
        if dry_run:
            summary = f"{file} is right: {counted} (--dry-run: nothing was changed)"
            return "\n".join([summary, *holes])
        details = {"changed": _difference(before.text if before else "", written)}
        author = author.strip() or audit.whoever()
        audit.record(
            connection,
            kind="routes",
            subject=file.name,
            reason=reason,
            author=author,
            details=details,
        )
        number = queries_alarms.write_routes(
            connection, written, author=author, reason=reason.strip()
        )
        queries_outbox.wake(connection)
    return "\n".join([f"revision {number} is in force: {counted}", *holes])


def _counted(routes: Routes) -> str:
    count = len(routes.routes)
    summary = f"{count} route{'s' if count != 1 else ''}"
    return summary if routes.dead_man else f"{summary}, and no sign of life (`dead man`)"


def _known(connection: Connection) -> Known:
    areas, sites, rules = queries_alarms.vocabulary(connection)
    instance = instance_store.read(connection)
    return Known(
        domains=frozenset(catalogue().domains),
        areas=areas,
        sites=sites,
        rules=rules,
        zone=instance.timezone if instance else "Europe/Paris",
    )


def _difference(before: str, after: str) -> list[str]:
    lines = difflib.unified_diff(
        masked(before).splitlines(), masked(after).splitlines(), n=0, lineterm=""
    )
    return [line for line in lines if line[:3] not in ("---", "+++") and line[:2] != "@@"]


def masked(written: str) -> str:
    """A file without what its addresses may hide: a password, a token, a path that is one."""
    return _ADDRESS.sub(lambda match: _plain(match[0]), written)


def _plain(address: str) -> str:
    scheme, _, rest = address.partition("://")
    if scheme not in ("http", "https"):
        return apprise_channel.masked(address)
    host = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")[2]
    return f"{scheme}://{host}/…"


def shown(connection: Connection, *, secrets: bool) -> str:
    """The file in force.

    Raises:
        NotifyError: there is none.
    """
    revision = queries_alarms.routes_text(connection, 0)
    if revision is None:
        raise NotifyError("no routes are in force: `hypervisor notify routes apply FILE` does it")
    head = f"# revision {revision.id}, {text(micros(revision.recorded_at))}, {revision.author}:"
    return f"{head} {revision.reason}\n{revision.text if secrets else masked(revision.text)}"


def in_force(connection: Connection) -> Routes:
    """The routes in force; none where there are none."""
    revision = queries_alarms.routes_text(connection, 0)
    return Routes() if revision is None else read_routes(revision.text, file="the routes in force")


def who(connection: Connection, like: Like, at: datetime | None) -> str:
    """Who would be told of such an alarm at such a time, by the very decision that is taken then.

    Raises:
        NotifyError: there is no such domain, severity, category or site.
    """
    for value, allowed in (
        (like.domain, catalogue().domains),
        (like.severity, SEVERITIES),
        (like.category, CATEGORIES),
    ):
        if value not in allowed:
            raise NotifyError(f"{value!r} is not known{did_you_mean(value, allowed)}")
    now = queries_outbox.clock(connection) if at is None else micros(at)
    if now is None:
        raise NotifyError("the exercise has not begun: say a time with --at")
    areas = frozenset[str]()
    if like.site:
        _, sites, _ = queries_alarms.vocabulary(connection)
        if like.site not in sites:
            raise NotifyError(f"no site {like.site!r}{did_you_mean(like.site, sites)}")
        areas = queries_alarms.areas_of_site(connection, like.site)
    return _decided(in_force(connection), like, now, areas)


def _decided(routes: Routes, like: Like, now: int, areas: frozenset[str]) -> str:
    alarm: dict[str, Any] = {
        "active": True,
        "withdrawn": None,
        "domain": like.domain,
        "category": like.category,
        "site": like.site or None,
        "rule": like.rule,
        "severity": [[text(now), like.severity]],
    }
    entry = Entry(id=0, alarm=0, event="raised", key="", at=now, body={}, due=now, held=None)
    facts = Facts(entry=entry, alarm=alarm, now=now, areas=areas)
    decision = deciding.decide(facts, routes, holiday_of)
    when = f"at {text(now)}"
    if isinstance(decision, Send):
        return "\n".join(
            f"{route.name}: {len(route.channels)} channel{'s' if len(route.channels) > 1 else ''},"
            f" in {route.language}, {when}"
            for route in decision.routes
        )
    if not isinstance(decision, Hold):
        return f"nobody {when}: {decision.why}"
    later = _first_on_call(routes, facts)
    return f"nobody {when}: {decision.why}" + (f"; from {text(later)} on" if later else "")


def _first_on_call(routes: Routes, facts: Facts) -> int | None:
    """When somebody is, within eight days; to the quarter of an hour."""
    quarter = 15 * 60_000_000
    for step in range(1, 8 * 24 * 4):
        now = (facts.now // quarter + step) * quarter
        decision = deciding.decide(replace(facts, now=now), routes, holiday_of)
        if isinstance(decision, Send):
            return micros(moment(now))
    return None
