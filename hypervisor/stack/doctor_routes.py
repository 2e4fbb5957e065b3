"""`hypervisor doctor`'s check of the routes: those that were written last are in force."""

from collections.abc import Iterator

from hypervisor.base.failures import describe_failure
from hypervisor.base.settings import Settings
from hypervisor.database.connect import StoreError, connect, store_errors
from hypervisor.notifications import queries_routes
from hypervisor.notifications.route_file import read_routes
from hypervisor.stack.doctor_machine import Finding, bad


def check_routes(settings: Settings) -> Iterator[Finding]:
    """That they cannot be read: then those before them are in force."""
    try:
        with store_errors(), connect(settings.database_url) as connection:
            revision = queries_routes.ROUTES.find_revision(connection)
    except StoreError:  # the check of the database reports it
        return
    if revision is None:
        return
    try:
        read_routes(revision.text, file="the routes in force")
    except Exception as error:  # noqa: BLE001  whatever keeps the notifier from reading them
        what = f"revision {revision.id} cannot be read: {describe_failure(error)}"
        mend = "those before it stay in force; `hypervisor notify routes apply` another file"
        yield bad("routes", what, mend)
