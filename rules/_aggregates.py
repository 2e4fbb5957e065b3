"""What a condition asks of others than its subject: a group's members, the sites upstream."""

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from rules._axis import Index, merged
from rules._block import Block, Members
from rules._change_points import judged, names_of, seen
from rules._functions import FUNCTIONS
from rules._inputs import Instants
from rules._interval import LEFT_OUT, UNKNOWN, Interval, Mask, Truths, truths, where_known
from rules._rule import ahead_of
from rules._sight import Sight
from rules._tally import Sums, amounts, answers, total
from rules._tree import Call, Name, Node, walk


class Asking(Protocol):
    """The view of subjects, as far as others are asked from it: the same is evaluated of these.

    `sight`, `keys`, `block`: its rows, their keys, and whose they are. `since`: from when on what
    is observed counts; None: all that is known does.
    """

    sight: Sight
    keys: Instants
    block: Block
    since: Instants | None

    def truth(self, node: Node) -> Truths:
        """The truth of a condition at each key."""

    def value(self, node: Node) -> Interval:
        """The value of a part of a condition at each key."""

    def elsewhere(self, block: Block, keys: Instants, rows: Index, shift: Instants) -> "Asking":
        """The view of others, at keys that stand for these rows."""


SumsOf = Callable[[Asking], Sums]


def share(view: Asking, node: Call) -> Interval:
    """Of the members in service, those for which it is true, and those for which it may be."""
    (condition,) = node.arguments
    sums = _summed(view, node, 3, lambda own: answers(_says(own, condition)))
    size = sums.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        lo, hi = sums[:, 2] / size, (sums[:, 2] + sums[:, 1]) / size
    return where_known(size > 0, Interval(lo, hi))


def totalled(view: Asking, node: Call) -> Interval:
    """The sum over the members in service; of what is never negative at least what is known."""
    (inner,) = node.arguments
    return total(_summed(view, node, 5, lambda own: _amounts(own, inner)))


def upstream(view: Asking, node: Call) -> Interval:
    """The greatest of what arrives from the sites upstream that are in service."""
    sites = view.block.upstream(ahead_of(node))
    inner = node.arguments[0]
    size = len(view.keys)
    lo, hi = np.full(size, -np.inf), np.full(size, -np.inf)
    if sites is None:
        return Interval(lo, np.full(size, np.inf))
    for part, rows, keys in sites.spread(view.keys, view.sight.owners):
        own = _elsewhere(view, sites, part, rows, keys)
        value = own.value(inner)
        saying = _saying(own, inner)
        np.maximum.at(lo, rows[saying] + part.start, value.lo[saying])
        np.maximum.at(hi, rows[saying] + part.start, value.hi[saying])
    # Where no site has a say the greatest is the least of all: that is not known at all.
    return Interval(lo, np.where(hi == -np.inf, np.inf, hi))


def any_upstream(view: Asking, node: Call) -> Truths:
    """Whether it is so at one of the sites upstream; of none in service that is not known."""
    sites = view.block.upstream(ahead_of(node))
    condition = node.arguments[0]
    result = np.full(len(view.keys), -1, dtype=np.int8)
    if sites is None:
        return np.full(len(view.keys), UNKNOWN)
    for part, rows, keys in sites.spread(view.keys, view.sight.owners):
        own = _elsewhere(view, sites, part, rows, keys)
        says = _says(own, condition)
        np.maximum.at(result, rows + part.start, np.where(says == LEFT_OUT, np.int8(-1), says))
    return np.where(result < 0, UNKNOWN, result)


BY_NAME: dict[str, Callable[[Asking, Call], Interval]] = {
    "share": share,
    "total": totalled,
    "upstream": upstream,
}


def members_unknown(view: Asking, members: Members, inside: Sequence[Node]) -> Mask:
    """Where a series of a member that these nodes name is not known."""
    words = names_of(inside)
    block = members.block

    def unknown() -> tuple[Instants, Sums]:
        keys = merged([*judged(inside, block, silence=False), members.axis.origins()])
        sight = Sight(block, keys, silence=False)
        unknown_rows = np.any([sight.unknown(block.track(word)) for word in words], axis=0)
        return keys, answers(truths(unknown_rows))

    tally = members.tally(tuple(words), unknown)
    return np.asarray(tally.sums(view.keys, view.sight.owners)[:, 2] > 0)


def _summed(view: Asking, node: Call, columns: int, sums_of: SumsOf) -> Sums:
    """What the members of each row's group add up to."""
    members = view.block.members
    if members is None:
        return np.zeros((len(view.keys), columns), dtype=np.int64)
    silence = view.sight.silence
    if view.since is None:

        def everywhen() -> tuple[Instants, Sums]:
            inside = [part for argument in node.arguments for part in walk(argument)]
            keys = merged([*seen(inside, members.block, silence=silence), members.axis.origins()])
            rows = np.zeros(len(keys), dtype=np.intp)
            return keys, sums_of(view.elsewhere(members.block, keys, rows, keys))

        return members.tally((node, silence), everywhen).sums(view.keys, view.sight.owners)
    # What is observed depends on the run of the group: each member is asked at each key.
    sums = np.zeros((len(view.keys), columns), dtype=np.int64)
    for part, rows, keys in members.spread(view.keys, view.sight.owners):
        part_sums = sums_of(_elsewhere(view, members, part, rows, keys))
        np.add.at(sums, rows + part.start, part_sums)
    return sums


def _elsewhere(view: Asking, members: Members, part: slice, rows: Index, keys: Instants) -> Asking:
    """The view of members, each at the key that stands for its row of this part."""
    of_rows = rows + part.start
    return view.elsewhere(members.block, keys, of_rows, keys - view.keys[of_rows])


def _says(own: Asking, condition: Node) -> Truths:
    """What each member says; one that lacks a series has no say."""
    return np.where(_present(own, condition), own.truth(condition), LEFT_OUT)


def _amounts(own: Asking, inner: Node) -> Sums:
    value = own.value(inner)
    bounded = _never_negative(own, inner)
    lo = np.where(bounded, np.maximum(value.lo, 0.0), value.lo)
    return amounts(Interval(lo, value.hi), _saying(own, inner))


def _saying(own: Asking, inner: Node) -> Mask:
    """Which members have a say: they have all its series, and these are in service."""
    saying = _present(own, inner)
    for name in names_of(walk(inner)):
        idle = own.sight.idle(own.block.track(name))
        if idle is not None:
            saying &= ~idle
    return saying


def _present(own: Asking, inner: Node) -> Mask:
    ones = np.ones(len(own.keys), dtype=np.bool_)
    for name in names_of(walk(inner)):
        ones &= own.block.track(name).present[own.sight.owners]
    return ones


def _never_negative(own: Asking, inner: Node) -> Mask:
    """Where a value cannot be below nothing, so that what is known of a sum bounds it."""
    if isinstance(inner, Call) and not FUNCTIONS[inner.function].may_be_negative:
        inner = inner.arguments[0]
    if isinstance(inner, Name):
        return np.asarray(own.block.track(inner.name).nonnegative[own.sight.owners])
    return np.zeros(len(own.keys), dtype=np.bool_)
