"""Entities of SensorThings as JSON: their properties and links, and what a request expands."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from hypervisor.standards import queries_sensorthings as store
from hypervisor.standards.model import Path, QueryError
from hypervisor.standards.options import MOST, Options, Ordering
from hypervisor.standards.queries_entities import (
    ENTITY_SETS,
    FORECAST,
    FORECAST_OBSERVATIONS,
    TO_FORECASTS,
    TO_LATEST_FORECASTS,
    EntitySet,
    Relation,
)
from hypervisor.standards.queries_sensorthings import Row, Selection
from hypervisor.standards.resources import Source
from hypervisor.web.times import text
from sensors._quality import Quality, list_quality_flags

_TOGETHER = 200_000  # entities in memory at once
_FEW = 4
_PLAIN = re.compile(r"[\w:@.+-]*", re.ASCII)  # an id that stands in an address as it is
_MARKED = ("Things", "Datastreams")  # say mode and licence themselves: copies lose the answer's


def check(entity: EntitySet, options: Options) -> None:
    """Refuse options that do not fit the entity set, also within `$expand`.

    Raises QueryError: says which.
    """
    names = {*entity.properties, *entity.relations, "@iot.id", "@iot.selfLink"}
    for name in options.select or ():
        if name not in names:
            raise QueryError(
                "$select: {entity} has no {name!r}: expected {names}",
                entity.name,
                name,
                ", ".join([*entity.properties, *entity.relations]),
            )
    selection = Selection(entity=entity, options=options, needed=())
    _ = selection.where, selection.order
    for step, inner in options.expand.items():
        if step not in entity.relations:
            raise QueryError(
                "$expand: {entity} has no {name!r}: expected {names}",
                entity.name,
                step,
                ", ".join(entity.relations),
            )
        check(ENTITY_SETS[entity.relations[step].target], inner)


def stream_entities(
    source: Source, entity: EntitySet, rows: Sequence[Row], options: Options
) -> Iterator[list[dict[str, Any]]]:
    """The rows as JSON with all that they expand, in portions that memory holds."""
    size = max(1, _TOGETHER // weigh(entity, options))
    for begin in range(0, len(rows), size):
        yield build_entities(source, entity, rows[begin : begin + size], options)


def weigh(entity: EntitySet, options: Options, way: tuple[str, ...] = ()) -> int:
    """How many entities one entity may bring with what it expands, itself included.

    What the registry holds is brought once, a few each, unless `$expand` returns to it.
    """
    way = (*way, entity.name)
    weight = 1
    for step, inner in options.expand.items():
        relation = entity.relations[step]
        below = weigh(ENTITY_SETS[relation.target], inner, way)
        few = relation.target != "Observations" and relation.target not in way
        weight += below * (min(inner.limit, _FEW if few else MOST) if relation.many else 1)
    return weight


def build_entities(
    source: Source, entity: EntitySet, rows: Sequence[Row], options: Options
) -> list[dict[str, Any]]:
    """The rows as JSON, with what they expand: a query a step, however many rows."""
    identifiers = _identify(source, entity, rows)
    bodies = [
        _build(source, entity, row, identifier, options)
        for row, identifier in zip(rows, identifiers, strict=True)
    ]
    for step, inner in options.expand.items():
        _expand(source, entity, step, inner, list(zip(rows, bodies, identifiers, strict=True)))
    return bodies


def address(source: Source, entity: EntitySet, identifier: str) -> str:
    """The address of an entity."""
    if not _PLAIN.fullmatch(identifier):
        identifier = quote(identifier.replace("'", "''"), safe=":@+")
    return f"{source.base}/{entity.name}('{identifier}')"


def next_query(pairs: Iterable[tuple[str, str]]) -> str:
    """The same request from a token on; the token follows."""
    kept = [(name, value) for name, value in pairs if name not in {"$skip", "$skiptoken"}]
    return "?" + urlencode([*kept, ("$skiptoken", "")], safe="$(),=;/:", quote_via=quote)


def _identify(source: Source, entity: EntitySet, rows: Sequence[Row]) -> list[str]:
    """The ids of the rows."""
    if entity.name != "Observations":
        return [row["id"] for row in rows]
    if entity is FORECAST_OBSERVATIONS:
        names = store.name_sites(source.connection, list({row["site"] for row in rows}))
        return [
            f"{names[row['site']]}:{row['quantity']}:{FORECAST}@{text(row['resultTime'])}"
            f"+{row['horizon']}"
            for row in rows
        ]
    names = store.name_series(source.connection, list({row["series"] for row in rows}))
    return [f"{names[row['series']]}@{text(row['phenomenonTime'])}" for row in rows]


def _build(
    source: Source, entity: EntitySet, row: Row, identifier: str, options: Options
) -> dict[str, Any]:
    link = address(source, entity, identifier)
    values = _observe(row) if entity.name == "Observations" else row
    select = options.select
    body: dict[str, Any] = {}
    if select is None or "id" in select or "@iot.id" in select:
        body["@iot.id"] = identifier
    if select is None or "@iot.selfLink" in select:
        body["@iot.selfLink"] = link
    for name in entity.properties:
        if name == "id" or (select is not None and name not in select):
            continue
        value = values.get(name)
        if value is not None or name == "result":
            body[name] = value
    _format_times(entity, body)
    if entity.name in _MARKED and "properties" in body:
        body["properties"] = _mark(body["properties"], source)
    for step in entity.relations:
        if (select is None and step not in options.expand) or (
            select is not None and step in select
        ):
            body[f"{step}@iot.navigationLink"] = f"{link}/{step}"
    return body


def _mark(properties: msgspec.Raw, source: Source) -> msgspec.Raw:
    """Properties with mode and licence, written into their JSON."""
    marks = msgspec.json.encode({"mode": source.mode, "licence": source.licence})
    inner = bytes(properties).strip()
    return msgspec.Raw(marks if inner == b"{}" else inner[:-1] + b"," + marks[1:])


def _format_times(entity: EntitySet, body: dict[str, Any]) -> None:
    if entity.name == "HistoricalLocations" and "time" in body:
        body["time"] = text(body["time"])
    elif entity.name == "Datastreams" and "phenomenonTime" in body:
        times = (
            time.replace("+00:00", "Z") for time in msgspec.json.decode(body["phenomenonTime"])
        )
        body["phenomenonTime"] = "/".join(times)


def _observe(row: Row) -> dict[str, Any]:
    """The properties of an Observation."""
    body: dict[str, Any] = {
        "phenomenonTime": text(row["phenomenonTime"]),
        "resultTime": text(row["resultTime"]),
        "result": row["result"],
        "resultQuality": list_quality_flags(row["quality"]) if row["quality"] else ["good"],
    }
    if "horizon" in row:
        levels = [f"{level:g}" for level in row["levels"]]
        body["parameters"] = {
            "horizonSeconds": row["horizon"],
            "quantiles": dict(zip(levels, row["quantiles"], strict=True)),
            "model": row["revision"],
            "createdAt": text(row["created_at"]),
        }
    else:
        arrival = row["received_at"]
        body["parameters"] = {
            "suspect": bool(row["quality"] & Quality.SUSPECT),
            "receivedAt": None if arrival is None else text(arrival),
        }
    return body


_Parents = Sequence[tuple[Row, dict[str, Any], str]]


def _expand(
    source: Source, entity: EntitySet, step: str, options: Options, parents: _Parents
) -> None:
    """Put what a step leads to into the parents' bodies."""
    relation = entity.relations[step]
    target = ENTITY_SETS[relation.target]
    if entity.name == "Datastreams" and target.name == "Observations":
        forecasts = [parent for parent in parents if parent[0]["forecast"]]
        parents = [parent for parent in parents if not parent[0]["forecast"]]
        to_forecasts = TO_LATEST_FORECASTS if _wants_latest(options) else TO_FORECASTS
        _expand_by(source, FORECAST_OBSERVATIONS, to_forecasts, step, options, forecasts, entity)
    if entity is FORECAST_OBSERVATIONS and step == "Datastream":
        target = ENTITY_SETS["Datastreams"]
    _expand_by(source, target, relation, step, options, parents, entity)


