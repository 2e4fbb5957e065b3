"""Two revisions side by side, by number or `shipped`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hypervisor.evaluation import pack_revisions
from hypervisor.registry.formatting import describe_revision, format_value
from hypervisor.registry.queries_revisions import RecordedRevision
from hypervisor.rulebook.differences import Difference, list_differences
from hypervisor.rulebook.service import TO_SHIPPED, find_revision
from hypervisor.rulebook.timeline import latest
from rules._pack import Pack


@dataclass(frozen=True, kw_only=True)
class Side:
    """A revision's value and its display name."""

    name: str
    value: Mapping[str, Any] | None


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two revisions to compare."""

    before: Side
    after: Side
    threshold: bool = False

    @property
    def differences(self) -> list[Difference]:
        if self.threshold:
            old, new = format_value(self.before.value), format_value(self.after.value)
            return [] if old == new else [Difference(where="value", before=old, after=new)]
        return list_differences(self.before.value, self.after.value)


def compare_revisions(
    key: str,
    revisions: Sequence[RecordedRevision],
    before: str,
    after: str,
    *,
    packs: Callable[[], Sequence[Pack]],
) -> Pair:
    """Revisions by number, or `shipped`; empty: the latest, and the one recorded before it.

    Raises:
        UnknownError: the key has no such revision.
    """
    last = latest(revisions)
    new = _side(key, revisions, after, packs) if after else _side_of(last)
    if before:
        old = _side(key, revisions, before, packs)
    else:
        earlier = [recorded for recorded in revisions if recorded.id < last.id]
        old = _side_of(latest(earlier)) if earlier else Side(name="nothing", value=None)
    return Pair(before=old, after=new, threshold=last.kind == "threshold")


def _side(
    key: str, revisions: Sequence[RecordedRevision], name: str, packs: Callable[[], Sequence[Pack]]
) -> Side:
    if name == TO_SHIPPED:
        return Side(
            name="what this version's pack says", value=pack_revisions.value_of(key, packs())
        )
    return _side_of(find_revision(key, revisions, name))


def _side_of(revision: RecordedRevision) -> Side:
    return Side(name=describe_revision(revision), value=revision.value)
