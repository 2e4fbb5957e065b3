"""Each service's command of docker-compose.yml runs with its variables, outside a container.

What no test here shows: the images themselves, and Grafana.
"""

import json
import os
import signal
import ssl
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import paho.mqtt.publish
import psycopg
import pytest

from hypervisor.base.process import PULSE
from hypervisor.broker.child import wait_until
from hypervisor.broker.ports import LOOPBACK
from hypervisor.broker.probe import ACCEPTED, connack
from hypervisor.broker.server_account import server_account
from hypervisor.database import databases
from hypervisor.stack.parts import BRIDGE, COLLECTOR, MAILER, OBSERVER, PARTS
from tests.compose import DOT_ENV
from tests.conftest import Stack
from tests.integration.stack import certificates
from tests.integration.stack.containers import Container, Elsewhere, Engine, engine
from tests.ports import reserve_port

pytestmark = pytest.mark.integration

TOWN = """\
sites:
  - name: mill
    title: The mill
    lon: 2.25
    lat: 48.59
    devices:
      - name: mill-gauge
        commissioned: 2026-01-01
        series: {level: 15 min}
"""
STORY = """\
name: two-hours
title: Two dry hours
title_fr: Deux heures sèches
description: Nothing is expected.
begins: 2024-10-01T00:00:00Z
hours: 2
quiet: true
"""
# What a reading takes to be seen; the rest is started in the long test.
FEW = ("broker", "migrate", "ingest", "web")
RUNNING = (*PARTS, COLLECTOR, MAILER, BRIDGE, OBSERVER)
SWITCHED_ON = {
    "PUBLIC_PAGE": "public",
    "CITIZENS_MAIL": "mailto://127.0.0.1:9?from=alerte@town.example",
    "CITIZENS_KEY": "a secret of forty letters, and not less!",
    "SPARKPLUG": "true",
    "SENSORTHINGS_MQTT": "true",
}


