"""Applies and shows routes files; describes who would be notified."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from hypervisor.base.instants import micros, moment, text
from hypervisor.base.words import EXTERNAL_DOMAIN
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import Connection
from hypervisor.notifications import (
    channel_apprise,
    queries_alarms,
    queries_outbox,
    queries_routes,
)
from hypervisor.notifications import decision as deciding
from hypervisor.notifications.decision import Facts, Hold, Send
from hypervisor.notifications.hours import is_holiday
from hypervisor.notifications.model import NotifyError
from hypervisor.notifications.on_call import describe_gaps
from hypervisor.notifications.queries_alarms import AlarmContext
from hypervisor.notifications.queries_outbox import Entry
from hypervisor.notifications.route_file import Vocabulary, read_routes
from hypervisor.notifications.routes import Routes
from rules._rule import CATEGORIES, SEVERITIES
from sensors._domain import catalogue
from sensors._foreign import ForeignError, read_text_file
from sensors._nearest import did_you_mean

Edit = Callable[[str], str]  # of a routes file
_ADDRESS = re.compile(r"(?<![A-Za-z0-9+.-])[A-Za-z0-9+.-]++://(?:\$\{\w+\}|[^\s\"'\]}])*")


@dataclass(frozen=True, kw_only=True)
class AlarmExample:
    """A hypothetical alarm."""

    domain: str
    severity: str = "major"
    category: str = "hazard"
    site: str = ""
    rule: str = ""


def apply_routes(
    connection: Connection, file: Path, *, author: str, reason: str, dry_run: bool = False
) -> str:
    """Check a file and apply it; returns a summary.

    Raises:
        NotifyError: the file cannot be read.
        RuleError: an error in it: says where, and what was expected.
        ActError: the reason is missing.
    """
    try:
        with file.open("rb") as opened:
            written = read_text_file(opened)
    except (OSError, UnicodeDecodeError, ForeignError) as error:
        raise NotifyError("{file} cannot be read: {error}", file, error) from error
    vocabulary = _read_vocabulary(connection)
    routes = read_routes(written, file=str(file), vocabulary=vocabulary)
    gaps = [f"WARNING: {gap}" for gap in find_gaps(connection, routes, vocabulary)]
    done = queries_routes.ROUTES.apply(
        connection,
        written,
        file=str(file),
        summary=_summarize(routes),
        subject=file.name,
        author=author,
        reason=reason,
        dry_run=dry_run,
        mask=mask_addresses,
    )
    queries_outbox.notify_workers(connection)
    return "\n".join([done, *gaps])


def edit_routes(  # noqa: PLR0913  who, why and on what belong to a change
    connection: Connection,
    edit: Edit,
    *,
    seen: int,
    author: str,
    reason: str,
    subject: str,
) -> None:
    """Apply what `edit` makes of the file in force. `seen`: the revision that was edited, 0: none.

    Raises:
        NotifyError: another revision came meanwhile.
        RuleError: the result is no routes file.
    """
    routes = queries_routes.ROUTES
    with connection.transaction():
        routes.lock(connection)
        before = routes.find_revision(connection)
        if (before.id if before else 0) != seen:
            raise NotifyError("somebody changed the routes meanwhile: compare, and save again")
        written = edit(before.text if before else "")
        read_routes(written, file="routes", vocabulary=_read_vocabulary(connection))
        if before is None or before.text != written:
            routes.replace(
                connection,
                before,
                written,
                subject=subject,
                author=author,
                reason=reason,
                mask=mask_addresses,
            )
            queries_outbox.notify_workers(connection)


def find_gaps(
    connection: Connection, routes: Routes, vocabulary: Vocabulary | None = None
) -> list[str]:
    """One sentence for each domain without full cover for critical alarms in the next fortnight."""
    vocabulary = vocabulary or _read_vocabulary(connection)
    return describe_gaps(routes, vocabulary, queries_outbox.read_clock(connection))


def _summarize(routes: Routes) -> str:
    count = len(routes.routes)
    summary = f"{count} route{'s' if count != 1 else ''}"
    return summary if routes.dead_man else f"{summary}, no heartbeat (`dead man`)"


def _read_vocabulary(connection: Connection) -> Vocabulary:
    areas, sites, rules = queries_routes.read_names(connection)
    external = queries_routes.list_external_rules(connection)
    instance = instance_store.read(connection)
    return Vocabulary(
        domains=frozenset(catalogue().domains) | ({EXTERNAL_DOMAIN} if external else set()),
        areas=areas,
        sites=sites,
        rules=rules | external,
        teams=queries_routes.list_teams(connection),
        personal=queries_alarms.list_personal_domains(connection),
        zone=instance.timezone if instance else "Europe/Paris",
    )


def mask_addresses(written: str) -> str:
    """A file with the secrets of its addresses masked."""
    return _ADDRESS.sub(lambda match: _mask_address(match[0]), written)


def _mask_address(address: str) -> str:
    scheme, _, rest = address.partition("://")
    if scheme not in ("http", "https"):
        return channel_apprise.mask(address)
    host = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")[2]
    return f"{scheme}://{host}/…"


def show_routes(connection: Connection, *, secrets: bool) -> str:
    """The routes file in force. Raises NotifyError: there is none."""
    revision = queries_routes.ROUTES.find_revision(connection)
    if revision is None:
        raise NotifyError(
            "no routes are in force; apply some with `hypervisor notify routes apply FILE`"
        )
    head = f"# revision {revision.id}, {text(micros(revision.recorded_at))}, {revision.author}:"
    return (
        f"{head} {revision.reason}\n{revision.text if secrets else mask_addresses(revision.text)}"
    )


def read_in_force(connection: Connection) -> Routes:
    """The routes in force, if any."""
    revision = queries_routes.ROUTES.find_revision(connection)
    return Routes() if revision is None else read_routes(revision.text, file="the routes in force")


def describe_recipients(connection: Connection, like: AlarmExample, at: datetime | None) -> str:
    """Who would be notified of such an alarm at a time, by the real decision.

    Raises NotifyError: no such domain, severity, category or site.
    """
    for value, allowed in (
        (like.domain, catalogue().domains),
        (like.severity, SEVERITIES),
        (like.category, CATEGORIES),
    ):
        if value not in allowed:
            raise NotifyError("{value!r} is not known{hint}", value, did_you_mean(value, allowed))
    now = queries_outbox.read_clock(connection) if at is None else micros(at)
    if now is None:
        raise NotifyError("the exercise has not begun: give a time with --at")
    areas = frozenset[str]()
    if like.site:
        _, sites, _ = queries_routes.read_names(connection)
        if like.site not in sites:
            raise NotifyError("no site {site!r}{hint}", like.site, did_you_mean(like.site, sites))
        areas = queries_alarms.areas_of_site(connection, like.site)
    return _describe_decision(read_in_force(connection), like, now, areas)


def _describe_decision(routes: Routes, like: AlarmExample, now: int, areas: frozenset[str]) -> str:
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
    facts = Facts(entry=entry, alarm=alarm, now=now, context=AlarmContext(areas=areas))
    decision = deciding.decide(facts, routes, is_holiday)
    when = f"at {text(now)}"
    if isinstance(decision, Send):
        return "\n".join(
            f"{route.name}: {len(route.channels)} channel{'s' if len(route.channels) > 1 else ''},"
            f" in {route.language}, {when}"
            for route in decision.routes
        )
    if not isinstance(decision, Hold):
        return f"no one {when}: {decision.why}"
    later = _first_on_call(routes, facts)
    return f"no one {when}: {decision.why}" + (f"; from {text(later)} on" if later else "")


def _first_on_call(routes: Routes, facts: Facts) -> int | None:
    """When a route is on call next, within eight days, to the quarter of an hour."""
    quarter = 15 * 60_000_000
    for step in range(1, 8 * 24 * 4):
        now = (facts.now // quarter + step) * quarter
        decision = deciding.decide(replace(facts, now=now), routes, is_holiday)
        if isinstance(decision, Send):
            return micros(moment(now))
    return None
