"""Planned works: announce, end, list."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from hypervisor.database.connect import Connection
from hypervisor.registry import queries_tables
from hypervisor.registry.formatting import format_value
from hypervisor.registry.input_equipment import SUBJECTS, works_fact, works_value
from hypervisor.registry.input_fields import NO_WORKS_NAME, WORKS_NAME
from hypervisor.registry.inventory import Fact, Inventory
from hypervisor.registry.model import Registry, Revision
from hypervisor.registry.tree import Where
from sensors._errors import Message, TerritoryError
from sensors._nearest import did_you_mean

NAME = f"^{WORKS_NAME.pattern}$"
_HERE = Where(file="works", line=0)
State = Literal["planned", "under way", "over"]


class WorksError(TerritoryError):
    """Works cannot be announced or ended."""


class Works(BaseModel):
    """Planned works: from when to when readings at their places do not count."""

    name: str = Field(examples=["rd446-2024"])
    begins: datetime
    ends: datetime
    state: State = Field(examples=["under way"])
    sites: list[str] = Field(examples=[["rd446-orsay"]])
    devices: list[str] = Field(examples=[[]])
    groups: list[str] = Field(examples=[[]])
    author: str = Field(examples=["a.martin"])
    reason: str = Field(examples=["resurfacing, loops cut"])

    @property
    def subjects(self) -> dict[str, list[str]]:
        """The names by kind."""
        return {kind: getattr(self, kind) for kind in SUBJECTS}


def announce_works(
    name: str, begins: datetime, ends: datetime, subjects: Mapping[str, list[str]]
) -> Inventory:
    """New works, or new times and places of existing ones.

    Raises WorksError: their name is none, they concern nothing, or end before they begin.
    """
    if not WORKS_NAME.fullmatch(name):
        raise WorksError("{text!r} {problem}", name, Message(NO_WORKS_NAME))
    if not any(subjects.values()):
        raise WorksError("works concern something: --site, --device or --group, as often as needed")
    if ends <= begins:
        raise WorksError(
            "they would end at {ends}, before they begin, {begins}",
            format_value(ends),
            format_value(begins),
        )
    return _inventory(
        works_fact(name, works_value(begins, ends, subjects), reason=None, where=_HERE)
    )


def end_works(registry: Registry, name: str, at: datetime) -> Inventory:
    """End works at `at`; those not begun by then are cancelled.

    Raises WorksError: there are none of that name, or they were over before.
    """
    works_by_name = {works.name: works for works in list_works(registry.revisions, at)}
    if name not in works_by_name:
        raise WorksError(
            "no works are called {name!r}{hint}", name, did_you_mean(name, works_by_name)
        )
    works = works_by_name[name]
    if works.ends <= at:
        raise WorksError("{name} was over at {ends} already", name, format_value(works.ends))
    value: dict[str, Any] | None = None
    if works.begins < at:
        value = works_value(works.begins, at, works.subjects)
    return _inventory(works_fact(name, value, reason=None, where=_HERE))


def _inventory(fact: Fact) -> Inventory:
    return Inventory(facts=(fact,))


def list_works(revisions: Iterable[Revision], now: datetime | None) -> list[Works]:
    """All works that are not withdrawn, the latest last. `revisions`: in order of recording."""
    last = {revision.key: revision for revision in revisions if revision.kind == "works"}
    return sorted(_current_works(last.values(), now), key=lambda works: (works.begins, works.name))


def load_works(connection: Connection, now: datetime | None) -> list[Works]:
    """All works of the database that are not withdrawn."""
    return list_works(queries_tables.list_revisions(connection, "works"), now)


def _current_works(revisions: Iterable[Revision], now: datetime | None) -> Iterable[Works]:
    for revision in revisions:
        if revision.value is None:
            continue
        begins, ends = (datetime.fromisoformat(revision.value[edge]) for edge in ("begins", "ends"))
        subjects = {kind: list(revision.value.get(kind, ())) for kind in SUBJECTS}
        yield Works(
            name=revision.key,
            begins=begins,
            ends=ends,
            state=_state(begins, ends, now),
            author=revision.author,
            reason=revision.reason,
            **subjects,
        )


def _state(begins: datetime, ends: datetime, now: datetime | None) -> State:
    if now is None or now < begins:
        return "planned"
    return "under way" if now < ends else "over"
