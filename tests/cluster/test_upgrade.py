"""An upgrade, one machine at a time, while devices publish: nothing is lost, nothing doubled.

The new version is this code with one more migration; the two others go on without knowing it.
"""

import shutil
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hypervisor.broker.child import wait_until
from tests.acceptance.publisher import Gauge, Publisher
from tests.cluster.machines import Cluster, Member, cluster

pytestmark = pytest.mark.timeout(1800)

ROOT = Path(__file__).parents[2]
PACKAGES = ("hypervisor", "dashboards", "ingest", "rules", "sensors", "simulators")
MIGRATION = "9999_upgrade.sql"
ADDED = "ALTER TABLE worker ADD COLUMN upgraded boolean NOT NULL DEFAULT true"
GAUGES = ("gauge-1", "gauge-2", "gauge-3", "gauge-4")
SITE = """\
  - name: {name}
    title: {name}
    lon: 2.25
    lat: 48.59
    devices: [{{name: {name}, commissioned: 2020-01-01, series: {{level: 30 s}}}}]
"""
SECONDS = 240.0


def make_new_version(folder: Path) -> Path:
    for package in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, folder / package, ignore=ignored)
    migrations = folder / "hypervisor" / "database" / "migrations"
    (migrations / MIGRATION).write_text(f"{ADDED};\n")
    return folder


def add_gauges(running: Cluster, folder: Path) -> dict[str, Gauge]:
    """Register them, and give each an account."""
    member, file = running.members[0], folder / "mill.yaml"
    file.write_text("sites:\n" + "".join(SITE.format(name=name) for name in GAUGES))
    done = member.command("inventory", "apply", str(file))
    assert done.returncode == 0, done.stderr
    gauges = {}
    for name in GAUGES:
        made = member.command("device", "add", name)
        assert made.returncode == 0, made.stderr
        gauges[name] = Gauge(name=name, password=made.stdout.strip(), low=1, high=2)
    return gauges


def upgrade(running: Cluster, member: Member, code: Path) -> None:
    member.stop()
    member.code = code
    member.start()
    running.await_complete(SECONDS)


def refuses_to_go_back(member: Member) -> None:
    """Its servers do their part, its own parts stay away from a database that they do not know."""
    member.stop()
    member.start()
    refused = "a newer version has changed this database"
    assert wait_until(lambda: refused in member.log(), seconds=SECONDS), member.log()
    assert all(map(member.pid, ("etcd", "patroni", "broker")))
    assert not member.ready


def examine(member: Member) -> dict[str, str]:
    """What `doctor --all` says that is not good, by what it is about."""
    lines = member.command("doctor", "--all").stdout.splitlines()
    return {line[9:26].strip(): line[26:] for line in lines if line.startswith(("bad", "warning"))}


def test_one_machine_at_a_time(shared_folder: Path) -> None:
    folder = shared_folder / "upgrade"
    folder.mkdir(mode=0o755)
    code = make_new_version(folder / "new")
    with cluster(folder) as running:
        first, second, third = running.members
        publisher = Publisher(
            port=running.plan.ports.mqtt,
            gauges=add_gauges(running, folder),
            rate=20,
            begins=datetime.now(UTC).replace(microsecond=0) - timedelta(days=60),
            hosts=running.plan.addresses,
            silence=5,
        )
        with running.network.outside.inside():
            publisher.start()
        upgrade(running, first, code)
        assert examine(first).keys() == {"all versions"}
        refuses_to_go_back(second)
        assert examine(first)["all versions"].startswith("the machines run ")
        upgrade(running, second, code)
        upgrade(running, third, code)
        assert wait_until(lambda: not examine(third), seconds=SECONDS), examine(third)
        assert publisher.finish(seconds=SECONDS)
        assert_stored_once(running, publisher)


def assert_stored_once(running: Cluster, publisher: Publisher) -> None:
    sent = {
        (name, publisher.measured_at(number))
        for name, sent in publisher.sent.items()
        for number in sent.acknowledged
    }
    assert len(sent) > 1000

    def read() -> Counter[tuple[str, datetime]]:
        with running.database() as connection:
            return Counter(
                (name, time)
                for name, time in connection.execute(
                    "SELECT device.name, time FROM reading JOIN series ON series.id = series_id"
                    " JOIN device ON device.id = series.device"
                )
            )

    wait_until(lambda: sent <= read().keys(), seconds=60)
    stored = read()
    assert sent - stored.keys() == set()
    assert max(stored.values()) == 1
    with running.database() as connection:
        assert connection.execute("SELECT bool_and(upgraded) FROM worker").fetchone() == (True,)
