"""Filters and orders of SensorThings as SQL conditions on a table `t`."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import LiteralString

from psycopg import sql

from hypervisor.standards.model import (
    Call,
    Expression,
    Geometry,
    Interval,
    Literal,
    Negation,
    Operation,
    Path,
    QueryError,
)
from hypervisor.standards.observation_ids import explain_id, is_id
from hypervisor.standards.queries_entities import ENTITY_SETS, EntitySet, Relation
from hypervisor.standards.queries_places import (
    DISTANCES,
    LENGTHS,
    RELATIONS,
    Term,
    compile_distance,
    compile_geometry,
    compile_length,
    compile_relation,
)

_COMPARISONS: Mapping[str, LiteralString] = {
    "eq": "=", "ne": "<>", "gt": ">", "ge": ">=", "lt": "<", "le": "<=",
}  # fmt: skip
_ARITHMETIC: Mapping[str, LiteralString] = {"add": "+", "sub": "-", "mul": "*"}


@dataclass(frozen=True)
class _Function:
    """What it takes and gives; `{0}` and `{1}` are its arguments."""

    takes: tuple[str, ...]
    gives: str
    sql: LiteralString


_FUNCTIONS: Mapping[str, _Function] = {
    "substringof": _Function(("text", "text"), "truth", "strpos({1}, {0}) > 0"),
    "contains": _Function(("text", "text"), "truth", "strpos({0}, {1}) > 0"),
    "startswith": _Function(("text", "text"), "truth", "starts_with({0}, {1})"),
    "endswith": _Function(("text", "text"), "truth", "right({0}, length({1})) = {1}"),
    "length": _Function(("text",), "number", "length({0})::float8"),
    "indexof": _Function(("text", "text"), "number", "(strpos({0}, {1}) - 1)::float8"),
    "tolower": _Function(("text",), "text", "lower({0})"),
    "toupper": _Function(("text",), "text", "upper({0})"),
    "trim": _Function(("text",), "text", "btrim({0})"),
    "concat": _Function(("text", "text"), "text", "({0} || {1})"),
    **{
        part: _Function(("time",), "number", f"extract({part} FROM {{0}})::float8")
        for part in ("year", "month", "day", "hour", "minute")
    },
    "second": _Function(("time",), "number", "floor(extract(second FROM {0}))::float8"),
    "fractionalseconds": _Function(("time",), "number", "(extract(second FROM {0}) % 1)::float8"),
    "date": _Function(("time",), "time", "date_trunc('day', {0})"),
    "time": _Function(("time",), "clock", "({0} AT TIME ZONE 'UTC')::time"),
    "totaloffsetminutes": _Function(("time",), "number", "CASE WHEN {0} IS NOT NULL THEN 0 END"),
    "now": _Function((), "time", "now()"),
    "mindatetime": _Function((), "time", "'-infinity'::timestamptz"),
    "maxdatetime": _Function((), "time", "'infinity'::timestamptz"),
    "round": _Function(("number",), "number", "round({0}::numeric)::float8"),
    "floor": _Function(("number",), "number", "floor({0})"),
    "ceiling": _Function(("number",), "number", "ceil({0})"),
    "before": _Function(("time", "time"), "truth", "{0} < {1}"),
    "after": _Function(("time", "time"), "truth", "{0} > {1}"),
}
_NEVER_NULL = frozenset({"id", "name", "time", "phenomenonTime", "resultTime"})
_PARAMETERS = {"parameters/suspect": "suspect", "parameters/receivedAt": "received_at"}
_IN_PARTS = ("resultQuality", "parameters")  # of an Observation: known by these parts alone
_DURING = ("during", "overlaps")


def compile_condition(expression: Expression, entity: EntitySet) -> sql.Composable:
    """A condition on `t`, a row of the entity set.

    Raises QueryError: a property is unknown, or a comparison has no meaning.
    """
    match expression:
        case Operation(operator="and" | "or" as operator, left=left, right=right):
            parts = (compile_condition(left, entity), compile_condition(right, entity))
            joiner = sql.SQL(" AND ") if operator == "and" else sql.SQL(" OR ")
            return sql.SQL("({})").format(joiner.join(parts))
        case Negation(operand=operand):
            return sql.SQL("({}) IS NOT TRUE").format(compile_condition(operand, entity))
    if entity.name == "Observations" and (explained := explain_id(expression)) is not None:
        return compile_condition(explained, entity)
    step = _first_relation(expression, entity)
    if step is not None:
        return _related(entity.relations[step], _strip(expression, step), entity)
    term = _compile(expression, entity)
    return _as(term, "truth", "a filter").sql


def compile_property(path: Path, entity: EntitySet) -> Term:
    """A property of `t`, or a part of one that is JSON.

    Raises QueryError: there is none.
    """
    name, *inner = path.steps
    name = {"@iot.id": "id"}.get(name, name)
    if entity.name == "Observations" and name in _IN_PARTS:
        name, inner = _PARAMETERS.get("/".join([name, *inner]), ""), []
    kinds = {**entity.properties, **entity.hidden}
    kind = kinds.get(name)
    if entity.name == "Observations" and is_id(path):
        raise QueryError("{path} of an Observation is known to eq, ne and in only", str(path))
    if kind is None:
        raise QueryError(
            "{path} is no property of {entity} that filters and orders know: expected {names}",
            str(path),
            entity.name,
            ", ".join(_list_filters(entity)),
        )
    column = sql.Identifier("t", name)
    if kind in {"json", "point"} and inner:
        return Term(sql.SQL("({} #> {})").format(column, sql.Literal(inner)), "json")
    if inner:
        raise QueryError("{path}: {name} has no parts", str(path), name)
    if kind == "point":
        return Term(sql.SQL("point(t.lon, t.lat)"), "place")
    return Term(column, kind, nullable=name not in _NEVER_NULL)


def _list_filters(entity: EntitySet) -> Iterable[str]:
    if entity.name != "Observations":
        return entity.properties
    return [*(name for name in entity.properties if name not in _IN_PARTS), *_PARAMETERS]


def _first_relation(expression: Expression, entity: EntitySet) -> str | None:
    steps = {path.steps[0] for path in _paths(expression) if len(path.steps) > 1}
    related = steps & entity.relations.keys()
    if len(related) > 1 or (related and len(steps) > 1):
        raise QueryError("$filter: a comparison may name properties of one related entity only")
    return next(iter(related), None)


def _paths(expression: Expression) -> Iterator[Path]:
    match expression:
        case Path():
            yield expression
        case Operation(left=left, right=right):
            yield from _paths(left)
            yield from _paths(right)
        case Call(arguments=arguments):
            for argument in arguments:
                yield from _paths(argument)
        case Negation(operand=operand):
            yield from _paths(operand)


def _strip(expression: Expression, step: str) -> Expression:
    """The same as the related entity sees it."""
    match expression:
        case Path(steps=(first, *rest)):
            if first != step:
                raise QueryError("$filter: {path} stands beside {step}/…", str(expression), step)
            return Path(tuple(rest))
        case Operation(operator=operator, left=left, right=right):
            return Operation(operator, _strip(left, step), _strip(right, step))
        case Call(name=name, arguments=arguments):
            return Call(name, tuple(_strip(argument, step) for argument in arguments))
    return expression


def _related(relation: Relation, inner: Expression, entity: EntitySet) -> sql.Composable:
    target = ENTITY_SETS[relation.target]
    return is_related(relation, entity, compile_condition(inner, target))


def is_related(relation: Relation, entity: EntitySet, condition: sql.Composable) -> sql.Composable:
    """A row of the set has a related entity for which the condition holds."""
    target = ENTITY_SETS[relation.target]
    local = sql.SQL(", ").join(sql.Identifier("t", name) for name in relation.local)
    remote = sql.SQL(", ").join(sql.Identifier("t", name) for name in relation.remote)
    chosen = sql.SQL("SELECT {} FROM {} t WHERE {}").format(
        remote, sql.SQL(target.source), condition
    )
    if entity.name == "Observations" and len(relation.local) == 1:  # found by the index
        return sql.SQL("{} = ANY (ARRAY ({}))").format(local, chosen)
    return sql.SQL("({}) IN ({})").format(local, chosen)


def _compile(expression: Expression, entity: EntitySet) -> Term:
    match expression:
        case Literal(value=value):
            return _compile_literal(value)
        case Path():
            return compile_property(expression, entity)
        case Call():
            return _compile_call(expression, entity)
        case Operation(operator=operator, left=left, right=right):
            terms = _compile(left, entity), _compile(right, entity)
            if operator in _COMPARISONS:
                return _compare(operator, *terms)
            return _calculate(operator, *terms)
    return Term(compile_condition(expression, entity), "truth")


def _compile_literal(value: object) -> Term:  # noqa: PLR0911  one a kind of value
    match value:
        case None:
            return Term(sql.SQL("NULL"), "null")
        case bool():
            return Term(sql.Literal(value), "truth")
        case float():
            return Term(sql.SQL("{}::float8").format(sql.Literal(value)), "number")
        case str():
            return Term(sql.SQL("{}::text").format(sql.Literal(value)), "text")
        case datetime():
            return Term(sql.SQL("{}::timestamptz").format(sql.Literal(value)), "time")
        case time():
            return Term(sql.SQL("{}::time").format(sql.Literal(value)), "clock")
        case timedelta():
            return Term(sql.SQL("{}::interval").format(sql.Literal(value)), "duration")
        case Geometry():
            return compile_geometry(value)
        case Interval():
            return Term(
                sql.SQL("tstzrange({}, {}, '[]')").format(
                    sql.Literal(min(value.begin, value.end)), sql.Literal(value.end)
                ),
                "interval",
            )
    raise QueryError("$filter: {value!r} is no value", str(value))


def _compile_call(call: Call, entity: EntitySet) -> Term:
    if call.name == "totaloffsetminutes" and (offset := _find_offset(call)) is not None:
        return _compile_literal(offset)
    terms = [_compile(argument, entity) for argument in call.arguments]
    if call.name in {*RELATIONS, *DISTANCES, *LENGTHS}:
        return _compile_spatial(call, terms)
    if call.name in _DURING and len(terms) == 2 and terms[1].kind == "interval":
        time = _as(terms[0], "time", call.name)
        return Term(sql.SQL("{} <@ {}").format(time.sql, terms[1].sql), "truth")
    if call.name == "substring" and len(terms) in {2, 3}:
        text, *bounds = terms
        numbers = [_as(bound, "number", call.name).sql for bound in bounds]
        begin = sql.SQL("greatest({}, 0)::int + 1").format(numbers[0])
        length = [sql.SQL("greatest({}, 0)::int").format(each) for each in numbers[1:]]
        arguments = sql.SQL(", ").join([_as(text, "text", call.name).sql, begin, *length])
        return Term(sql.SQL("substr({})").format(arguments), "text")
    function = _FUNCTIONS.get(call.name)
    if function is None:
        names = ", ".join([*_FUNCTIONS, "substring", *_DURING, *RELATIONS, *DISTANCES, *LENGTHS])
        raise QueryError("{name}(): not offered; these are: {names}", call.name, names)
    if len(terms) != len(function.takes):
        raise QueryError(
            "{name}(): takes {expected} values, not {given}",
            call.name,
            len(function.takes),
            len(terms),
        )
    values = [_as(*pair, call.name).sql for pair in zip(terms, function.takes, strict=True)]
    return Term(sql.SQL(function.sql).format(*values), function.gives)


def _find_offset(call: Call) -> float | None:
    """The offset of a literal time in minutes; stored times have none, they are in UTC."""
    match call.arguments:
        case (Literal(value=datetime() as at),):
            return (at.utcoffset() or timedelta()) / timedelta(minutes=1)
    return None


def _compile_spatial(call: Call, terms: list[Term]) -> Term:
    number = RELATIONS.get(call.name, 1 if call.name in LENGTHS else 2)
    if len(terms) != number:
        raise QueryError(
            "{name}(): takes {expected} values, not {given}", call.name, number, len(terms)
        )
    if call.name in LENGTHS:
        return compile_length(call.name, terms[0])
    if call.name in DISTANCES:
        return compile_distance(call.name, *terms)
    pattern = None
    if number == 3:
        match call.arguments[2]:
            case Literal(value=str(text)):
                pattern = text
            case _:
                raise QueryError("{name}(): its third value is a text of nine signs", call.name)
    return compile_relation(call.name, terms[0], terms[1], pattern)


def _compare(operator: str, left: Term, right: Term) -> Term:
    if "null" in {left.kind, right.kind}:
        if operator not in {"eq", "ne"}:
            raise QueryError("$filter: null is only eq or ne")
        term = left if right.kind == "null" else right
        words = sql.SQL("({} IS NULL)" if operator == "eq" else "({} IS NOT NULL)")
        return Term(words.format(term.sql), "truth")
    if left.kind == "json" != right.kind:
        left = _as(left, right.kind, operator)
    elif right.kind == "json" != left.kind:
        right = _as(right, left.kind, operator)
    if left.kind != right.kind or left.kind in {
        *("point", "line", "polygon", "place", "span", "interval"),
    }:
        raise QueryError(
            "$filter: {operator} cannot compare {left} with {right}",
            operator,
            left.kind,
            right.kind,
        )
    if operator == "ne":
        return Term(sql.SQL("({} IS DISTINCT FROM {})").format(left.sql, right.sql), "truth")
    comparison = sql.SQL(_COMPARISONS[operator])
    return Term(sql.SQL("({} {} {})").format(left.sql, comparison, right.sql), "truth")


def _calculate(operator: str, left: Term, right: Term) -> Term:
    kinds = (left.kind, right.kind)
    if operator in {"add", "sub"} and kinds == ("time", "duration"):
        words = sql.SQL(_ARITHMETIC[operator])
        return Term(sql.SQL("({} {} {})").format(left.sql, words, right.sql), "time")
    if operator == "sub" and kinds == ("time", "time"):
        return Term(sql.SQL("({} - {})").format(left.sql, right.sql), "duration")
    numbers = [_as(term, "number", operator).sql for term in (left, right)]
    if operator == "div":
        return Term(sql.SQL("({} / nullif({}, 0))").format(*numbers), "number")
    if operator == "mod":
        template = sql.SQL("mod({}::numeric, nullif({}, 0)::numeric)::float8")
        return Term(template.format(*numbers), "number")
    words = sql.SQL(_ARITHMETIC[operator])
    return Term(sql.SQL("({} {} {})").format(numbers[0], words, numbers[1]), "number")


_OF_JSON: Mapping[str, LiteralString] = {
    "text": "({} #>> '{{}}')",
    "number": "CASE WHEN jsonb_typeof({0}) = 'number' THEN ({0})::float8 END",
    "truth": "CASE WHEN jsonb_typeof({0}) = 'boolean' THEN ({0})::boolean END",
    "time": "CASE WHEN {0} #>> '{{}}' ~ '^\\d{{4}}-\\d\\d-\\d\\dT[\\d:.]+(Z|[+-][\\d:]+)$'"
    " THEN ({0} #>> '{{}}')::timestamptz END",
}


def _as(term: Term, kind: str, what: str) -> Term:
    """The term as a value of this kind.

    Raises QueryError: it is of another.
    """
    if term.kind == kind:
        return term
    if term.kind == "json" and kind in _OF_JSON:
        return Term(sql.SQL(_OF_JSON[kind]).format(term.sql), kind)
    raise QueryError("{what} takes a {expected}, not a {given}", what, kind, term.kind)
