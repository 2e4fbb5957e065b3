"""A setting of the life cycle, changed with its record."""

from hypervisor.alarms import dials
from hypervisor.store import audit
from hypervisor.store.alarms import lifecycle
from hypervisor.store.connect import Connection


def change(
    connection: Connection, name: str, written: str, *, author: str, reason: str
) -> tuple[str, str]:
    """Change it in the caller's transaction; what it was and what it is, as people write it.

    Raises:
        AlarmError: there is none of that name, or it is not what the setting wants.
        ActError: no reason is given.
    """
    kept = dials.read(name, written)
    before = dials.shown(dials.of(lifecycle.settings(connection)))[name]
    lifecycle.set_one(connection, name, kept)
    after = dials.shown(dials.of(lifecycle.settings(connection)))[name]
    audit.record(
        connection,
        kind="alarm-setting",
        subject=name,
        reason=reason,
        author=author,
        details={"before": before, "after": after},
    )
    return before, after
