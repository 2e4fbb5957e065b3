"""Pages of entity sets, and what is related to the entities of a page: one query a step."""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from psycopg import Cursor, sql
from psycopg.rows import dict_row
from psycopg.types.json import set_json_loads

from hypervisor.database.connect import Connection
from hypervisor.standards.model import QueryError
from hypervisor.standards.options import Options, Ordering
from hypervisor.standards.queries_entities import EntitySet, Relation, columns_of
from hypervisor.standards.queries_filter import compile_condition, compile_property
from hypervisor.standards.queries_places import Term

Condition = sql.Composable
Row = dict[str, Any]
Parent = tuple[Any, ...]
_OBSERVED = ("phenomenonTime", "resultTime", "result", "quality")  # of all Observations
_OF_READINGS = ("series", "received_at")
_OF_FORECASTS = ("site", "quantity", "horizon", "levels", "quantiles", "revision", "created_at")


@dataclass(frozen=True, kw_only=True)
class Selection:
    """A query of an entity set. `needed`: columns beside the key; `related`: to follow further."""

    entity: EntitySet
    options: Options
    needed: tuple[str, ...]
    conditions: tuple[sql.Composable, ...] = ()

    @property
    def ordering(self) -> list[tuple[Term, bool]]:
        """Terms and whether they descend; the key last, so that no two rows are equal."""
        order = self.options.order
        named = {each.path.steps[0] for each in order if len(each.path.steps) == 1}
        descending = bool(order) and order[0].descending
        key = [
            (Term(sql.Identifier("t", name), "key", nullable=False), descending)
            for name in self.entity.key
            if name not in named
        ]
        return [*(self._term(each) for each in order), *key]

    def _term(self, ordering: Ordering) -> tuple[Term, bool]:
        term = compile_property(ordering.path, self.entity)
        if term.kind in {"place", "span"}:
            raise QueryError("$orderby: {path} has no order", str(ordering.path))
        return term, ordering.descending

    @property
    def where(self) -> sql.Composable:
        conditions = list(self.conditions)
        if self.options.filter is not None:
            conditions.append(compile_condition(self.options.filter, self.entity))
        if self.options.skiptoken is not None:
            conditions.append(_behind(self.ordering, decode_token(self.options.skiptoken)))
        return sql.SQL(" AND ").join(conditions) if conditions else sql.SQL("true")

    @property
    def columns(self) -> sql.Composable:
        places = sql.SQL("").join(
            sql.SQL(", {} AS {}").format(term.sql, sql.Identifier(f"_{number}"))
            for number, (term, _) in enumerate(self.ordering)
        )
        return columns_of(self.needed) + places

    @property
    def order(self) -> sql.Composable:
        return sql.SQL(", ").join(
            sql.SQL("{} DESC NULLS LAST" if falls and term.nullable else
                    "{} DESC" if falls else "{}").format(term.sql)
            for term, falls in self.ordering
        )  # fmt: skip


def select_columns(entity: EntitySet, options: Options, *, alone: bool) -> tuple[str, ...]:
    """What an answer needs of a row: properties, key, and what its relations start from."""
    if entity.name == "Observations":
        if "series" not in entity.key:
            return (*_OBSERVED, *_OF_FORECASTS)
        place = ("site",) if "FeatureOfInterest" in options.expand else ()
        return (*_OBSERVED, *_OF_READINGS, *place)
    chosen = options.select or tuple(
        name for name in entity.properties if alone or name not in entity.optional
    )
    columns = [*entity.key, *(name for name in entity.properties if name in chosen)]
    for step in options.expand:
        columns += entity.relations[step].local
    if entity.name == "Datastreams":
        columns += ["forecast", "site", "quantity"]
    return tuple(dict.fromkeys(columns))


def fetch_page(
    connection: Connection, catalogue: sql.Composable, selection: Selection
) -> tuple[list[Row], str | None]:
    """The rows of a page, and the token of the next one.

    Raises QueryError: an option does not fit the entity set.
    """
    limit = selection.options.limit
    query = sql.SQL("{} SELECT {} FROM {} t WHERE {} ORDER BY {} LIMIT {} OFFSET {}").format(
        catalogue,
        selection.columns,
        sql.SQL(selection.entity.source),
        selection.where,
        selection.order,
        sql.Literal(limit + 1),
        sql.Literal(selection.options.skip),
    )
    return cut(_open_cursor(connection).execute(query).fetchall(), limit)


