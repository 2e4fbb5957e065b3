"""Two revisions side by side, by the names that a person gives them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hypervisor.evaluation import shipped
from hypervisor.registry.formatting import describe_revision, format_value
from hypervisor.registry.queries_revisions import RecordedRevision
from hypervisor.rulebook.differing import Difference, differences
from hypervisor.rulebook.service import TO_SHIPPED, latest, numbered
from rules._pack import Pack


@dataclass(frozen=True, kw_only=True)
class Side:
    """What one side says, and what it is called."""

    name: str
    value: Mapping[str, Any] | None


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two sides."""

    before: Side
    after: Side
    threshold: bool = False

    @property
    def differences(self) -> list[Difference]:
        if self.threshold:
            old, new = format_value(self.before.value), format_value(self.after.value)
            return [] if old == new else [Difference(where="value", before=old, after=new)]
        return differences(self.before.value, self.after.value)


def pair(
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
    new = _side(key, revisions, after, packs) if after else _of(last)
    if before:
        old = _side(key, revisions, before, packs)
    else:
        earlier = [recorded for recorded in revisions if recorded.id < last.id]
        old = _of(latest(earlier)) if earlier else Side(name="nothing", value=None)
    return Pair(before=old, after=new, threshold=last.kind == "threshold")


def _side(
    key: str, revisions: Sequence[RecordedRevision], said: str, packs: Callable[[], Sequence[Pack]]
) -> Side:
    if said == TO_SHIPPED:
        return Side(name="what this version's pack says", value=shipped.value_of(key, packs()))
    return _of(numbered(key, revisions, said))


def _of(revision: RecordedRevision) -> Side:
    return Side(name=describe_revision(revision), value=revision.value)