@pytest.fixture
def elsewhere(stack: Stack, open_tmp: Path) -> Iterator[Elsewhere]:
    """A database in which nothing is yet, and free ports."""
    name = f"test_{os.urandom(6).hex()}"
    databases.create(stack.maintenance_url, name)
    server_account().own(open_tmp)
    yield Elsewhere(
        root=open_tmp,
        database=f"{LOOPBACK}:{stack.database.port}/{name}",
        broker_port=reserve_port(),
        parts_port=reserve_port(),
        web_port=reserve_port(),
        tls_port=reserve_port(),
        certificates=certificates.issued(open_tmp / "certificates"),
    )
    databases.drop(stack.maintenance_url, name)
    with psycopg.connect(stack.maintenance_url, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS reader_grafana")


@pytest.fixture
def dot_env(stack: Stack) -> dict[str, str]:
    return {
        **DOT_ENV,
        "BROKER_TLS_FOLDER": "/etc/broker",
        "DATABASE_PASSWORD": stack.database.password,
    }


def readings(engine: Engine, token: str) -> list[float]:
    address = f"http://{LOOPBACK}:{engine.where.web_port}/api/v1/series/mill-gauge/level/readings"
    request = urllib.request.Request(address, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request) as answer:  # noqa: S310 -- our own, on this machine
        return [each["value"] for each in json.load(answer)["readings"]]


def publish(engine: Engine, password: str) -> None:
    paho.mqtt.publish.single(
        "devices/mill-gauge/readings",
        json.dumps({"time": f"{datetime.now(UTC):%FT%TZ}", "values": {"level": 1.5}}),
        qos=1,
        hostname=LOOPBACK,
        port=engine.where.broker_port,
        auth={"username": "mill-gauge", "password": password},
    )


def read_as_grafana(engine: Engine, words: str) -> list[tuple[object, ...]]:
    url = f"postgresql://reader_grafana:{DOT_ENV['READER_PASSWORD']}@{engine.where.database}"
    with psycopg.connect(url) as connection:
        return connection.execute(words.encode()).fetchall()


def told(engine: Engine, town: Path) -> None:
    """A reading goes in as a device and comes out as a person and as Grafana read it."""
    town.write_text(TOWN)
    engine.run("migrate", "inventory", "apply", str(town))
    engine.run("migrate", "account", "add", "a.martin", "--role", "viewer")
    token = engine.run("migrate", "account", "token", "add", "a.martin", "test").strip()
    publish(engine, engine.run("broker", "device", "add", "mill-gauge").strip())
    assert wait_until(lambda: readings(engine, token) == [1.5], seconds=60, every=0.2)
    assert read_as_grafana(engine, "SELECT value FROM reading") == [(1.5,)]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        read_as_grafana(engine, "DELETE FROM shown.reading RETURNING 1")


def ended_well(ended: dict[str, int]) -> None:
    """The web server, once it has stopped properly, ends by the signal that it was sent."""
    assert ended == {name: -signal.SIGTERM if name == "web" else 0 for name in ended}


def hanging_is_seen(engine: Engine, part: Container) -> None:
    """Time is not waited for: a part that hangs leaves its pulse as old as we make it."""
    os.kill(part.child.pid, signal.SIGSTOP)
    os.utime(part.env[PULSE], (0, 0))
    assert not part.healthy()
    os.kill(part.child.pid, signal.SIGCONT)
    engine.await_health(part)


def a_killed_broker_is_entered(engine: Engine) -> None:
    """Into the ledger of gaps, once it is started again."""
    broker = engine.running["broker"]
    pid = engine.where.root / "data-broker" / "broker" / "mosquitto.pid"
    os.kill(int(pid.read_text()), signal.SIGKILL)
    assert broker.child.wait(20) != 0
    again = engine.running["broker"] = engine.start("broker", engine.services["broker"]["command"])
    engine.await_health(again)

    def entered() -> bool:
        with psycopg.connect(again.env["HYPERVISOR_DATABASE_URL"]) as connection:
            rows = connection.execute("SELECT cause FROM message_loss").fetchall()
        return rows == [("broker-killed",)]

    assert wait_until(entered, seconds=30)


@pytest.mark.timeout(300)
def test_from_a_device_to_a_reader(
    elsewhere: Elsewhere, dot_env: dict[str, str], open_tmp: Path
) -> None:
    with engine(elsewhere, dot_env) as compose:
        compose.up(*FEW)
        for name in ("ingest", "web"):
            compose.await_health(compose.running[name])
        told(compose, open_tmp / "town.yaml")
        trust = ssl.create_default_context(cafile=elsewhere.certificates / "ca.crt")
        secret = DOT_ENV["BROKER_PASSWORD"]
        assert connack(LOOPBACK, elsewhere.tls_port, "ingest", secret, trust=trust) == ACCEPTED
        ended_well(compose.down())


@pytest.mark.long
@pytest.mark.timeout(900)
def test_every_service_of_a_live_instance(
    elsewhere: Elsewhere, dot_env: dict[str, str], open_tmp: Path
) -> None:
    with engine(elsewhere, {**dot_env, **SWITCHED_ON}) as compose:
        compose.up("broker", "migrate", "dashboards", *RUNNING)
        for part in RUNNING:
            compose.await_health(compose.running[part])
        told(compose, open_tmp / "town.yaml")
        hanging_is_seen(compose, compose.running["rollup"])
        a_killed_broker_is_entered(compose)
        ended = compose.down()
        assert set(ended) == {"broker", *RUNNING}
        ended_well(ended)
        built = {file.name for file in (elsewhere.root / "dashboards").glob("*.json")}
        home = compose.services["grafana"]["environment"]
        assert Path(home["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]).name in built


@pytest.mark.long
@pytest.mark.timeout(900)
def test_an_exercise_with_its_conductor_and_simulators(
    elsewhere: Elsewhere, dot_env: dict[str, str], open_tmp: Path
) -> None:
    exercise = {"MODE": "exercise", "BROKER_OPTIONS": "--exercise", "PLAYER_PASSWORD": "player"}
    (open_tmp / "story.yaml").write_text(STORY)
    story = {"SCENARIO": str(open_tmp / "story.yaml"), "SPEED": "max"}
    with engine(elsewhere, {**dot_env, **exercise, **story}) as compose:
        compose.up("broker", "migrate", "ingest", "watch", "conduct", "stage", "simulators")
        compose.await_health(compose.running["conduct"])
        assert compose.running["simulators"].child.wait(600) == 0, compose.running[
            "simulators"
        ].said()
        assert read_as_grafana(compose, "SELECT count(*) > 10000 FROM reading") == [(True,)]
        ended_well(compose.down())
