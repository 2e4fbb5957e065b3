"""The instance that `hypervisor up` is asked for: created in its database, or found there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from hypervisor.base.instance import Instance, Mode, require_mode, require_timezone
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import connect, migrate


@dataclass(frozen=True, kw_only=True)
class UpOptions:
    """The command's options. `mode` None: the instance's own, live if it is new."""

    data: Path
    mode: Mode | None = None
    name: str | None = None
    timezone: str | None = None
    web_port: int | None = None
    environment: Mapping[str, str] = field(default_factory=dict)  # may override settings


def prepare(
    url: str, options: UpOptions, default_name: str, say: Callable[[str], None]
) -> Instance:
    """Migrate the database; create the instance or check its mode.

    Raises InstanceError: it was made in the other mode; StoreError: the database cannot be used.
    """
    with connect(url) as connection:
        applied = migrate(connection)
        instance = instance_store.read(connection)
        if instance is None:
            instance = Instance(mode=options.mode or Mode.LIVE, name=options.name or default_name)
            if options.timezone is not None:
                instance = replace(instance, timezone=require_timezone(options.timezone))
            instance_store.create(connection, instance)
    if options.mode is not None:
        require_mode(instance, options.mode)
    if options.name is not None and options.name != instance.name:
        say(f"the instance keeps its name {instance.name!r}, given when it was created")
    if options.timezone not in {None, instance.timezone}:
        say(f"the instance keeps its time zone {instance.timezone}, given when it was created")
    if applied:
        say(f"migrations applied: {', '.join(applied)}")
    return instance
