"""Files: what they hold, pages of time, who sees what; read by pyarrow and by Frictionless."""

import csv
import io
import json
import os
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest
from frictionless import Package, Resource, Schema

from hypervisor.base.instance import Mode
from hypervisor.database import databases
from hypervisor.database.connect import connect
from hypervisor.registry import queries as registry_queries
from hypervisor.registry.changes import Changes
from hypervisor.registry.model import Device, Series, Site
from hypervisor.standards import counts, files
from hypervisor.standards.exports import Source, Span
from sensors._quality import Quality
from tests.conftest import TEMPLATE, Stack
from tests.integration.evaluation.world import CATALOGUE, DAY, Sent, World, make_world
from tests.integration.standards.conftest import settings_of
from tests.integration.web.conftest import NORTH
from tests.integration.web.served import EVERYTHING, server, signed_in

pytestmark = pytest.mark.integration

ROOT = "/exports"
DAY_ONE = "from=2024-01-01T00:00:00Z&to=2024-01-02T00:00:00Z"
COUNTS = ("site", "channel", "measure")
SCHEMAS = Path(__file__).with_name("schemas")


def fetch(client: httpx.Client, path: str) -> httpx.Response:
    answer = client.get(path if path.startswith("http") else ROOT + path)
    assert answer.status_code == 200, f"{path}: {answer.text}"
    return answer


def rows_of(client: httpx.Client, path: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(fetch(client, path).text)))


@pytest.fixture(scope="module")
def counters(stack: Stack) -> Iterator[World]:
    """A live instance whose greenway counts bicycles and whose road counts vehicles."""
    name = f"test_{os.urandom(6).hex()}"
    databases.create(stack.maintenance_url, name, template=TEMPLATE)
    url = stack.database.url(name)
    with closing(make_world(url, connect(url), mode=Mode.LIVE)) as made:
        count(made)
        yield made
    databases.drop(stack.maintenance_url, name)


@pytest.fixture(scope="module")
def live(counters: World) -> Iterator[httpx.Client]:
    with (
        server(counters.url, settings=settings_of(counters, "token")) as base,
        signed_in(base, counters.url, "anne", EVERYTHING) as client,
    ):
        yield client


def count(world: World) -> None:
    registry_queries.write(
        world.connection,
        Changes(
            sites=tuple(
                Site(name=name, title=f"={name}", domain="mobility", lon=lon, lat=lat)
                for name, lon, lat in (
                    ("greenway", 2.25, 48.7),
                    ("road", 2.3, 48.8),
                    ("hidden", None, None),
                )
            ),
            devices=tuple(
                Device(name=name, site=name, commissioned=DAY)
                for name in ("greenway", "road", "hidden")
            ),
            series=(
                Series(device="greenway", quantity="bicycles"),
                Series(device="greenway", quantity="battery"),
                Series(device="road", quantity="traffic_flow"),
                Series(device="hidden", quantity="bicycles"),
            ),
        ),
    )
    registry = registry_queries.load(world.connection)
    world.numbers = {key: series.id or 0 for key, series in registry.series.items()}
    world.connection.commit()
    world.store(
        [
            Sent(site="greenway", at=15, value=12, quantity="bicycles"),
            Sent(site="greenway", at=30, value=7, quantity="bicycles", quality=Quality.INVALIDATED),
            Sent(site="greenway", at=30, value=80, quantity="battery"),
            Sent(site="road", at=6.5, value=1230, quantity="traffic_flow"),
            Sent(site="hidden", at=15, value=3, quantity="bicycles"),
        ]
    )


def test_readings_are_the_same_as_csv_and_as_parquet(anne: httpx.Client) -> None:
    chosen = f"{DAY_ONE}&site=orge&quantity=level"
    rows = rows_of(anne, f"/readings.csv?{chosen}")
    assert rows[1] == {
        "site": "orge",
        "device": "orge",
        "quantity": "level",
        "unit": "m",
        "time": "2024-01-01T00:05:00Z",
        "value": "3.1",
        "quality": "",
        "received_at": "2024-01-01T00:05:00Z",
        "mode": "EXERCICE",
    }
    answer = fetch(anne, f"/readings.parquet?{chosen}")
    table = pq.read_table(io.BytesIO(answer.content))
    assert table["value"].to_pylist() == [float(row["value"]) for row in rows]
    assert table["time"].to_pylist()[1] == DAY.replace(minute=5)
    assert table.schema.metadata[b"mode"] == b"EXERCICE"
    assert table.schema.metadata[b"licence"].startswith(b"https://")
    name = "EXERCICE-readings-20240101T000000Z.parquet"
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
    assert 'rel="license"' in answer.headers["link"]


def test_pages_of_time_follow_each_other_and_hold_each_reading_once(anne: httpx.Client) -> None:
    path = "/readings.csv?from=2024-01-01T00:00:00Z&to=2024-01-01T00:10:00Z&device=orge"
    values = []
    for _ in range(3):
        values.append([row["value"] for row in rows_of(anne, path)])
        path = fetch(anne, path).links["next"]["url"]
    assert values == [["2", "3.1"], ["3.2", "4.2"], []]


def test_alarms_that_began_within_the_span(anne: httpx.Client) -> None:
    rows = rows_of(anne, f"/alarms.csv?{DAY_ONE}")
    assert {(row["site"], row["severity"], row["mode"]) for row in rows} == {
        ("orge", "major", "EXERCICE"),
        ("yvette", "major", "EXERCICE"),
    }
    table = pq.read_table(io.BytesIO(fetch(anne, f"/alarms.parquet?{DAY_ONE}").content))
    assert table["began"].to_pylist()[0].isoformat() == rows[0]["began"].replace("Z", "+00:00")
    assert rows_of(anne, "/alarms.csv?from=2023-12-01T00:00:00Z&to=2024-01-01T00:00:00Z") == []