def _wants_latest(options: Options) -> bool:
    """Whether the page begins with the latest time."""
    latest = (Ordering(path=Path(("phenomenonTime",)), descending=True),)
    begins = options.filter is None and options.skiptoken is None and options.skip == 0
    return begins and options.order[:1] == latest


def _expand_by(  # noqa: PLR0913, PLR0917  one relation of one step
    source: Source,
    target: EntitySet,
    relation: Relation,
    step: str,
    options: Options,
    parents: _Parents,
    origin: EntitySet,
) -> None:
    if not parents:
        return
    selection = Selection(
        entity=target,
        options=options if relation.many else replace(options, top=MOST),
        needed=store.select_columns(target, options, alone=False),
    )
    keys = [tuple(row[name] for name in relation.local) for row, _, _ in parents]
    distinct = list(dict.fromkeys(keys))
    connection, catalogue = source.connection, source.catalogue
    rows = store.fetch_related(connection, catalogue, selection, relation, distinct)
    counts = (
        store.count_related(
            connection,
            catalogue,
            selection,
            TO_FORECASTS if relation is TO_LATEST_FORECASTS else relation,
            distinct,
        )
        if options.count and relation.many
        else {}
    )
    limit, more = selection.options.limit, relation is TO_LATEST_FORECASTS
    pages = {key: store.cut(page, limit, more=more) for key, page in rows.items()}
    flat = [row for page, _ in pages.values() for row in page]
    bodies = iter(build_entities(source, target, flat, options))
    built = {key: [next(bodies) for _ in page] for key, (page, _) in pages.items()}
    following = next_query(options.pairs)
    for key, (_, body, identifier) in zip(keys, parents, strict=True):
        if not relation.many:
            if key in built:
                body[step] = built[key][0]
            continue
        body[step] = built.get(key, [])
        token = pages[key][1] if key in pages else None
        if options.count:
            body[f"{step}@iot.count"] = counts.get(key, 0)
        if token is not None:
            link = address(source, origin, identifier)
            body[f"{step}@iot.nextLink"] = f"{link}/{step}{following}{token}"
