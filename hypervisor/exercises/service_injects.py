"""Add and change injects and checklist lines, with audit."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from hypervisor.base.instants import moment
from hypervisor.database import audit
from hypervisor.database.connect import Connection
from hypervisor.exercises import queries as exercise_store
from hypervisor.exercises import queries_injects, queries_runs
from hypervisor.exercises.model import (
    INJECT_KINDS,
    INJECT_STATES,
    MESSAGE_KINDS,
    Inject,
    InjectError,
    InjectPost,
)
from hypervisor.registry import queries as registry_queries
from hypervisor.registry.model import Registry
from sensors._domain import catalogue

MOVES: Mapping[str, frozenset[str]] = {
    "planned": frozenset({"held", "cancelled"}),
    "held": frozenset({"planned", "cancelled"}),
    "cancelled": frozenset({"planned", "held"}),
    "fired": frozenset({"done"}),
    "done": frozenset({"fired"}),
}


def add_inject(connection: Connection, run: int, fields: InjectPost, author: str) -> int:
    """Add an inject to an active run; returns its id.

    Raises InjectError: there is no such run, or something is missing or unknown.
    """
    active_run = queries_runs.get_run(connection, run)
    if active_run is None or not active_run.active:
        raise InjectError("run {number} is not active: injects need an active run", run)
    if not fields.title.strip():
        raise InjectError("an inject needs a title")
    details = _check_details(connection, fields)
    number = queries_injects.add_inject(
        connection,
        run,
        author=author,
        kind=fields.kind,
        title=fields.title.strip(),
        text=fields.text.strip(),
        sender=fields.sender.strip(),
        expected=fields.expected.strip(),
        planned=fields.planned,
        state="held" if fields.held else "planned",
        details=details,
    )
    _audit(connection, number, "written", author, {"title": fields.title})
    return number


def change_inject(  # noqa: PLR0913  what may change
    connection: Connection,
    number: int,
    *,
    author: str,
    version: int | None = None,
    planned: datetime | None = None,
    state: str | None = None,
    note: str | None = None,
) -> None:
    """Move, hold, release, cancel, complete or comment an inject.

    Raises:
        InjectError: the change is invalid.
        ChangedError: it was changed by someone else.
    """
    inject = get_inject(connection, number)
    columns: dict[str, Any] = {}
    if planned is not None:
        if not inject.waits:
            raise InjectError(
                "this inject is {state}: its time can no longer change",
                INJECT_STATES[inject.state],
            )
        columns["planned"] = planned
    if state is not None and state != inject.state:
        if state not in MOVES[inject.state]:
            raise InjectError(
                "this inject is {state}: it cannot become {target}",
                INJECT_STATES[inject.state],
                INJECT_STATES.get(state, state),
            )
        columns["state"] = state
    if note is not None:
        columns["note"] = note.strip()
    if columns:
        queries_injects.change_inject(connection, number, version=version, **columns)
        audit_details = {key: str(value) for key, value in columns.items()}
        _audit(connection, number, "changed", author, audit_details)


def add_checklist_item(
    connection: Connection, run: int, *, expected: str, author: str, due: datetime | None = None
) -> int:
    """Add a checklist line; returns its id.

    Raises InjectError: the text is empty, or there is no such run.
    """
    if not expected.strip():
        raise InjectError("describe the expected action")
    if queries_runs.get_run(connection, run) is None:
        raise InjectError("no run has the number {number}", run)
    number = queries_injects.add_checklist_item(
        connection, run, expected=expected.strip(), due=due, author=author
    )
    _audit(connection, number, "written", author, {"expected": expected}, what_of="checklist")
    return number


def record_observation(  # noqa: PLR0913  what is noted
    connection: Connection,
    number: int,
    *,
    outcome: str,
    note: str,
    author: str,
    version: int | None = None,
) -> None:
    """Record what an observer saw, at the scenario time.

    Raises:
        InjectError: there is no such line.
        ChangedError: it was changed by someone else.
    """
    if queries_injects.get_checklist_item(connection, number) is None:
        raise InjectError("no line has the number {number}", number)
    latest = exercise_store.get_progress(connection).latest
    seen = None if outcome == "open" or latest is None else moment(latest)
    queries_injects.change_checklist_item(
        connection,
        number,
        version=version,
        outcome=outcome,
        note=note.strip(),
        seen=seen,
        noted_by=author,
        noted_at=queries_runs.get_wall_clock(connection),
    )
    _audit(connection, number, outcome, author, {"note": note}, what_of="checklist")


def get_inject(connection: Connection, number: int) -> Inject:
    """The inject of that number. Raises InjectError: there is none."""
    inject = queries_injects.get_inject(connection, number)
    if inject is None:
        raise InjectError("no inject has the number {number}", number)
    return inject


def _check_details(connection: Connection, fields: InjectPost) -> dict[str, Any]:
    if fields.kind not in INJECT_KINDS:
        raise InjectError(
            "no inject is a {kind!r}; expected one of {codes}", fields.kind, ", ".join(INJECT_KINDS)
        )
    if fields.kind in MESSAGE_KINDS:
        return {}
    registry = registry_queries.load(connection)
    devices = [_find_device(registry, name) for name in fields.devices]
    if not devices:
        raise InjectError(
            "{kind}: name its devices, or the sites where they stand", INJECT_KINDS[fields.kind]
        )
    if fields.kind == "lost-sensor":
        return {"devices": devices, "hours": fields.hours}
    if fields.quantity is None or fields.value is None:
        raise InjectError("a reading needs its quantity and its value")
    if fields.quantity not in catalogue().quantities:
        raise InjectError("no quantity is called {quantity!r}", fields.quantity)
    mute = [name for name in devices if (name, fields.quantity) not in registry.series]
    if mute:
        raise InjectError("{series} does not measure {quantity}", ", ".join(mute), fields.quantity)
    return {"devices": devices, "quantity": fields.quantity, "value": fields.value}


def _find_device(registry: Registry, name: str) -> str:
    """A device by its name, or by the name of a site with one device."""
    if name in registry.devices:
        return name
    there = [device.name for device in registry.devices.values() if device.site == name]
    if len(there) != 1:
        if there:
            raise InjectError("{name!r} has {count} devices: name one", name, len(there))
        raise InjectError("{name!r} is neither a device nor a site", name)
    return there[0]


def _audit(  # noqa: PLR0913  what an audit has to say
    connection: Connection,
    number: int,
    what: str,
    author: str,
    details: Mapping[str, Any],
    *,
    what_of: str = "inject",
) -> None:
    audit.record(
        connection,
        kind="exercise",
        subject=f"{what_of}/{number}",
        reason=what,
        author=author,
        details=details,
    )