def _open_cursor(connection: Connection) -> Cursor[Row]:
    """Rows as dictionaries; JSON stays text, since it only passes through."""
    cursor = connection.cursor(row_factory=dict_row)
    set_json_loads(msgspec.Raw, cursor)
    return cursor


def prepare(connection: Connection) -> None:
    """Let the request's transaction sort a registry in memory."""
    connection.execute("SET LOCAL work_mem = '32MB'")


def fetch_related(
    connection: Connection,
    catalogue: sql.Composable,
    selection: Selection,
    relation: Relation,
    parents: Sequence[Parent],
) -> dict[Parent, list[Row]]:
    """Of each parent (the values of the relation's local columns) its rows, one beyond the page.

    Raises QueryError: an option does not fit the entity set.
    """
    limit = selection.options.limit
    names = [sql.Identifier(f"p{number}") for number in range(len(relation.local))]
    values = sql.SQL(", ").join(_array(column) for column in zip(*parents, strict=True))
    related = _related_condition(relation, names)
    by_index = selection.entity.name == "Observations"
    template = _LATERAL if by_index else _RANKED
    query = sql.SQL(template).format(
        catalogue=catalogue,
        names=sql.SQL(", ").join(names),
        values=values,
        columns=selection.columns,
        source=sql.SQL(selection.entity.source),
        related=related,
        where=selection.where,
        order=selection.order,
        skip=sql.Literal(selection.options.skip),
        last=sql.Literal(selection.options.skip + limit + 1),
        most=sql.Literal(limit + 1),
    )
    keys = [f"p{number}" for number in range(len(relation.local))]
    rows_by_parent: dict[Parent, list[Row]] = {}
    for row in _open_cursor(connection).execute(query):
        rows_by_parent.setdefault(tuple(row[key] for key in keys), []).append(row)
    return rows_by_parent


_LATERAL = """{catalogue} SELECT parent.*, t.* FROM unnest({values}) AS parent ({names})
CROSS JOIN LATERAL (SELECT {columns} FROM {source} t WHERE {related} AND {where}
    ORDER BY {order} LIMIT {most} OFFSET {skip}) t"""
_RANKED = """{catalogue} SELECT * FROM (
    SELECT {names}, {columns}, row_number() OVER (PARTITION BY {names} ORDER BY {order}) AS rank
    FROM unnest({values}) AS parent ({names}) JOIN {source} t ON {related} WHERE {where}) ranked
WHERE rank > {skip} AND rank <= {last} ORDER BY rank"""


def _array(values: Sequence[Any]) -> sql.Composable:
    kind = "int[]" if isinstance(values[0], int) else "text[]"
    return sql.SQL("{}::" + kind).format(sql.Literal(list(values)))


def related_to(relation: Relation, values: Sequence[Any]) -> Condition:
    """A condition on `t`: it is related to the row whose local columns have these values."""
    return _related_condition(relation, [sql.Literal(value) for value in values])


def _related_condition(relation: Relation, names: Sequence[sql.Composable]) -> sql.Composable:
    if relation.on is not None:
        return sql.SQL(relation.on).format(*names)
    pairs = zip(relation.remote, names, strict=True)
    return sql.SQL(" AND ").join(
        sql.SQL("{} = {}").format(sql.Identifier("t", remote), name) for remote, name in pairs
    )


def count_rows(connection: Connection, catalogue: sql.Composable, selection: Selection) -> int:
    """How many there are on all pages.

    Raises QueryError: an option does not fit the entity set.
    """
    query = sql.SQL("{} SELECT count(*) FROM {} t WHERE {}").format(
        catalogue, sql.SQL(selection.entity.source), selection.where
    )
    (number,) = connection.execute(query).fetchone() or (0,)
    return int(number)


def count_related(
    connection: Connection,
    catalogue: sql.Composable,
    selection: Selection,
    relation: Relation,
    parents: Sequence[Parent],
) -> dict[Parent, int]:
    """How many each parent has, on all pages.

    Raises QueryError: an option does not fit the entity set.
    """
    names = [sql.Identifier(f"p{number}") for number in range(len(relation.local))]
    values = sql.SQL(", ").join(_array(column) for column in zip(*parents, strict=True))
    query = sql.SQL(
        "{} SELECT {}, count(*) FROM unnest({}) AS parent ({}) JOIN {} t ON {} WHERE {} GROUP BY {}"
    ).format(
        catalogue,
        joined := sql.SQL(", ").join(names),
        values,
        joined,
        sql.SQL(selection.entity.source),
        _related_condition(relation, names),
        selection.where,
        joined,
    )
    return {tuple(parent): number for *parent, number in connection.execute(query)}


