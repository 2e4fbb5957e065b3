"""An upgrade, one machine at a time, while devices publish: nothing is lost, nothing doubled.

The new version is this code with one more migration; the two others go on without knowing it.
"""

import shutil
from pathlib import Path

import pytest

from hypervisor.broker.child import wait_until
from tests.cluster.gauges import add_gauges, assert_stored_once, publishing
from tests.cluster.machines import Cluster, Member, cluster

pytestmark = pytest.mark.timeout(1800)

ROOT = Path(__file__).parents[2]
PACKAGES = ("hypervisor", "dashboards", "ingest", "rules", "sensors", "simulators")
MIGRATION = "9999_upgrade.sql"
ADDED = "ALTER TABLE worker ADD COLUMN upgraded boolean NOT NULL DEFAULT true"
SECONDS = 240.0


def make_new_version(folder: Path) -> Path:
    for package in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, folder / package, ignore=ignored)
    migrations = folder / "hypervisor" / "database" / "migrations"
    (migrations / MIGRATION).write_text(f"{ADDED};\n")
    return folder


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


def test_one_machine_at_a_time(shared_folder: Path) -> None:
    folder = shared_folder / "upgrade"
    folder.mkdir(mode=0o755)
    code = make_new_version(folder / "new")
    with cluster(folder) as running:
        first, second, third = running.members
        gauges = add_gauges(first, folder)
        with publishing(running, gauges, finish_seconds=SECONDS) as publisher:
            upgrade(running, first, code)
            # The broker's queues get their copies on the upgraded machine some seconds later.
            settled = wait_until(lambda: set(first.list_findings()) == {"all versions"}, seconds=60)
            assert settled, first.list_findings()
            refuses_to_go_back(second)
            assert first.list_findings()["all versions"].startswith("the machines run ")
            upgrade(running, second, code)
            upgrade(running, third, code)
            good = wait_until(lambda: not third.list_findings(), seconds=SECONDS)
            assert good, third.list_findings()
        assert_stored_once(running, publisher)
        with running.database() as connection:
            assert connection.execute("SELECT bool_and(upgraded) FROM worker").fetchone() == (True,)
