"""Writing things into the tables of the registry: inserted or replaced by name, a table at once."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from hypervisor.database.connect import Connection
from hypervisor.registry.changes import Changes
from hypervisor.registry.model import Revision

_AREA = """
    INSERT INTO area (code, kind, name, parent, population, lon, lat)
    SELECT code, kind, name, parent, population, lon, lat
    FROM jsonb_to_recordset(%s) AS given (code text, kind text, name text, parent text,
        population integer, lon double precision, lat double precision)
    ON CONFLICT (code) DO UPDATE SET (kind, name, parent, population, lon, lat)
        = (EXCLUDED.kind, EXCLUDED.name, EXCLUDED.parent, EXCLUDED.population, EXCLUDED.lon,
           EXCLUDED.lat)
"""
_SITES = """
    INSERT INTO site (name, title, domain, commune, lon, lat, river, river_order, illustrative,
        properties)
    SELECT name, title, domain, commune, lon, lat, river, river_order, illustrative, properties
    FROM jsonb_to_recordset(%s) AS given (name text, title text, domain text, commune text,
        lon double precision, lat double precision, river text, river_order double precision,
        illustrative boolean, properties jsonb)
    ON CONFLICT (name) DO UPDATE SET (title, domain, commune, lon, lat, river, river_order,
        illustrative, properties) = (EXCLUDED.title, EXCLUDED.domain, EXCLUDED.commune,
        EXCLUDED.lon, EXCLUDED.lat, EXCLUDED.river, EXCLUDED.river_order, EXCLUDED.illustrative,
        EXCLUDED.properties)
"""
_GATEWAYS = """
    INSERT INTO gateway (name, title, protocol, lon, lat, properties)
    SELECT name, title, protocol, lon, lat, properties
    FROM jsonb_to_recordset(%s) AS given (name text, title text, protocol text,
        lon double precision, lat double precision, properties jsonb)
    ON CONFLICT (name) DO UPDATE SET (title, protocol, lon, lat, properties) = (EXCLUDED.title,
        EXCLUDED.protocol, EXCLUDED.lon, EXCLUDED.lat, EXCLUDED.properties)
"""
_DEVICES = """
    INSERT INTO device (name, site, model, commissioned, retired, gateway, address, codec, lon,
        lat, properties)
    SELECT given.name, site.id, model, commissioned, retired, gateway, address, codec, given.lon,
        given.lat, given.properties
    FROM jsonb_to_recordset(%s) AS given (name text, site text, model text,
        commissioned timestamptz, retired timestamptz, gateway text, address text, codec text,
        lon double precision, lat double precision, properties jsonb)
    JOIN site ON site.name = given.site
    ON CONFLICT (name) DO UPDATE SET (site, model, commissioned, retired, gateway, address, codec,
        lon, lat, properties) = (EXCLUDED.site, EXCLUDED.model, EXCLUDED.commissioned,
        EXCLUDED.retired, EXCLUDED.gateway, EXCLUDED.address, EXCLUDED.codec, EXCLUDED.lon,
        EXCLUDED.lat, EXCLUDED.properties)
"""
_SERIES = """
    INSERT INTO series (device, quantity, low, high, saturates)
    SELECT device.id, quantity, low, high, saturates
    FROM jsonb_to_recordset(%s) AS given (device text, quantity text, low double precision,
        high double precision, saturates double precision)
    JOIN device ON device.name = given.device
    ON CONFLICT (device, quantity) DO UPDATE SET (low, high, saturates)
        = (EXCLUDED.low, EXCLUDED.high, EXCLUDED.saturates)
"""
_GROUPS = """
    INSERT INTO device_group (name, title, kind, site, properties)
    SELECT given.name, given.title, given.kind, site.id, given.properties
    FROM jsonb_to_recordset(%s) AS given (name text, title text, kind text, site text,
        properties jsonb)
    LEFT JOIN site ON site.name = given.site
    ON CONFLICT (name) DO UPDATE SET (title, kind, site, properties)
        = (EXCLUDED.title, EXCLUDED.kind, EXCLUDED.site, EXCLUDED.properties)
"""
_ZONES = """
    INSERT INTO zone (name, title, kind, geometry, illustrative, properties)
    SELECT name, title, kind, geometry, illustrative, properties
    FROM jsonb_to_recordset(%s) AS given (name text, title text, kind text, geometry jsonb,
        illustrative boolean, properties jsonb)
    ON CONFLICT (name) DO UPDATE SET (title, kind, geometry, illustrative, properties)
        = (EXCLUDED.title, EXCLUDED.kind, EXCLUDED.geometry, EXCLUDED.illustrative,
           EXCLUDED.properties)
"""
_ASSETS = """
    INSERT INTO asset (name, title, kind, commune, geometry, site, illustrative, properties)
    SELECT given.name, given.title, given.kind, given.commune,
        nullif(given.geometry, 'null'::jsonb), site.id, given.illustrative, given.properties
    FROM jsonb_to_recordset(%s) AS given (name text, title text, kind text, commune text,
        geometry jsonb, site text, illustrative boolean, properties jsonb)
    LEFT JOIN site ON site.name = given.site
    ON CONFLICT (name) DO UPDATE SET (title, kind, commune, geometry, site, illustrative,
        properties) = (EXCLUDED.title, EXCLUDED.kind, EXCLUDED.commune, EXCLUDED.geometry,
        EXCLUDED.site, EXCLUDED.illustrative, EXCLUDED.properties)
"""

_REVISIONS = """
    INSERT INTO revision (kind, key, value, effective, author, reason, illustrative, previous)
    SELECT kind, key, nullif(value, 'null'::jsonb), effective, author, reason, illustrative,
        (SELECT id FROM revision AS before
         WHERE (before.kind, before.key) = (given.kind, given.key)
             AND before.effective <= given.effective
         ORDER BY before.effective DESC, id DESC LIMIT 1)
    FROM ROWS FROM (jsonb_to_recordset(%s) AS (kind text, key text, value jsonb,
        effective timestamptz, author text, reason text, illustrative boolean))
        WITH ORDINALITY AS given
    ORDER BY ordinality
"""


def write_things(connection: Connection, changes: Changes) -> None:
    """Everything but the revisions; what is named comes before what names it.

    Areas name each other, and are written at once.
    """
    for statement, things in (
        (_AREA, changes.areas),
        (_SITES, changes.sites),
        (_GATEWAYS, changes.gateways),
        (_DEVICES, changes.devices),
        (_SERIES, changes.series),
        (_GROUPS, changes.groups),
        (_ZONES, changes.zones),
        (_ASSETS, changes.assets),
    ):
        if things:
            rows = [asdict(thing) for thing in things]
            connection.execute(statement, [json.dumps(rows, default=str)])


def add_revisions(connection: Connection, revisions: Iterable[Revision]) -> None:
    """Append facts, each pointing at the one in force before it; the caller tells the feed."""
    for rows in _split_repeats(revisions):
        connection.execute(_REVISIONS, [json.dumps(rows, default=str)])


def _split_repeats(revisions: Iterable[Revision]) -> Iterable[list[Mapping[str, Any]]]:
    """All at once, but of one key one after the other: the second points at the first."""
    rounds: list[list[Mapping[str, Any]]] = []
    counted: Counter[tuple[str, str]] = Counter()
    for revision in revisions:
        number = counted[revision.kind, revision.key]
        counted[revision.kind, revision.key] += 1
        rounds.extend([[]] if number == len(rounds) else [])
        rounds[number].append(asdict(revision))
    return rounds
