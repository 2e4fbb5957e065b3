"""What belongs to an incident: its alarms, what was written, done and sent about them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from hypervisor.access.context import RequestContext
from hypervisor.access.errors import ForbiddenError
from hypervisor.alarms import (
    queries_incidents,
    queries_list,
    queries_timeline,
    service_list,
)
from hypervisor.alarms.errors import AlarmError
from hypervisor.alarms.incidents import Incident
from hypervisor.alarms.lifecycle import ActKind
from hypervisor.alarms.queries_list import AlarmFilter, AlarmRow, SentNotice
from hypervisor.alarms.queries_timeline import TimelineEvent, TimelineFilter
from hypervisor.alarms.service import Act, perform
from hypervisor.base.duties import Duty
from hypervisor.base.errors import NotFoundError
from hypervisor.base.instants import BEGINNING, moment
from hypervisor.logbook import queries
from hypervisor.logbook.model import EntryKind, LogEntry
from hypervisor.logbook.queries import LogFilter

_MOST = 2_000  # lines of each kind
_AHEAD = timedelta(days=1)  # of the clock: nothing that was noticed is left out


@dataclass(frozen=True, kw_only=True)
class IncidentFile:
    """An incident with all that is known of it; events oldest first, entries latest first."""

    incident: Incident
    rows: Sequence[AlarmRow]
    events: Sequence[TimelineEvent]
    entries: Sequence[LogEntry]
    notices: Sequence[SentNotice]

    @property
    def tasks(self) -> list[LogEntry]:
        """Open tasks, soonest due first, then those done."""
        tasks = [entry for entry in self.entries if entry.kind is EntryKind.TASK]
        return sorted(
            tasks, key=lambda task: (not task.open, task.due is None, task.due or task.at)
        )


def find_incident(context: RequestContext, number: int) -> Incident:
    """The incident of a number, or the one to which the alarm of that number now belongs.

    Raises NotFoundError: there is none, or the person sees none of its alarms.
    """
    with context.pool.writing() as connection:
        service_list.refresh_incidents(connection)
    current = queries_incidents.find_number(context.connection, number) or number
    incidents = queries_incidents.list_incidents(
        context.connection, wall=context.clock(), number=current
    )
    if not incidents:
        raise NotFoundError("no incident has the number {number}", number)
    return incidents[0]


def list_numbers(incident: Incident) -> list[int]:
    """The numbers by which entries may name it: numbers change when alarms are regrouped."""
    return sorted({incident.number, *incident.alarms})


def read_file(context: RequestContext, incident: Incident) -> IncidentFile:
    """All that the person may see of an incident."""
    connection, now = context.connection, context.now()
    rows = queries_list.list_rows(connection, AlarmFilter(numbers=incident.alarms), now)
    span = TimelineFilter(
        since=moment(BEGINNING),
        until=now + _AHEAD,
        alarms=incident.alarms,
        category=None,
        limit=_MOST,
    )
    return IncidentFile(
        incident=incident,
        rows=sorted(rows, key=lambda row: row.urgency),
        events=queries_timeline.list_events(connection, span),
        entries=queries.list_entries(
            connection, LogFilter(incident=list_numbers(incident), limit=_MOST)
        ),
        notices=queries_list.list_notices(connection, incident.alarms),
    )


def assign(context: RequestContext, incident: Incident, assignee: str | None) -> list[Exception]:
    """Give its open alarms an owner; returns why some were refused.

    Raises ForbiddenError: the person may act on none of them.
    """
    context.require_anywhere(Duty.OPERATE)
    refused: list[Exception] = []
    rows = queries_list.list_rows(
        context.connection, AlarmFilter(numbers=incident.alarms), context.now()
    )
    still = [row for row in rows if row.state != "normal" and row.assignee != assignee]
    for row in still:
        act = Act(
            alarm=row.id,
            kind=ActKind.ASSIGN,
            author=context.person.name,
            assignee=assignee,
            version=row.version,
        )
        try:
            context.require(Duty.OPERATE, alarm=row.id)
            with context.writing() as connection:
                perform(connection, act, now=context.clock())
        except (AlarmError, ForbiddenError) as error:
            refused.append(error)
    if still and len(refused) == len(still) and isinstance(refused[0], ForbiddenError):
        raise refused[0]
    return refused
