"""Checks of the official services that are read."""

from collections.abc import Iterator
from datetime import datetime

from hypervisor.base.findings import Finding, bad, good, warning
from hypervisor.base.settings import Settings
from hypervisor.database.connect import Connection
from hypervisor.feeds import collect
from hypervisor.feeds.schedule import LATE_INTERVALS
from hypervisor.feeds.service import FeedStatus, list_status, list_unknown_off
from hypervisor.feeds.views_official import Source, read_vigilance

_SHOWN = 5  # gaps


def check(connection: Connection, settings: Settings, now: datetime) -> Iterator[Finding]:
    """One finding a service that is read; none while the database does not answer."""
    if not collect.may_ask(connection, settings):
        return
    statuses = list_status(connection, settings)
    vigilance = read_vigilance(connection, now)
    for sentence in list_unknown_off(settings):
        yield warning("feeds", sentence, "correct the setting: that feed is read")
    for status in statuses:
        if status.is_off or not status.idle:
            yield _check_status(status, now)
    read = {status.feed.title for status in statuses if not status.idle}
    for source in vigilance.sources:
        if source.title in read:
            yield _check_colours(source)


def _check_status(status: FeedStatus, now: datetime) -> Finding:
    subject, what = f"feed {status.feed.name}", status.describe(now)
    mend = f"`hypervisor feeds show {status.feed.name}` shows its last answer"
    if status.is_off:
        return good(subject, what)
    never = status.state.answered_at is None
    given_up = never and status.state.failures >= LATE_INTERVALS
    if status.state.problem and (given_up or status.is_late(now)):
        return bad(subject, what, mend)
    if never or status.state.problem or status.is_late(now) or status.find_gap(now):
        return warning(subject, what, mend)
    return good(subject, what)


def _check_colours(source: Source) -> Finding:
    """Whether what a service said of our places is all there, and still holds."""
    subject, gaps = f"vigilance {source.title}", source.assessment.gaps
    if not gaps:
        return good(subject, f"{len(source.colours)} colours, bulletin of {_format(source.issued)}")
    missing = "; ".join(f"{gap.name} ({gap.lack}, {_format(gap.since)})" for gap in gaps[:_SHOWN])
    more = f"; {len(gaps) - _SHOWN} more" if len(gaps) > _SHOWN else ""
    mend = "pages show it as not assessable; see the service's own website meanwhile"
    return warning(subject, f"not assessable: {missing}{more}", mend)


def _format(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else "never"