def measure_extent(
    connection: Connection, catalogue: Condition, selection: Selection
) -> list[float] | None:
    """West, south, east and north of all rows; None: none has a place."""
    query = sql.SQL(
        "{} SELECT min(t.west), min(t.south), max(t.east), max(t.north) FROM {} t WHERE {}"
    ).format(catalogue, sql.SQL(selection.entity.source), selection.where)
    row = connection.execute(query).fetchone()
    return list(row) if row and row[0] is not None else None


def name_series(connection: Connection, series: Sequence[int]) -> dict[int, str]:
    """Of series the ids of their Datastreams."""
    rows = connection.execute(
        "SELECT r.id, d.name || ':' || r.quantity FROM series r JOIN device d ON d.id = r.device"
        " WHERE r.id = ANY (%s)",
        [list(series)],
    )
    return dict(rows.fetchall())


def name_sites(connection: Connection, sites: Sequence[int]) -> dict[int, str]:
    """The names of sites by number."""
    rows = connection.execute("SELECT id, name FROM site WHERE id = ANY (%s)", [list(sites)])
    return dict(rows.fetchall())


def equals(columns: Mapping[str, object]) -> sql.Composable:
    """A condition: these columns of `t` have these values."""
    return sql.SQL(" AND ").join(
        sql.SQL("{} = {}").format(sql.Identifier("t", name), sql.Literal(value))
        for name, value in columns.items()
    )


def cut(rows: list[Row], limit: int, *, more: bool = False) -> tuple[list[Row], str | None]:
    """A page out of rows of which one lies beyond it, and the token of the next page.

    `more`: there may be others than these rows.
    """
    if len(rows) <= limit and not more:
        return rows, None
    page = rows[:limit]
    return page, encode_token(page[-1]) if page else None


def encode_token(row: Row) -> str:
    """Where a row stands in its order."""
    places: list[str | None] = []
    while f"_{len(places)}" in row:
        places.append(_text(row[f"_{len(places)}"]))
    text = json.dumps(places, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_token(token: str) -> list[str | None]:
    """The places of a token.

    Raises QueryError: we never made it.
    """
    try:
        padded = token + "=" * (-len(token) % 4)
        places = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        places = None
    if not isinstance(places, list) or not all(
        place is None or (isinstance(place, str) and "\0" not in place) for place in places
    ):
        raise QueryError("$skiptoken: take it from @iot.nextLink as it is")
    return places


def _text(value: Any) -> str | None:
    """As PostgreSQL reads it."""
    match value:
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case datetime():
            return value.isoformat()
        case str():
            return value
        case int() | float():
            return repr(value)
    return bytes(value).decode()


def _behind(ordering: Sequence[tuple[Term, bool]], places: Sequence[str | None]) -> sql.Composable:
    """Rows behind these places: each term decides where those before it are equal."""
    if len(places) != len(ordering):
        raise QueryError("$skiptoken: it belongs to another order")
    choices: list[sql.Composable] = []
    equal: list[sql.Composable] = []
    for (term, falls), place in zip(ordering, places, strict=True):
        value = sql.Literal(place)
        if place is not None:
            beyond = sql.SQL("({} < {} OR {} IS NULL)" if falls else "({} > {} OR {} IS NULL)")
            if not term.nullable:
                beyond = sql.SQL("{} < {}" if falls else "{} > {}")
            choices.append(
                sql.SQL("({})").format(
                    sql.SQL(" AND ").join([*equal, beyond.format(term.sql, value, term.sql)])
                )
            )
        equal.append(sql.SQL("{} IS NOT DISTINCT FROM {}").format(term.sql, value)
                     if term.nullable else sql.SQL("{} = {}").format(term.sql, value))  # fmt: skip
    bound: list[sql.Composable] = []
    first, falls = ordering[0]
    if not first.nullable:  # so that an index finds it
        template = sql.SQL("{} <= {}" if falls else "{} >= {}")
        bound = [template.format(first.sql, sql.Literal(places[0]))]
    return sql.SQL(" AND ").join([*bound, sql.SQL("({})").format(sql.SQL(" OR ").join(choices))])