def test_counts_are_what_the_national_schema_says(live: httpx.Client) -> None:
    measures = rows_of(live, f"/counts/measures.csv?{DAY_ONE}")
    assert [list(row.values()) for row in measures] == [
        ["road:traffic_flow", "road", "2024-01-01T00:00:30Z", "2024-01-01T00:06:30Z", "123"],
        ["greenway:bicycles", "greenway", "2024-01-01T00:00:00Z", "2024-01-01T00:15:00Z", "12"],
        ["greenway:bicycles", "greenway", "2024-01-01T00:15:00Z", "2024-01-01T00:30:00Z", ""],
    ]
    channels = rows_of(live, "/counts/channels.csv")
    assert [(row["channel_id"], row["mobility_type"], row["time_step"]) for row in channels] == [
        ("greenway:bicycles", "BIKE", "900"),
        ("road:traffic_flow", "CAR,VAN,TRUCK,BUS,MINIBUS,TWO WHEELS MOTORIZED", "360"),
    ]
    (first, _) = rows_of(live, "/counts/sites.csv")
    assert (first["site_id"], first["site_name"]) == ("greenway", "'=greenway")  # no formula
    for name in COUNTS:
        span = f"?{DAY_ONE}" if name == "measure" else ""
        validate(fetch(live, f"/counts/{name}s.csv{span}").content, name)


def test_an_exercise_is_marked_in_each_row_of_counts(counters: World) -> None:
    source = Source(
        connection=counters.connection,
        catalogue=CATALOGUE,
        now=DAY + timedelta(days=1),
        mode="EXERCICE",
        licence="",
        instance="test",
    )
    channels = counts.list_channels(source)
    span = Span(since=DAY, until=source.now)
    for table in (
        counts.tabulate_sites(source, channels),
        counts.tabulate_channels(source, channels),
        counts.tabulate_measures(source, channels, span),
    ):
        content = b"".join(files.write_csv(table))
        rows = list(csv.reader(io.StringIO(content.decode())))[1:]
        assert rows
        assert all(row[0].startswith("EXERCICE ") for row in rows)
        validate(content, table.name.removesuffix("s"))
    counters.connection.rollback()


def validate(content: bytes, schema: str) -> None:
    """Against the official schema, by its own tool."""
    descriptor = json.loads((SCHEMAS / f"{schema}.json").read_text())
    for field in descriptor["fields"]:  # some of its constraints stand where the tool refuses them
        misplaced = {name: field.pop(name) for name in ("required", "enum") if name in field}
        field["constraints"] = {**misplaced, **field.get("constraints", {})}
    official = Schema.from_descriptor(descriptor)
    report = Resource(content, format="csv", encoding="utf-8", schema=official).validate()
    assert report.valid, report.flatten(["title", "note"])


def test_frictionless_reads_the_package(live: httpx.Client, tmp_path: Path) -> None:
    described: dict[str, Any] = fetch(live, "/datapackage.json").json()
    for resource in described["resources"]:
        span = "" if resource["path"].endswith(("sites.csv", "channels.csv")) else f"?{DAY_ONE}"
        target = tmp_path / resource["path"]
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(fetch(live, f"/{resource['path']}{span}").content)
    (tmp_path / "datapackage.json").write_text(json.dumps(described))
    package = Package(str(tmp_path / "datapackage.json"))
    report = package.validate()
    assert report.valid, report.flatten(["title", "note"])
    rows = {
        name: len(package.get_table_resource(name).read_rows()) for name in package.resource_names
    }
    assert (rows["readings"], rows["counts-measures"], rows["counts-sites"]) == (5, 3, 2)


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        (f"/readings.csv?{DAY_ONE}&sites=orge", 400, "sites"),
        ("/readings.csv?from=2024-01-02T00:00:00Z&to=2024-01-01T00:00:00Z", 400, "after from"),
        ("/readings.csv?from=2023-01-01T00:00:00Z&to=2024-01-01T00:00:00Z", 400, "31 days"),
        ("/readings.csv?from=yesterday", 400, "from"),
        (f"/readings.csv?{DAY_ONE}&site=nowhere", 404, "no series"),
        (f"/readings.xlsx?{DAY_ONE}", 400, "form"),
    ],
)
def test_errors_are_problems_with_a_sentence(
    anne: httpx.Client, path: str, status: int, words: str
) -> None:
    answer = anne.get(ROOT + path)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert words in answer.json()["detail"]


def test_who_sees_what(base: str, world: World) -> None:
    with signed_in(base, world.url, "nora", (("viewer", NORTH),)) as nora:
        assert {row["site"] for row in rows_of(nora, f"/readings.csv?{DAY_ONE}")} == {"orge"}
        assert {row["site"] for row in rows_of(nora, f"/alarms.csv?{DAY_ONE}")} == {"orge"}
        assert nora.get(f"{ROOT}/readings.csv?{DAY_ONE}&site=yvette").status_code == 404
    with httpx.Client(base_url=base, timeout=30) as anybody:
        assert {row["site"] for row in rows_of(anybody, f"/readings.csv?{DAY_ONE}")} == {"orge"}
        assert anybody.get(f"{ROOT}/alarms.csv?{DAY_ONE}").status_code == 404
        paths = [each["path"] for each in fetch(anybody, "/").json()["resources"]]
        assert "alarms.csv" not in paths
        assert fetch(anybody, "/").headers["access-control-allow-origin"] == "*"
