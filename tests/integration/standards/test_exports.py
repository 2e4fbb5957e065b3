"""Files: what they hold, pages of time, who sees what; read by pyarrow and by Frictionless."""

import csv
import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest
from frictionless import Package, Resource, Schema

from hypervisor.standards import counts
from hypervisor.standards.exports import Source, Span
from hypervisor.web import table_files
from tests.integration.evaluation.world import CATALOGUE, DAY, World
from tests.integration.web.conftest import NORTH
from tests.integration.web.served import signed_in

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
        content = b"".join(table_files.write_csv(table))
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
    assert (rows["readings"], rows["counts-measures"], rows["counts-sites"]) == (9, 3, 2)


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
