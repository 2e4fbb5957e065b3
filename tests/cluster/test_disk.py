"""A nearly full disk takes one machine's broker out, not the publishers of all three."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from hypervisor.broker import passwords
from hypervisor.broker.child import wait_until
from hypervisor.broker.probe import SILENT, connack
from hypervisor.cluster.disk_watch import LEAVE_BYTES, RETURN_BYTES
from hypervisor.cluster.rabbitmq import LIMIT_BYTES
from tests.cluster.machines import Cluster, Member, lay_out
from tests.cluster.network import three_machines

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

SIZE = RETURN_BYTES + 700_000_000  # of a small disk: its servers take some 300 MB
SECONDS = 180.0


@pytest.fixture
def small(shared_folder: Path) -> Iterator[Cluster]:
    """Three machines, of which the second and the third have small disks."""
    folder = shared_folder / "disks"
    folder.mkdir(mode=0o755)
    with ExitStack() as stack:
        for number in (2, 3):
            disk = folder / f"machine-{number}"
            disk.mkdir(mode=0o755)
            mount = ["mount", "-t", "tmpfs", "-o", f"mode=755,size={SIZE}", "tmpfs", str(disk)]
            subprocess.run(mount, check=True)
            stack.callback(subprocess.run, ["umount", "--lazy", str(disk)], check=False)
        network = stack.enter_context(three_machines())
        made = lay_out(folder, network)
        for member in made.members:
            member.start()
        made.await_complete(SECONDS)
        yield made


def fill(member: Member, *, leave: int) -> Path:
    """A file that leaves so many bytes on its disk."""
    file = member.data / f"filler-{leave}"
    seen = os.statvfs(member.data)
    with file.open("wb") as filler:
        os.posix_fallocate(filler.fileno(), 0, seen.f_bavail * seen.f_frsize - leave)
    return file


def broker_runs(cluster: Cluster, member: Member) -> bool:
    login = (passwords.KEEPER, cluster.plan.secrets.broker)
    with member.machine.inside():
        return connack("127.0.0.1", cluster.plan.ports.mqtt_parts, *login) != SILENT


def until_notified(cluster: Cluster, events: list[str]) -> None:
    def notified() -> bool:
        with cluster.database() as connection:
            rows = connection.execute(
                "SELECT event, body->>'machine' FROM outbox WHERE event LIKE 'broker %' ORDER BY id"
            ).fetchall()
        return rows == [(event, "3") for event in events]

    assert wait_until(notified, seconds=SECONDS, every=0.5), cluster.members[0].log("notify")


def test_one_leaves_before_the_alarm_a_second_stays_and_the_first_comes_back(
    small: Cluster,
) -> None:
    _, second, third = small.members
    filler = fill(third, leave=(LIMIT_BYTES + LEAVE_BYTES) // 2)
    assert wait_until(lambda: not broker_runs(small, third), seconds=SECONDS, every=0.5), (
        third.log()
    )
    assert "the broker leaves, the other two machines go on" in third.log()
    assert wait_until(lambda: third.pid("broker") is None, seconds=SECONDS, every=0.5)
    until_notified(small, ["broker left"])
    more = fill(third, leave=LIMIT_BYTES // 2)
    third.stop()
    third.start()
    small.await_ready([third], seconds=SECONDS)
    assert third.pid("broker") is None
    assert "it has left, since the disk is nearly full" in third.command("doctor").stdout
    assert "its node has left" in third.command("doctor", "--all").stdout
    more.unlink()
    assert "disk space" not in small.members[0].command("doctor", "--all").stdout
    assert "takes no messages" not in small.members[0].command("doctor", "--all").stdout

    other = fill(second, leave=(LIMIT_BYTES + LEAVE_BYTES) // 2)
    assert wait_until(
        lambda: "the broker cannot leave" in second.log(), seconds=SECONDS, every=0.5
    ), second.log()
    assert broker_runs(small, second)
    other.unlink()

    filler.unlink()
    assert wait_until(lambda: broker_runs(small, third), seconds=SECONDS, every=0.5), third.log()
    assert "it comes back" in third.log()
    until_notified(small, ["broker left", "broker back"])
    small.await_complete(SECONDS)
