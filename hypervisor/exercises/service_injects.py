"""Injects and sheets as their leaders change them: checked, then written with the audit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hypervisor.base.instants import moment
from hypervisor.database import audit
from hypervisor.database.connect import Connection
from hypervisor.exercises import queries as exercise_store
from hypervisor.exercises import queries_injects, queries_runs
from hypervisor.exercises.queries_injects import Inject, InjectError
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


@dataclass(frozen=True, kw_only=True)
class InjectFields:
    """An inject to be made: `devices`, `quantity`, `value` of a reading; `hours` of lost ones."""

    kind: str
    title: str
    text: str = ""
    sender: str = ""
    expected: str = ""
    planned: datetime | None = None
    held: bool = False
    devices: Sequence[str] = ()
    quantity: str | None = None
    value: float | None = None
    hours: float | None = None


def add(connection: Connection, run: int, wanted: InjectFields, author: str) -> int:
    """An inject of a run that is not over; its number.

    Raises:
        InjectError: there is no such run, or something is missing or unknown.
    """
    found = queries_runs.find(connection, run)
    if found is None or not found.active:
        raise InjectError(f"run {run} is not under way: injects are written for one that is")
    if not wanted.title.strip():
        raise InjectError("an inject needs a title: what happens, in a few words")
    details = _details(connection, wanted)
    number = queries_injects.add(
        connection,
        run,
        author=author,
        kind=wanted.kind,
        title=wanted.title.strip(),
        text=wanted.text.strip(),
        sender=wanted.sender.strip(),
        expected=wanted.expected.strip(),
        planned=wanted.planned,
        state="held" if wanted.held else "planned",
        details=details,
    )
    _audit(connection, number, "written", author, {"title": wanted.title})
    return number


def change(  # noqa: PLR0913  what may change
    connection: Connection,
    number: int,
    *,
    author: str,
    version: int | None = None,
    planned: datetime | None = None,
    state: str | None = None,
    note: str | None = None,
) -> None:
    """Move it, hold it, release it, cancel it, mark it as done, note something.

    Raises:
        InjectError: it cannot be so.
        ChangedError: somebody else changed it meanwhile.
    """
    inject = one(connection, number)
    columns: dict[str, Any] = {}
    if planned is not None:
        if not inject.waits:
            raise InjectError(f"this inject is {inject.state}: it has no time any more")
        columns["planned"] = planned
    if state is not None and state != inject.state:
        if state not in MOVES[inject.state]:
            raise InjectError(f"this inject is {inject.state}: it cannot be {state}")
        columns["state"] = state
    if note is not None:
        columns["note"] = note.strip()
    if columns:
        queries_injects.change(connection, number, version=version, **columns)
        said = {key: str(value) for key, value in columns.items()}
        _audit(connection, number, "changed", author, said)


def add_sheet(
    connection: Connection, run: int, *, expected: str, author: str, due: datetime | None = None
) -> int:
    """A line of the observers' sheet; its number.

    Raises:
        InjectError: it says nothing, or there is no such run.
    """
    if not expected.strip():
        raise InjectError("say what is to be seen")
    if queries_runs.find(connection, run) is None:
        raise InjectError(f"no run has the number {run}")
    number = queries_injects.add_sheet(
        connection, run, expected=expected.strip(), due=due, author=author
    )
    _audit(connection, number, "written", author, {"expected": expected}, what_of="sheet")
    return number


def note_sheet(  # noqa: PLR0913  what is noted
    connection: Connection,
    number: int,
    *,
    outcome: str,
    note: str,
    author: str,
    version: int | None = None,
) -> None:
    """What an observer saw, at the scenario's time.

    Raises:
        InjectError: there is no such line.
        ChangedError: somebody else changed it meanwhile.
    """
    if queries_injects.sheet(connection, number) is None:
        raise InjectError(f"no line has the number {number}")
    latest = exercise_store.standing(connection).latest
    seen = None if outcome == "open" or latest is None else moment(latest)
    queries_injects.change_sheet(
        connection,
        number,
        version=version,
        outcome=outcome,
        note=note.strip(),
        seen=seen,
        noted_by=author,
        noted_at=queries_runs.wall(connection),
    )
    _audit(connection, number, outcome, author, {"note": note}, what_of="sheet")


def one(connection: Connection, number: int) -> Inject:
    """The inject of that number.

    Raises:
        InjectError: there is none.
    """
    found = queries_injects.inject(connection, number)
    if found is None:
        raise InjectError(f"no inject has the number {number}")
    return found


def _details(connection: Connection, wanted: InjectFields) -> dict[str, Any]:
    if wanted.kind in queries_injects.TOLD:
        return {}
    registry = registry_queries.load(connection)
    devices = [_device(registry, name) for name in wanted.devices]
    if not devices:
        raise InjectError(f"a {wanted.kind} needs its devices, or the sites where they stand")
    if wanted.kind == "lost-sensor":
        return {"devices": devices, "hours": wanted.hours}
    if wanted.quantity is None or wanted.value is None:
        raise InjectError("a reading needs its quantity and its value")
    if wanted.quantity not in catalogue().quantities:
        raise InjectError(f"no quantity is called {wanted.quantity!r}")
    mute = [name for name in devices if (name, wanted.quantity) not in registry.series]
    if mute:
        raise InjectError(f"{', '.join(mute)} does not measure {wanted.quantity}")
    return {"devices": devices, "quantity": wanted.quantity, "value": wanted.value}


def _device(known: Registry, name: str) -> str:
    """A device, or the one that stands at a site of that name."""
    if name in known.devices:
        return name
    there = [each.name for each in known.devices.values() if each.site == name]
    if len(there) != 1:
        many = f"has {len(there)} devices: name one" if there else "is neither device nor site"
        raise InjectError(f"{name!r} {many}")
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
