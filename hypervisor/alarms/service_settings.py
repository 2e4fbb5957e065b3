"""Change a setting, with its audit record."""

from hypervisor.alarms import queries_lifecycle, settings
from hypervisor.database import audit
from hypervisor.database.connect import Connection


def change_setting(
    connection: Connection, name: str, written: str, *, author: str, reason: str
) -> tuple[str, str]:
    """Change a setting in the caller's transaction; returns the old and new value as text.

    Raises:
        AlarmError: no such setting, or not a value of it.
        ActError: the reason is missing.
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
