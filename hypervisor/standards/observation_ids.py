"""Ids of Observations, which no table has: `<Datastream>@<time>`, as comparisons of columns."""

from hypervisor.standards.expressions import parse_time
from hypervisor.standards.model import Expression, Literal, Negation, Operation, Path, QueryError

_NAMES = ("id", "@iot.id")
_NOTHING = Literal(value=False)


def is_id(path: Path) -> bool:
    """Whether a property of an Observation is its id."""
    return len(path.steps) == 1 and path.steps[0] in _NAMES


def explain_id(expression: Expression) -> Expression | None:
    """What `id eq '…'` or `id ne '…'` says of an Observation; None: it is another comparison."""
    match expression:
        case Operation(
            operator="eq" | "ne" as operator, left=Path() as path, right=Literal(value=str(text))
        ) if is_id(path):
            pass
        case Operation(
            operator="eq" | "ne" as operator, left=Literal(value=str(text)), right=Path() as path
        ) if is_id(path):
            pass
        case _:
            return None
    datastream, conditions = split_id(text)
    tree: Expression = _NOTHING
    if datastream is not None and conditions is not None:
        origin = Operation("eq", Path(("Datastream", "id")), Literal(datastream))
        tree = Operation("and", origin, conditions)
    return Negation(tree) if operator == "ne" else tree


def split_id(text: str) -> tuple[str | None, Expression | None]:
    """The Datastream of an id, and what holds of the Observation there; None: it is no id.

    Of a reading `<Datastream>@<time>`, of a forecast `<Datastream>@<issued>+<horizon in s>`.
    """
    datastream, _, when = text.rpartition("@")
    issued, plus, horizon = when.partition("+")
    try:
        at = Literal(parse_time(issued))
    except QueryError:
        return None, None
    if not plus:
        return datastream, Operation("eq", Path(("phenomenonTime",)), at)
    if not horizon.isdecimal() or len(horizon) > 9:
        return None, None
    return datastream, Operation(
        "and",
        Operation("eq", Path(("resultTime",)), at),
        Operation("eq", Path(("horizon",)), Literal(float(horizon))),
    )
