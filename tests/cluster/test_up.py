"""`hypervisor up` on the machines of a cluster: what runs, what is started again, a wrong clock."""

import json
import os
import signal
import ssl
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

from hypervisor.base.settings import SETTINGS_FILE
from hypervisor.broker.child import command_line, wait_until
from hypervisor.broker.probe import ACCEPTED, SILENT, connack
from hypervisor.stack.parts import interpreter_command, part_environment
from tests.acceptance.publisher import Gauge
from tests.cluster.devices import abandon
from tests.cluster.gauges import add_gauges
from tests.cluster.machines import Cluster, cluster, lay_out
from tests.cluster.network import three_machines
from tests.integration.stack import certificates

pytestmark = pytest.mark.timeout(300)

SERVERS = {"etcd", "patroni", "broker"}


@pytest.fixture(scope="module")
def running(shared_folder: Path) -> Iterator[Cluster]:
    folder = shared_folder / "up"
    folder.mkdir(mode=0o755)
    with cluster(folder, clocks=True) as made:
        yield made


def await_(true: Callable[[], bool], what: str, seconds: float = 60) -> None:
    assert wait_until(true, seconds=seconds, every=0.1), what


def test_every_machine_has_every_server_and_part(running: Cluster) -> None:
    for member in running.members:
        parts = {"ingest", "watch", "notify", "web", "rollup", "housekeeping", "commands"}
        assert {name for name in SERVERS | parts | {"collect"} if member.pid(name)} == (
            SERVERS | parts | {"collect"}
        )


def test_a_killed_part_and_server_are_started_again(running: Cluster) -> None:
    member = running.members[1]
    for name in ("watch", "broker", "etcd"):
        before = member.pid(name)
        assert before is not None
        os.kill(before, signal.SIGKILL)
        await_(lambda: member.pid(name) not in {before, None}, name)  # noqa: B023 -- at once
    running.await_complete()


def test_a_wrong_clock_takes_its_machine_out(running: Cluster) -> None:
    member = running.primary()
    member.machine.set_clock(90)
    await_(lambda: not any(map(member.pid, ("patroni", "broker", "ingest", "web"))), "not fenced")
    assert member.pid("etcd") is not None
    assert "the clock of this machine is wrong (+90" in member.log()
    assert running.primary() is not member
    others = [each for each in running.members if each is not member]
    assert all(each.ready for each in others)
    member.machine.set_clock(0)
    running.await_complete()
    assert "the clock is right again" in member.log()


def test_a_machine_that_is_stopped_leaves_nothing_and_comes_back_with_tls(
    running: Cluster, shared_folder: Path
) -> None:
    member = running.members[2]
    assert member.command("down").stdout == "stopped\n"
    left = {Path(command_line(pid)[0]).name for pid in member.machine.pids()}
    assert left <= {"epmd"}, member.log()  # Erlang's, which stays for the next node
    assert "was killed" not in member.log(), member.log() + member.log("patroni")[-8000:]
    papers = certificates.issued(shared_folder / "papers", member.machine.address)
    with (member.data / SETTINGS_FILE).open("a") as settings:
        settings.writelines(
            f"HYPERVISOR_BROKER_TLS_{key}={value}\n"
            for key, value in {
                "CERT": papers / "broker.crt",
                "KEY": papers / "broker.key",
                "ONLY": "true",
            }.items()
        )
    member.start()
    running.await_complete()
    gauge = add_gauges(member, shared_folder)["gauge-1"]
    plain = running.plan.ports.mqtt
    addresses = running.plan.addresses
    with running.network.outside.inside():
        open_ports = [
            connack(address, plain, gauge.name, gauge.password, session=gauge.name)
            for address in addresses
        ]
        assert open_ports == [ACCEPTED, ACCEPTED, SILENT]  # the third's is for its own machine
        assert publish_by_tls(addresses[2], gauge, papers / "ca.crt")
        stranger = ssl.create_default_context(cafile=papers / "other.crt")
        login = (gauge.name, gauge.password)
        assert connack(addresses[2], 8883, *login, session=gauge.name, trust=stranger) == SILENT
    with member.machine.inside():
        assert connack("127.0.0.1", plain, *login, session=gauge.name) == ACCEPTED
    with running.database() as connection:
        await_(
            lambda: connection.execute("SELECT value FROM reading").fetchall() == [(1.5,)], "stored"
        )


def publish_by_tls(address: str, gauge: Gauge, authority: Path, port: int = 8883) -> bool:
    """A reading, by MQTT 5; whether the broker acknowledges it."""
    client = Client(CallbackAPIVersion.VERSION2, client_id=gauge.name, protocol=MQTTv5)
    client.username_pw_set(gauge.name, gauge.password)
    client.tls_set(ca_certs=str(authority))
    client.connect(address, port)
    client.loop_start()
    body = json.dumps({"time": datetime.now(UTC).isoformat(), "values": {"level": 1.5}})
    sent = client.publish(f"devices/{gauge.name}/readings", body, qos=1)
    acknowledged = wait_until(sent.is_published, seconds=20)
    abandon(client)
    return acknowledged


def test_an_exercise_is_refused(shared_folder: Path) -> None:
    folder = shared_folder / "refused"
    folder.mkdir(mode=0o755)
    with three_machines() as network:
        member = lay_out(folder, network).members[0]
        refused = member.command("up", "--exercise")
    assert refused.returncode == 2
    assert "an exercise needs no cluster" in refused.stderr


def test_a_cluster_begins_with_the_backup_of_one_machine(shared_folder: Path) -> None:
    alone, backup = shared_folder / "alone", shared_folder / "before.backup"
    for words in (
        ["up", "--detach"],
        ["inventory", "apply", "garonne"],
        ["device", "add", "O000001001"],
        ["backup", str(backup)],
        ["down"],
    ):
        line = [*interpreter_command(), "--data", str(alone), *words]
        done = subprocess.run(
            line, env=part_environment(), cwd="/", capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr + done.stdout
    folder = shared_folder / "three"
    folder.mkdir(mode=0o755)
    with three_machines() as network:
        made = lay_out(folder, network, restored=True)
        first = made.members[0]
        for member in made.members:
            member.start()
        assert wait_until(lambda: "waiting for its data" in first.log(), seconds=180, every=0.5)
        assert not any(member.ready for member in made.members)
        restored = first.command("restore", str(backup), "--database-only")
        assert restored.returncode == 0, restored.stderr
        made.await_complete()
        with made.database() as connection:
            ((sites,),) = connection.execute("SELECT count(*) FROM site")
            accounts = connection.execute("SELECT name FROM broker_account").fetchall()
        assert sites > 0
        assert accounts == [("O000001001",)]
