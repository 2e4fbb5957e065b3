"""`hypervisor doctor`'s check of the routes: those that were written last are in force."""

from collections.abc import Iterator
from datetime import datetime

from hypervisor.base.failures import describe_failure
from hypervisor.base.findings import Finding, bad
from hypervisor.base.settings import Settings
from hypervisor.database.connect import Connection
from hypervisor.notifications import queries_routes
from hypervisor.notifications.route_file import read_routes


def check(connection: Connection, _settings: Settings, _now: datetime) -> Iterator[Finding]:
    """That they cannot be read: then those before them are in force."""
    revision = queries_routes.ROUTES.find_revision(connection)
    if revision is None:
        return
    try:
        read_routes(revision.text, file="the routes in force")
    except Exception as error:  # noqa: BLE001  whatever keeps the notifier from reading them
        what = f"revision {revision.id} cannot be read: {describe_failure(error)}"
        mend = "those before it stay in force; `hypervisor notify routes apply` another file"
        yield bad("routes", what, mend)
