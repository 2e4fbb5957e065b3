"""A setting of the life cycle, changed with its record."""

from hypervisor.alarms import queries_lifecycle, settings
from hypervisor.database import audit
from hypervisor.database.connect import Connection


def change_setting(
    connection: Connection, name: str, written: str, *, author: str, reason: str
) -> tuple[str, str]:
    """Change it in the caller's transaction; what it was and what it is, as people write it.

    Raises:
        AlarmError: there is none of that name, or it is not what the setting wants.
        ActError: no reason is given.
    """
    kept = settings.parse_setting(name, written)
    before = settings.format_settings(
        settings.from_stored(queries_lifecycle.read_settings(connection))
    )[name]
    queries_lifecycle.save_setting(connection, name, kept)
    after = settings.format_settings(
        settings.from_stored(queries_lifecycle.read_settings(connection))
    )[name]
    audit.record(
        connection,
        kind="alarm-setting",
        subject=name,
        reason=reason,
        author=author,
        details={"before": before, "after": after},
    )
    return before, after
