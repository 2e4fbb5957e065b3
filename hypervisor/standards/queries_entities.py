"""The entity sets of SensorThings as SQL: what of ours each holds, and how they are related.

Names of columns are names of properties; the others serve keys, relations and places.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, LiteralString
from urllib.parse import quote

from psycopg import sql
from psycopg.types.json import Jsonb

from sensors._domain import Catalogue

Kind = Literal["text", "number", "time", "json", "point", "span", "truth"]
FORECAST = "forecast"  # the last part of the id of a Datastream of forecasts, and their Sensor


@dataclass(frozen=True, kw_only=True)
class Relation:
    """To another entity set: rows whose `remote` columns equal the `local` ones.

    `on`: a condition on `t` in their place, by an index; `{}` is the local column's value.
    """

    target: str
    local: tuple[str, ...]
    remote: tuple[str, ...]
    many: bool = True
    on: LiteralString | None = None


@dataclass(frozen=True, kw_only=True)
class EntitySet:
    """One entity set. `source`: a table expression; `key`: not null, in the usual order.

    `optional`: properties that cost a search a row; only of single entities or where selected.
    `hidden`: columns that filters may name, and no entity shows.
    """

    name: str
    source: LiteralString
    properties: Mapping[str, Kind]
    relations: Mapping[str, Relation] = field(default_factory=dict)
    key: tuple[str, ...] = ("id",)
    optional: tuple[str, ...] = ()
    hidden: Mapping[str, Kind] = field(default_factory=dict)

    @property
    def columns(self) -> tuple[str, ...]:
        """What relations and the key need of a row."""
        needed = [column for relation in self.relations.values() for column in relation.local]
        return tuple(dict.fromkeys((*self.key, *needed)))


_THINGS = """(
SELECT s.id AS number, s.name COLLATE "C" AS id, s.title AS name,
       concat_ws(', ', d.label, s.river, c.name) AS description, s.lon, s.lat,
       s.properties || jsonb_strip_nulls(jsonb_build_object('site', s.name, 'domain', s.domain,
           'commune', c.code, 'communeName', c.name, 'river', s.river,
           'riverOrder', s.river_order, 'illustrative', s.illustrative)) AS properties
FROM site s LEFT JOIN area c ON c.code = s.commune LEFT JOIN domain d ON d.name = s.domain
)"""
_LOCATIONS = """(
SELECT s.id AS number, s.name COLLATE "C" AS id, s.title AS name,
       coalesce(c.name, '') AS description,
       'application/geo+json' AS "encodingType", s.lon, s.lat,
       jsonb_build_object('type', 'Point', 'coordinates', jsonb_build_array(s.lon, s.lat))
           AS location,
       jsonb_build_object('site', s.name, 'illustrative', s.illustrative) AS properties
FROM site s LEFT JOIN area c ON c.code = s.commune
WHERE s.lon IS NOT NULL AND s.lat IS NOT NULL
)"""
_HISTORICAL = """(
SELECT s.id AS number, s.name COLLATE "C" AS id, min(d.commissioned) AS time
FROM site s JOIN device d ON d.site = s.id
WHERE s.lon IS NOT NULL AND s.lat IS NOT NULL GROUP BY s.id, s.name
)"""
_FEATURES = """(
SELECT s.id AS number, s.name COLLATE "C" AS id, s.title AS name,
       coalesce(c.name, '') AS description,
       'application/geo+json' AS "encodingType", s.lon, s.lat,
       CASE WHEN s.lon IS NULL OR s.lat IS NULL
           THEN '{"type": "Feature", "geometry": null, "properties": {}}'::jsonb
           ELSE jsonb_build_object('type', 'Point', 'coordinates',
               jsonb_build_array(s.lon, s.lat)) END AS feature,
       jsonb_build_object('site', s.name) AS properties
FROM site s LEFT JOIN area c ON c.code = s.commune
)"""
_SENSORS = """(
SELECT used.model AS id, coalesce(m.title, used.model) AS name,
       coalesce(m.description, used.model) AS description, 'text/plain' AS "encodingType",
       coalesce(m.description, used.model) AS metadata,
       jsonb_build_object('model', used.model, 'vendor', m.vendor) AS properties
FROM (SELECT DISTINCT coalesce(model, 'unspecified') AS model FROM device
      UNION SELECT 'forecast' WHERE EXISTS (SELECT FROM forecast_facts)) used
LEFT JOIN model m ON m.name = used.model
)"""
_OBSERVED = """(
SELECT q.name AS id, q.label AS name, q.description, q.definition, q.properties
FROM quantity q WHERE EXISTS (SELECT FROM series r WHERE r.quantity = q.name)
   OR EXISTS (SELECT FROM forecast_facts f WHERE f.quantity = q.name)
)"""
_DATASTREAMS = """(
SELECT (d.name || ':' || r.quantity) COLLATE "C" AS id, s.title || ': ' || q.label AS name,
       q.description, q."observationType", q."unitOfMeasurement",
       CASE WHEN coalesce(d.lon, s.lon) IS NOT NULL AND coalesce(d.lat, s.lat) IS NOT NULL
           THEN jsonb_build_object('type', 'Point', 'coordinates',
               jsonb_build_array(coalesce(d.lon, s.lon), coalesce(d.lat, s.lat))) END
           AS "observedArea", coalesce(d.lon, s.lon) AS lon, coalesce(d.lat, s.lat) AS lat,
       jsonb_strip_nulls(jsonb_build_object('device', d.name, 'site', s.name,
           'quantity', r.quantity, 'domain', s.domain, 'kind', q.kind, 'low', r.low,
           'high', r.high, 'commissioned', d.commissioned, 'retired', d.retired)) AS properties,
       (SELECT to_json(ARRAY[a.time, b.time]) FROM
           (SELECT time FROM reading WHERE series_id = r.id ORDER BY time LIMIT 1) a,
           (SELECT time FROM reading WHERE series_id = r.id ORDER BY time DESC LIMIT 1) b)
           AS "phenomenonTime",
       r.id AS series, d.site, coalesce(d.model, 'unspecified') AS model, r.quantity,
       d.name AS owner, false AS forecast
FROM series r JOIN device d ON d.id = r.device JOIN site s ON s.id = d.site
JOIN quantity q ON q.name = r.quantity
UNION ALL
SELECT (s.name || ':' || f.quantity || ':forecast') COLLATE "C",
       s.title || ': ' || q.label || ', forecast',
       'Forecast as issued: the median; parameters hold the quantiles. Experimental. '
           || q.description,
       q."observationType", q."unitOfMeasurement",
       CASE WHEN s.lon IS NOT NULL AND s.lat IS NOT NULL THEN jsonb_build_object('type', 'Point',
           'coordinates', jsonb_build_array(s.lon, s.lat)) END,
       s.lon, s.lat,
       jsonb_build_object('site', s.name, 'quantity', f.quantity, 'domain', s.domain,
           'kind', 'forecast'),
       (SELECT to_json(ARRAY[a.at, b.at]) FROM
           (SELECT issued + horizons[1] * interval '1 second' AS at FROM forecast
            WHERE site = f.site AND quantity = f.quantity AND tier >= 0
            ORDER BY issued LIMIT 1) a,
           (SELECT issued + horizons[cardinality(horizons)] * interval '1 second' AS at
            FROM forecast WHERE site = f.site AND quantity = f.quantity AND tier >= 0
            ORDER BY issued DESC LIMIT 1) b),
       NULL::integer, f.site, 'forecast', f.quantity, s.name, true
FROM forecast_facts f JOIN site s ON s.id = f.site JOIN quantity q ON q.name = f.quantity
)"""
_READINGS = """(
SELECT r.series_id AS series, r.time AS "phenomenonTime", r.time AS "resultTime",
       r.value AS result, r.quality, r.received_at, r.quality & 7 <> 0 AS suspect,
       (SELECT d.site FROM series e JOIN device d ON d.id = e.device WHERE e.id = r.series_id)
           AS site
FROM reading r
)"""
_FORECASTS = """(
SELECT f.site, f.quantity, f.issued + h.horizon * interval '1 second' AS "phenomenonTime",
       f.issued AS "resultTime", h.horizon, f.levels, f.revision, f.created_at,
       f.quantiles[(h.place - 1) * cardinality(f.levels)
           + array_position(f.levels, 0.5::real)]::double precision AS result,
       f.quantiles[(h.place - 1) * cardinality(f.levels) + 1
           : h.place * cardinality(f.levels)] AS quantiles, 0 AS quality, false AS suspect
FROM forecast f CROSS JOIN LATERAL unnest(f.horizons) WITH ORDINALITY h (horizon, place)
WHERE f.tier >= 0 AND NOT EXISTS (SELECT FROM forecast n WHERE n.site = f.site
    AND n.quantity = f.quantity AND n.issued = f.issued AND n.created_at > f.created_at)
  AND f.quantiles[(h.place - 1) * cardinality(f.levels) + 1] <> 'NaN'
)"""

_NAMED: dict[str, Kind] = {"id": "text", "name": "text", "description": "text"}
_ENCODED: dict[str, Kind] = {**_NAMED, "encodingType": "text"}
_OBSERVATION: dict[str, Kind] = {
    "id": "text",
    "phenomenonTime": "time",
    "resultTime": "time",
    "result": "number",
    "resultQuality": "json",
    "parameters": "json",
}
_OF_SITE = ("number",)
_OBSERVATIONS_OF_SITE: LiteralString = (
    "t.series = ANY (ARRAY (SELECT e.id FROM series e JOIN device d ON d.id = e.device"
    " WHERE d.site = {}))"
)


def _to_datastreams(local: str, remote: str) -> Relation:
    return Relation(target="Datastreams", local=(local,), remote=(remote,))


def _to_site(target: str, local: str = "number", *, many: bool = True) -> Relation:
    return Relation(target=target, local=(local,), remote=_OF_SITE, many=many)


_SETS = (
    EntitySet(
        name="Things",
        source=_THINGS,
        properties={**_NAMED, "properties": "json"},
        relations={
            "Locations": _to_site("Locations"),
            "HistoricalLocations": _to_site("HistoricalLocations"),
            "Datastreams": _to_datastreams("number", "site"),
        },
    ),
    EntitySet(
        name="Locations",
        source=_LOCATIONS,
        properties={**_ENCODED, "location": "point", "properties": "json"},
        relations={
            "Things": _to_site("Things"),
            "HistoricalLocations": _to_site("HistoricalLocations"),
        },
    ),
    EntitySet(
        name="HistoricalLocations",
        source=_HISTORICAL,
        properties={"id": "text", "time": "time"},
        relations={
            "Thing": _to_site("Things", many=False),
            "Locations": _to_site("Locations"),
        },
    ),
    EntitySet(
        name="Datastreams",
        source=_DATASTREAMS,
        properties={
            **_NAMED,
            "observationType": "text",
            "unitOfMeasurement": "json",
            "observedArea": "point",
            "phenomenonTime": "span",
            "properties": "json",
        },
        relations={
            "Thing": _to_site("Things", "site", many=False),
            "Sensor": Relation(target="Sensors", local=("model",), remote=("id",), many=False),
            "ObservedProperty": Relation(
                target="ObservedProperties", local=("quantity",), remote=("id",), many=False
            ),
            "Observations": Relation(target="Observations", local=("series",), remote=("series",)),
        },
        optional=("phenomenonTime",),
        hidden={"owner": "text", "quantity": "text", "forecast": "truth"},
    ),
    EntitySet(
        name="Sensors",
        source=_SENSORS,
        properties={**_ENCODED, "metadata": "text", "properties": "json"},
        relations={"Datastreams": _to_datastreams("id", "model")},
    ),
    EntitySet(
        name="ObservedProperties",
        source=_OBSERVED,
        properties={**_NAMED, "definition": "text", "properties": "json"},
        relations={"Datastreams": _to_datastreams("id", "quantity")},
    ),
    EntitySet(
        name="Observations",
        source=_READINGS,
        properties=_OBSERVATION,
        relations={
            "Datastream": Relation(
                target="Datastreams", local=("series",), remote=("series",), many=False
            ),
            "FeatureOfInterest": _to_site("FeaturesOfInterest", "site", many=False),
        },
        key=("phenomenonTime", "series"),
        hidden={"suspect": "truth", "received_at": "time"},
    ),
    EntitySet(
        name="FeaturesOfInterest",
        source=_FEATURES,
        properties={**_ENCODED, "feature": "point", "properties": "json"},
        relations={
            "Observations": Relation(
                target="Observations",
                local=_OF_SITE,
                remote=("site",),
                on=_OBSERVATIONS_OF_SITE,
            )
        },
    ),
)
ENTITY_SETS: Mapping[str, EntitySet] = {each.name: each for each in _SETS}
# The Observations of a Datastream of forecasts.
FORECAST_OBSERVATIONS = EntitySet(
    name="Observations",
    source=_FORECASTS,
    properties=_OBSERVATION,
    relations={
        "Datastream": Relation(
            target="Datastreams",
            local=("site", "quantity"),
            remote=("site", "quantity"),
            many=False,
            on="t.forecast AND (t.site, t.quantity) = ({}, {})",
        ),
        "FeatureOfInterest": _to_site("FeaturesOfInterest", "site", many=False),
    },
    key=("resultTime", "horizon"),
    hidden={"suspect": "truth", "horizon": "number"},
)
TO_FORECASTS = Relation(
    target="Observations", local=("site", "quantity"), remote=("site", "quantity")
)
# Only what lies after the newest issue time, which is all that was issued within the longest
# horizon before it: the latest are among it, and the forecasts of years need not be sorted.
TO_LATEST_FORECASTS = replace(
    TO_FORECASTS,
    on="""t.site = {0} AND t.quantity = {1} AND t."resultTime" >= (
    SELECT max(g.issued) - interval '1 day' FROM forecast g
    WHERE g.site = {0} AND g.quantity = {1} AND g.tier >= 0)
