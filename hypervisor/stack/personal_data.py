"""Personal data is deleted when its time is over, or at once when the service asks for it."""

from hypervisor.base.errors import NotFoundError
from hypervisor.database import audit
from hypervisor.database.connect import Connection
from hypervisor.evaluation.memory import FORGOTTEN
from hypervisor.readings import queries_retention
from hypervisor.stack import queries_personal
from sensors._errors import TerritoryError

_NEVER = {"imported": None, "dead_letters": None}  # nothing of these here


class PersonalDataError(TerritoryError):
    """What is asked for cannot be deleted now."""


def sweep(connection: Connection) -> tuple[int, int]:
    """Delete what is past the retention of its domain, audited; how many readings and alarms.

    Looks go after a year.
    """
    readings = alarms = 0
    for domain, days in queries_personal.list_domains(connection):
        before = queries_retention.read_bounds(connection, {"readings": days, **_NEVER}).readings
        if before is None:  # nothing was evaluated yet
            continue
        with connection.transaction():
            gone = queries_personal.forget_domain(connection, domain, before, mark=FORGOTTEN)
            if any(gone):
                audit.record(
                    connection,
                    kind="retention",
                    subject=domain,
                    reason="older than its domain keeps",
                    author="housekeeping",
                    details={
                        "before": before.isoformat(),
                        "readings": gone[0],
                        "alarms": gone[1],
                    },
                )
        readings, alarms = readings + gone[0], alarms + gone[1]
    queries_personal.delete_old_looks(connection)
    return readings, alarms


def forget(connection: Connection, site: str, *, author: str, reason: str) -> tuple[int, int]:
    """Delete at once all that a home measured and its alarms, in the caller's transaction.

    Raises:
        NotFoundError: there is no such home.
        PersonalDataError: one of its alarms is active.
    """
    home = queries_personal.find_home(connection, site)
    if home is None:
        raise NotFoundError("there is no home {site!r}", site)
    number, active = home
    if active:
        raise PersonalDataError(
            "{count} alarms of {site} are active: take its device out of service, and close them",
            active,
            site,
        )
    gone = queries_personal.forget_home(connection, number, mark=FORGOTTEN)
    audit.record(
        connection,
        kind="forget",
        subject=site,
        reason=reason,
        author=author,
        details={"readings": gone[0], "alarms": gone[1]},
    )
    return gone
