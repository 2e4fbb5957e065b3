"""Whether `clear` is the end of `when`: what can be said of two comparisons of the same thing."""

from dataclasses import dataclass

from rules._errors import RuleError
from rules._rule import Rule
from rules._tree import Arithmetic, Comparison, Node, Number, Scaled, Some

_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


@dataclass(frozen=True, kw_only=True)
class _Line:
    """A value as a sum of terms with factors, and a number."""

    terms: frozenset[tuple[Node, float]]
    number: float


def check_hysteresis(rule: Rule) -> None:
    """Whether the rule and each step end on the other side of where they begin.

    Only of comparisons that can be worked out: of one value against another, with numbers beside.

    Raises:
        RuleError: `clear` holds already where `when` does, or looks the same way.
    """
    for when, clear in ((rule.when, rule.clear), *((s.when, s.clear) for s in rule.steps)):
        if isinstance(clear, Comparison):
            for condition in when.conditions if isinstance(when, Some) else (when,):
                if isinstance(condition, Comparison):
                    _check(condition, clear)


def _check(when: Comparison, clear: Comparison) -> None:
    begins, ends = _limit(when), _limit(clear)
    if begins is None or ends is None or begins[0] != ends[0]:
        return
    _, rises, at = begins
    _, same, back = ends
    if rises == same:
        way = "above" if rises else "below"
        raise RuleError(
            clear.place,
            "clear points the same way as when: both hold {way} a limit; write it with {sign}",
            way,
            "<" if rises else ">",
        )
    over = back - at if rises else at - back
    if over > 1e-9 * max(abs(at), abs(back), 1.0):
        raise RuleError(
            clear.place,
            "clear already holds where when does: they overlap by {over:.6g}; for hysteresis, "
            "write the limit of when {margin}, or another margin",
            over,
            "- 0.10 m" if rises else "+ 0.10 m",
        )


def _limit(node: Comparison) -> tuple[frozenset[tuple[Node, float]], bool, float] | None:
    """What is compared, whether it holds above a limit, and that limit."""
    left, right = _line(node.left), _line(node.right)
    if node.operator not in _TURNED or left is None or right is None:
        return None
    difference = _sum(left, right, -1.0)
    if not difference.terms:
        return None
    # The same thing written the other way round has its first term positive too.
    sign = 1.0 if min(difference.terms, key=lambda term: repr(term[0]))[1] > 0 else -1.0
    above = node.operator.startswith(">") == (sign > 0)
    return frozenset((t, n * sign) for t, n in difference.terms), above, -difference.number * sign


def _line(node: Node) -> _Line | None:
    match node:
        case Number():
            return _Line(terms=frozenset(), number=node.value)
        case Scaled():
            inner = _line(node.operand)
            return inner and _sum(_Line(terms=frozenset(), number=node.offset), inner, node.scale)
        case Arithmetic(operator="+" | "-"):
            left, right = _line(node.left), _line(node.right)
            times = 1.0 if node.operator == "+" else -1.0
            return left and right and _sum(left, right, times)
        case Arithmetic():
            return _product(node)
    return _Line(terms=frozenset({(node, 1.0)}), number=0.0)


def _product(node: Arithmetic) -> _Line | None:
    """A number times something; all else is not worked out."""
    if node.operator != "*":
        return None
    for factor, other in ((node.left, node.right), (node.right, node.left)):
        inner = _line(other)
        if isinstance(factor, Number) and inner is not None:
            return _sum(_Line(terms=frozenset(), number=0.0), inner, factor.value)
    return None


def _sum(line: _Line, other: _Line, times: float) -> _Line:
    terms = dict(line.terms)
    for node, count in other.terms:
        terms[node] = terms.get(node, 0.0) + times * count
    return _Line(
        terms=frozenset((node, count) for node, count in terms.items() if count),
        number=line.number + times * other.number,
    )
