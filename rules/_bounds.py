"""How large what an author writes may be, so that no accepted rule costs the others their turn."""

from collections.abc import Sized

from rules._errors import RuleError
from rules._tree import Call, Node
from sensors._errors import Place

_LARGEST = 1e15  # of a number as written and as converted; sums are exact up to 9e9
_SMALLEST = 1e-12
EXPRESSION = 10_000  # characters of one expression
CALLS = 30  # functions of one expression: a person writes ten, and each is computed at each reading
_DEPTH = 100  # nodes of an expression above one another
TESTS = 50  # of one rule
STEPS = 10  # of one rule; those of a pack climb, so that they are three at most
READINGS = 2_000  # of one test, all its series and members together
MEMBERS = 500  # of one test


def read_number(text: str, place: Place) -> float:
    """A number out of its text.

    Raises:
        RuleError: as `bounded_number`; also where a float cannot tell it from 0.
    """
    value = float(text)
    mantissa = text.lower().partition("e")[0]
    if value == 0 and mantissa.strip("+-.0"):
        raise RuleError(
            place, "{text} is too small; the smallest number other than 0 is 1e-12", text
        )
    return bounded_number(value, text, place)


def bounded_number(value: float, text: str, place: Place) -> float:
    """A number that the engine can count with.

    Raises:
        RuleError: its size is beyond 1e15, or below 1e-12 and not zero.
    """
    if not abs(value) <= _LARGEST:
        raise RuleError(place, "{text} is too large; a number lies between -1e15 and 1e15", text)
    if 0 < abs(value) < _SMALLEST:
        raise RuleError(
            place, "{text} is too small; the smallest number other than 0 is 1e-12", text
        )
    return value


def bounded_size(what: Sized, most: int, kind: str, place: Place) -> None:
    """A text or a list of a bearable size.

    Raises:
        RuleError: it is larger than `most`; `kind` names what it holds.
    """
    if len(what) > most:
        raise RuleError(place, "{count} {kind}; expected at most {most}", len(what), kind, most)


def bounded_tree(node: Node) -> Node:
    """An expression that can be walked down to its leaves, and computed in time.

    Raises:
        RuleError: its operators stand too deep inside one another, or it has too many functions.
    """
    level, depth, calls = [node], 0, 0
    while level:
        depth += 1
        for call in (part for part in level if isinstance(part, Call)):
            calls += 1
            if calls > CALLS:
                raise RuleError(call.place, "more than {count} functions in one expression", CALLS)
        if depth > _DEPTH:
            raise RuleError(
                level[0].place,
                "more than {depth} nested operators; shorten the expression",
                _DEPTH,
            )
        level = [part for node in level for part in node.parts]
    return node
