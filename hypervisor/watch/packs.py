"""The rule packs that came with this version, recorded as revisions when they say something new."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from hypervisor.instants import BEGINNING, moment
from hypervisor.registry.changes import Changes
from hypervisor.registry.model import Revision
from hypervisor.store import registry, rules
from hypervisor.store.connect import Connection
from rules._pack import Pack


def record(connection: Connection, packs: Iterable[Pack], *, now: datetime | None) -> list[str]:
    """Add a revision for each rule whose pack changed since it was last recorded; return their ids.

    What an author revised meanwhile stays, until the pack itself says something new.
    """
    with connection.transaction():
        registry.lock(connection)
        found = revisions(rules.last_of_packs(connection), packs, now=now)
        if found:
            registry.write(connection, Changes(revisions=tuple(found)))
    return [revision.key for revision in found]


def revisions(
    before: Mapping[str, Any], packs: Iterable[Pack], *, now: datetime | None
) -> list[Revision]:
    """The revisions that packs ask for: a first one holds from the beginning, a later one from now.

    `before`: what each rule's pack last said, None for a withdrawn one. `now` None: nothing was
    heard yet, so that every time lies ahead.
    """
    present: dict[str, Any] = {rule.id: rule.to_json() for pack in packs for rule in pack.rules}
    found = []
    for key in sorted(before.keys() | present.keys()):
        if before.get(key) == present.get(key):
            continue
        first = key not in before or now is None
        found.append(
            Revision(
                kind="rule",
                key=key,
                value=present.get(key),
                effective=moment(BEGINNING) if first else now or moment(BEGINNING),
                author=rules.PACK,
                reason=_reason(key, before, present),
            )
        )
    return found


def _reason(key: str, before: Mapping[str, Any], present: Mapping[str, Any]) -> str:
    if key not in present:
        return "its pack no longer holds it"
    return "first recorded from its pack" if before.get(key) is None else "its pack changed"
