"""/metrics over the real database: every part, as Prometheus reads it; who may see it."""

from collections.abc import Iterator

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from hypervisor.database.connect import connect
from hypervisor.readings import queries_workers
from hypervisor.readings.queries_workers import Tally
from tests.integration.evaluation.world import World, make_world, us
from tests.integration.web.served import server, serving
from tests.integration.web.test_events import rise

pytestmark = pytest.mark.integration

Figures = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    made = make_world(database_url, connect(database_url))
    made.register(["orge"])
    made.record_rules()
    made.join()
    yield made
    made.close()


def scraped(client: httpx.Client, **headers: str) -> Figures:
    answer = client.get("/metrics", headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_every_part_is_measured(world: World) -> None:
    number = rise(world)
    done = Tally(messages=7, rows=5, refused=2, batches=3, retries=1, repeated=4)
    queries_workers.record_heartbeat(world.connection, "one", us(21), done)
    world.connection.execute(
        "INSERT INTO dead_letter (topic, payload, reason, detail, received_at, worker)"
        " VALUES ('t', '', 'not-json', 'd', now(), 'one')"
    )
    world.connection.commit()
    with serving(world.url) as client:
        client.get(f"/api/v1/alarms/{number}").raise_for_status()
        client.get("/api/v1/alarms/999999")
        found = scraped(client)

    one = (("worker", "one"),)
    assert found["hypervisor_ingest_messages_total", one] == 7
    assert found["hypervisor_ingest_rows_total", one] == 5
    assert found["hypervisor_ingest_retries_total", one] == 1
    assert found["hypervisor_ingest_repeated_total", one] == 4
    assert found["hypervisor_ingest_gaps_total", ()] == 0
    assert found["hypervisor_ingest_heartbeat_age_seconds", one] == 0
    assert found["hypervisor_evaluation_age_seconds", ()] == 60
    assert found["hypervisor_watch_judged_to_age_seconds", ()] == 60, "the old name"
    assert found["hypervisor_evaluation_unread_batches", ()] == 1
    assert found["hypervisor_alarm_transitions_total", ()] >= 1
    assert found["hypervisor_notify_events_waiting", ()] >= 1
    assert found["hypervisor_database_size_bytes", ()] > 1_000_000
    assert found["hypervisor_database_up", ()] == 1
    assert found["hypervisor_sites", ()] == 1
    assert found["hypervisor_notify_deliveries", (("state", "dead"),)] == 0
    letters = (("reason", "not-json"), ("redriven", "false"), ("replayed", "false"))
    assert found["hypervisor_dead_letters", letters] == 1
    alarm = (("domain", "flood"), ("severity", "minor"), ("state", "unacknowledged"))
    assert found["hypervisor_alarms", alarm] >= 1
    route = (("method", "GET"), ("route", "/api/v1/alarms/{number}"))
    assert found["hypervisor_http_request_duration_seconds_count", route] == 2
    assert found["hypervisor_http_requests_total", (*route, ("status", "404"))] == 1


def test_an_unknown_address_makes_no_series_of_its_own(world: World) -> None:
    with serving(world.url) as client:
        for number in range(3):
            client.get(f"/no/such/{number}")
        found = scraped(client)
    routes = {dict(labels).get("route", "") for _, labels in found}
    assert not any("such" in route for route in routes)


def test_who_may_see_it(world: World) -> None:
    """This machine; but not who comes through a proxy on it, unless in their own right."""
    world.connection.execute(
        "INSERT INTO area (code, kind, name) VALUES ('91477', 'commune', 'Orge')"
    )
    world.connection.commit()
    proxied = {"X-Forwarded-For": "192.0.2.7"}
    with serving(world.url, name=None) as client:
        assert scraped(client)
        assert client.get("/metrics", headers=proxied).status_code == 401
    with serving(world.url) as client:
        assert scraped(client, **proxied)
    with serving(world.url, "yves", [("viewer", "91477")]) as client:
        assert client.get("/metrics", headers=proxied).status_code == 403


def test_it_answers_though_the_database_does_not() -> None:
    url = "postgresql://nobody@127.0.0.1:1/none"
    with server(url) as base, httpx.Client(base_url=base, timeout=20) as client:
        found = scraped(client)
    assert found["hypervisor_database_up", ()] == 0
