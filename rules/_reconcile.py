"""Match the alarms found with those recorded: what happens to the ones that people saw."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from rules._rule_state import Episode


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
    recorded: Sequence[Recorded], episodes: Sequence[Episode], *, judged: int | None = None
) -> list[Change]:
    """Changes that make the recorded alarms of one rule and subject those found.

    Matched by overlap of [began, ended). `judged`: the time up to which the recorded ones were
    judged: an episode whose past up to there is as recorded has PROGRESSED rather than been
    REVISED. Without it every difference is a revision. `recorded` need only hold those that
    reach into the span judged again; `found` those of the same span.
    """
    changes: list[Change] = []
    free = sorted(recorded, key=lambda alarm: alarm.episode.began)
    pieces = sorted(episodes, key=lambda episode: episode.began)
    for number, episode in enumerate(pieces):
        mine = [alarm for alarm in free if _overlap(alarm.episode, episode)]
        if not mine:
            changes.append(_new(recorded, episode))
            continue
        # A recorded alarm that reaches into a later piece goes on there.
        rest = pieces[number + 1 :]
        gone = [a for a in mine[1:] if not any(_overlap(a.episode, piece) for piece in rest)]
        changes += _kept(mine[0], gone, episode, judged)
        for alarm in (mine[0], *gone):
            free.remove(alarm)
    changes += [
        Change(
            kind=ChangeKind.WITHDRAWN,
            identity=alarm.identity,
            episode=None,
            before=alarm.episode,
            acknowledged=alarm.acknowledged,
        )
        for alarm in free
    ]
    return changes


def _new(recorded: Sequence[Recorded], episode: Episode) -> Change:
    """An alarm that was not recorded; a later piece of one that was, if it overlaps it."""
    covering = next((a for a in recorded if _overlap(a.episode, episode)), None)
    if covering is not None:
        into = covering.identity
        return Change(kind=ChangeKind.SPLIT, identity=None, episode=episode, into=into)
    kind = ChangeKind.RAISED if episode.ended is None else ChangeKind.RETROSPECTIVE
    return Change(kind=kind, identity=None, episode=episode)


def _kept(
    alarm: Recorded, gone: Sequence[Recorded], episode: Episode, judged: int | None
) -> list[Change]:
    """The alarm goes on as `episode`, and those `gone` into it with it."""
    changes = [
        Change(
            kind=ChangeKind.MERGED,
            identity=other.identity,
            episode=None,
            before=other.episode,
            into=alarm.identity,
            acknowledged=other.acknowledged,
        )
        for other in gone
    ]
    if gone or alarm.episode != episode:
        progressed = not gone and judged is not None and _same_past(alarm.episode, episode, judged)
        change = Change(
            kind=ChangeKind.PROGRESSED if progressed else ChangeKind.REVISED,
            identity=alarm.identity,
            episode=episode,
            before=alarm.episode,
            acknowledged=all(recorded.acknowledged for recorded in (alarm, *gone)),
        )
        changes.insert(0, change)
    return changes


def _overlap(first: Episode, other: Episode) -> bool:
    return (first.ended is None or other.began < first.ended) and (
        other.ended is None or first.began < other.ended
    )


def _same_past(recorded: Episode, episode: Episode, judged: int) -> bool:
    return _until(recorded, judged) == _until(episode, judged)


def _until(episode: Episode, judged: int) -> Episode:
    """The episode as one saw it who had judged up to then."""
    lasting = episode.ended is not None and episode.ended > judged
    return replace(
        episode,
        ended=None if lasting else episode.ended,
        reason=None if lasting else episode.reason,
        severity=tuple(step for step in episode.severity if step[0] <= judged),
        # A span is seen just after it begins, when the stale limit is over.
        stale=tuple(
            (begins, None if ends is None or ends > judged else ends)
            for begins, ends in episode.stale
            if begins < judged
        ),
    )