AND t."phenomenonTime" > (SELECT max(g.issued) FROM forecast g
    WHERE g.site = {0} AND g.quantity = {1} AND g.tier >= 0)""",
)


def describe_catalogue(catalogue: Catalogue, base: str) -> sql.Composable:
    """`WITH quantity …, model …, domain …`: what the catalogue knows, for the entity sets."""
    quantities = [
        {
            "name": each.name,
            "label": each.label_en,
            "description": f"{each.label_en} / {each.label_fr}",
            "definition": f"{base}/ObservedProperties('{each.name}')",
            "kind": each.kind.value,
            "observationType": _OBSERVATION_TYPE + ("Observation" if each.codes else "Measurement"),
            "unitOfMeasurement": describe_unit(each.unit),
            "properties": {
                "quantity": each.name,
                "standard": each.standard,
                "domain": catalogue.domain_of.get(each.name),
                "kind": each.kind.value,
                "labelFr": each.label_fr,
                **({"codes": each.codes} if each.codes else {}),
            },
        }
        for each in catalogue.quantities.values()
    ]
    models = [
        {
            "name": each.name,
            "title": each.name,
            "vendor": each.vendor,
            "description": each.description or each.name,
        }
        for each in catalogue.models.values()
    ]
    models.append(
        {
            "name": FORECAST,
            "title": "Forecast of this hypervisor",
            "vendor": "ours",
            "description": "Fitted on the gauge's own record and upstream; experimental",
        }
    )
    domains = [{"name": each.name, "label": each.label_en} for each in catalogue.domains.values()]
    return sql.SQL(
        "WITH quantity AS MATERIALIZED (SELECT * FROM jsonb_to_recordset({quantities})"
        " AS q (name text, label text, description text, definition text, kind text,"
        ' "observationType" text, "unitOfMeasurement" jsonb, properties jsonb)),'
        " model AS MATERIALIZED (SELECT * FROM jsonb_to_recordset({models})"
        " AS m (name text, title text, vendor text, description text)),"
        " domain AS MATERIALIZED (SELECT * FROM jsonb_to_recordset({domains})"
        " AS d (name text, label text)) "
    ).format(
        quantities=sql.Literal(Jsonb(quantities)),
        models=sql.Literal(Jsonb(models)),
        domains=sql.Literal(Jsonb(domains)),
    )


_OBSERVATION_TYPE = "http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_"
_UCUM = "http://www.opengis.net/def/uom/UCUM/"


def describe_unit(code: str) -> dict[str, str]:
    """A UCUM code as SensorThings defines units."""
    symbol = code.replace("{", "").replace("}", "")
    return {"name": code, "symbol": symbol, "definition": _UCUM + quote(code, safe="")}


def key_of(entity: EntitySet, identifier: str) -> Mapping[str, object] | None:
    """The columns that tell an entity by its id; None: no id of this set looks so."""
    if entity.name != "Datastreams":
        return {"id": identifier}
    owner, *rest = identifier.split(":")
    if len(rest) == 1:
        return {"owner": owner, "quantity": rest[0], "forecast": False}
    if len(rest) == 2 and rest[1] == FORECAST:
        return {"owner": owner, "quantity": rest[0], "forecast": True}
    return None


def columns_of(names: Sequence[str]) -> sql.Composable:
    """Columns of `t` by their names."""
    return sql.SQL(", ").join(sql.Identifier("t", name) for name in names)
