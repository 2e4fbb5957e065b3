"""Resource paths of SensorThings: which entities an address names."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from hypervisor.base.instance import Banner
from hypervisor.database.connect import Connection
from hypervisor.standards import queries_sensorthings as store
from hypervisor.standards.expressions import parse_time
from hypervisor.standards.model import Expression, NoResourceError, Operation, Path, QueryError
from hypervisor.standards.model import Literal as Constant
from hypervisor.standards.observation_ids import is_id, split_id
from hypervisor.standards.options import Options, Segment
from hypervisor.standards.queries_entities import (
    ENTITY_SETS,
    FORECAST_OBSERVATIONS,
    TO_FORECASTS,
    EntitySet,
    Relation,
    key_of,
)
from hypervisor.standards.queries_sensorthings import Condition, Row, Selection


@dataclass(frozen=True, kw_only=True)
class Source:
    """What answers are made from. `catalogue`: SQL; `base`: the address of the service."""

    connection: Connection
    catalogue: Condition
    base: str
    mode: Banner
    licence: str


@dataclass(frozen=True, kw_only=True)
class Resource:
    """The entities that a path names: those of the set for which the conditions hold.

    `single`: one entity; `part`: only this property of it; `form`: of the answer.
    """

    entity: EntitySet
    conditions: tuple[Condition, ...] = ()
    single: bool = False
    part: str | None = None
    form: Literal["entities", "links", "count", "value"] = "entities"


def resolve(source: Source, segments: Sequence[Segment]) -> Resource:
    """Which entities a path names.

    Raises:
        NoResourceError: an entity on the way does not exist, or a name is none of the model.
        QueryError: the path makes no sense.
    """
    first, *further = segments
    if first.name not in ENTITY_SETS:
        raise NoResourceError(
            "there is no {name!r} here: expected {names}", first.name, ", ".join(ENTITY_SETS)
        )
    resource = _choose(source, Resource(entity=ENTITY_SETS[first.name]), first)
    for segment in further:
        resource = _follow(source, resource, segment)
    return resource


def bind_datastream(options: Options) -> tuple[str | None, Options]:
    """The Datastream that a filter of Observations names by its id, and what else is asked.

    `/Observations?$filter=Datastream/id eq '…'` is `/Datastreams('…')/Observations`: so an index
    is used, and forecasts are found.
    """
    identifier, left = _bind(options.filter)
    return identifier, replace(options, filter=left) if identifier is not None else options


def _bind(tree: Expression | None) -> tuple[str | None, Expression | None]:
    match tree:
        case Operation(
            operator="eq",
            left=Path(steps=("Datastream", "id" | "@iot.id")),
            right=Constant(value=str(identifier)),
        ):
            return identifier, None
        case Operation(operator="eq", left=Path() as path, right=Constant(value=str(text))) if (
            is_id(path)
        ):
            datastream, conditions = split_id(text)
            return (None, tree) if datastream is None else (datastream, conditions)
        case Operation(operator="and", left=left, right=right):
            for near, other in ((left, right), (right, left)):
                bound, rest = _bind(near)
                if bound is not None:
                    return bound, other if rest is None else Operation("and", rest, other)
    return None, tree


def find_row(source: Source, resource: Resource) -> Row:
    """The key and relations of the one entity that a resource names.

    Raises NoResourceError: it does not exist, or the account does not see it.
    """
    needed = resource.entity.columns
    if resource.entity.name == "Datastreams":
        needed = (*needed, "forecast")
    selection = Selection(
        entity=resource.entity,
        options=Options(top=1),
        needed=tuple(dict.fromkeys(needed)),
        conditions=resource.conditions,
    )
    rows, _ = store.fetch_page(source.connection, source.catalogue, selection)
    if not rows:
        raise NoResourceError("there is no such entity of {entity}", resource.entity.name)
    return rows[0]


def relation_of(entity: EntitySet, step: str, row: Row) -> tuple[EntitySet, Relation]:
    """Where a step leads from an entity."""
    relation = entity.relations[step]
    if entity.name == "Datastreams" and step == "Observations" and row.get("forecast"):
        return FORECAST_OBSERVATIONS, TO_FORECASTS
    return ENTITY_SETS[relation.target], relation


def _follow(source: Source, resource: Resource, segment: Segment) -> Resource:
    if resource.form != "entities":
        raise QueryError("nothing follows {form} in a path", resource.form)
    if segment.name == "$ref" and resource.part is None:
        return replace(resource, form="links")
    if segment.name == "$count" and not resource.single:
        return replace(resource, form="count")
    if segment.name == "$value" and resource.part is not None:
        return replace(resource, form="value")
    if not resource.single or resource.part is not None:
        raise NoResourceError("{name!r} follows one entity, not several", segment.name)
    if segment.name not in resource.entity.relations:
        if segment.name in resource.entity.properties and segment.key is None:
            return replace(resource, part=segment.name)
        raise NoResourceError(
            "{entity} has no {name!r}: expected {names}",
            resource.entity.name,
            segment.name,
            ", ".join([*resource.entity.relations, *resource.entity.properties]),
        )
    row = find_row(source, resource)
    entity, relation = relation_of(resource.entity, segment.name, row)
    values = [row[name] for name in relation.local]
    condition = store.related_to(relation, values)
    related = Resource(entity=entity, conditions=(condition,), single=not relation.many)
    return related if segment.key is None else _choose(source, related, segment)


def _choose(source: Source, resource: Resource, segment: Segment) -> Resource:
    """The entity of a key, where a segment has one."""
    if segment.key is None:
        return resource
    if resource.single:
        raise QueryError("{name} is one entity: it takes no key", segment.name)
    if resource.entity.name == "Observations":
        return _choose_observation(source, resource, segment.key)
    columns = key_of(resource.entity, segment.key)
    if columns is None:
        raise NoResourceError("there is no {name} {key!r}", segment.name, segment.key)
    conditions = (*resource.conditions, store.equals(columns))
    return replace(resource, conditions=conditions, single=True)


def _choose_observation(source: Source, resource: Resource, key: str) -> Resource:
    """By `<Datastream>@<time>`; of a forecast `<Datastream>@<issued>+<horizon in s>`."""
    datastream, _, when = key.partition("@")
    issued, _, horizon = when.partition("+")
    columns = key_of(ENTITY_SETS["Datastreams"], datastream)
    if columns is None or (horizon != "") != bool(columns["forecast"]) or len(horizon) > 9:
        raise NoResourceError("there is no Observation {key!r}", key)
    origin = Resource(entity=ENTITY_SETS["Datastreams"], conditions=(store.equals(columns),))
    observations = _follow(source, replace(origin, single=True), Segment("Observations"))
    place: dict[str, object] = {"phenomenonTime": parse_time(issued)}
    if horizon:
        if not horizon.isdecimal():
            raise NoResourceError("there is no Observation {key!r}", key)
        place = {"resultTime": parse_time(issued), "horizon": int(horizon)}
    above = () if observations.entity is FORECAST_OBSERVATIONS else resource.conditions
    conditions = (*observations.conditions, *above, store.equals(place))
    return replace(observations, conditions=conditions, single=True)
