"""Match the alarms found with those recorded: what happens to the ones that people saw."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from rules._journal import Episode


class ChangeKind(StrEnum):
    """What became of an alarm."""

    RAISED = "raised"  # new, and lasts
    RETROSPECTIVE = "retrospective"  # new, and over before it was noticed
    PROGRESSED = "progressed"  # the recorded past stands; the alarm went on (ended, step, stale)
    REVISED = "revised"  # its recorded past changed
    MERGED = "merged"  # gone into an earlier alarm, named by `into`
    SPLIT = "split"  # new: a later piece of a recorded alarm, named by `into`
    WITHDRAWN = "withdrawn"  # it never was


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """An alarm as recorded. `identity` is the store's."""

    identity: int
    episode: Episode
    acknowledged: bool = False


@dataclass(frozen=True, kw_only=True)
class Change:
    """One alarm that must be written. Alarms recorded as found give none.

    `identity`: the recorded alarm that is meant; None: a new one. `episode`: as it now is; None
    when merged or withdrawn. `before`: as it was recorded. `into`: for MERGED the identity that
    goes on, for SPLIT the one it was a piece of. `acknowledged`: what the alarm now is — merged:
    only if all were; new pieces: not.
    """

    kind: ChangeKind
    identity: int | None
    episode: Episode | None
    before: Episode | None = None
    into: int | None = None
    acknowledged: bool = False


def reconcile(
    recorded: Sequence[Recorded], found: Sequence[Episode], *, judged: int | None = None
) -> list[Change]:
    """Changes that make the recorded alarms of one rule and subject those found.

    Matched by overlap of [began, ended). `judged`: the time up to which the recorded ones were
    judged: an episode whose past up to there is as recorded has PROGRESSED rather than been
    REVISED. Without it every difference is a revision. `recorded` need only hold those that
    reach into the span judged again; `found` those of the same span.
    """
    raise NotImplementedError
