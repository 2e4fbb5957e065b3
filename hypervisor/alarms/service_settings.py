"""A setting of the life cycle, changed with its record."""

from hypervisor.alarms import queries_lifecycle, settings
from hypervisor.database import audit
from hypervisor.database.connect import Connection


def change(
    connection: Connection, name: str, written: str, *, author: str, reason: str
) -> tuple[str, str]:
    """Change it in the caller's transaction; what it was and what it is, as people write it.

    Raises:
        AlarmError: there is none of that name, or it is not what the setting wants.
        ActError: no reason is given.
    """
    kept = settings.read(name, written)
    before = settings.shown(settings.of(queries_lifecycle.settings(connection)))[name]
    queries_lifecycle.set_one(connection, name, kept)
    after = settings.shown(settings.of(queries_lifecycle.settings(connection)))[name]
    audit.record(
        connection,
        kind="alarm-setting",
        subject=name,
        reason=reason,
        author=author,
        details={"before": before, "after": after},
    )
    return before, after
