"""The changes between an inventory and the registry, and their lines for people."""

from dataclasses import dataclass, field, fields
from datetime import datetime

from hypervisor.base.instants import EPOCH
from hypervisor.registry.formatting import format_value
from hypervisor.registry.model import (
    KINDS,
    Area,
    Asset,
    Device,
    Gateway,
    Group,
    Registry,
    Revision,
    Series,
    Site,
    Thing,
    Zone,
    make_registry,
)
from sensors._errors import Message

# Beside the device, series and group themselves.
_FACTS = {"device": "service", "series": "reporting"}


@dataclass(frozen=True, kw_only=True)
class ChangeLine:
    """One line of the difference, as text. `before` is empty for what is new."""

    kind: str
    key: str
    field: str
    before: str
    after: str
    effective: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Changes:
    """Changed objects in their new state, revisions to add, and the lines for people."""

    areas: tuple[Area, ...] = ()
    sites: tuple[Site, ...] = ()
    devices: tuple[Device, ...] = ()
    series: tuple[Series, ...] = ()
    revisions: tuple[Revision, ...] = ()
    lines: tuple[ChangeLine, ...] = field(default=())
    gateways: tuple[Gateway, ...] = ()
    groups: tuple[Group, ...] = ()
    zones: tuple[Zone, ...] = ()
    assets: tuple[Asset, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.lines)


def combine_changes(first: Changes, second: Changes) -> Changes:
    """Two consecutive changes as one."""
    merged = {
        part.name: getattr(first, part.name) + getattr(second, part.name) for part in fields(first)
    }
    return Changes(**merged)


def list_field_changes(kind: str, key: str, before: Thing | None, after: Thing) -> list[ChangeLine]:
    """One line for each changed field, or one for a new object."""
    if before is None:
        name = getattr(after, "title", None) or getattr(after, "name", None) or key
        return [
            ChangeLine(kind=kind, key=key, field="", before="", after=Message("new: {name}", name))
        ]
    return [
        ChangeLine(
            kind=kind,
            key=key,
            field=part.name,
            before=_format_field(getattr(before, part.name)),
            after=_format_field(getattr(after, part.name)),
        )
        for part in fields(after)
        if part.name != "id" and getattr(before, part.name) != getattr(after, part.name)
    ]


def _format_field(value: object) -> str:
    return "none" if value is None else format_value(value)


def revision_line(revision: Revision, before: Revision | None) -> ChangeLine:
    """A revision as a line."""
    return ChangeLine(
        kind=_FACTS.get(revision.kind, revision.kind),
        key=revision.key,
        field="",
        before="" if before is None else format_value(before.value),
        after=Message("{value} (illustrative)", format_value(revision.value))
        if revision.illustrative
        else format_value(revision.value),
        effective=None if revision.effective == EPOCH else revision.effective,
    )


def apply_changes(registry: Registry, changes: Changes) -> Registry:
    """The registry with the changes."""
    revisions = sorted(
        (*registry.revisions, *changes.revisions),
        key=lambda revision: (revision.kind, revision.key, revision.effective),
    )  # stable: of two at the same time, the later written comes last
    things = {kind: (*getattr(registry, kind).values(), *getattr(changes, kind)) for kind in KINDS}
    return make_registry(things, revisions)
