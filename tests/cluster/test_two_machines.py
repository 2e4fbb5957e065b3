"""Two machines of three are enough to start: the third was never on, or it was the primary."""

import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hypervisor.broker.child import wait_until
from tests.acceptance.publisher import Gauge, Publisher
from tests.cluster.gauges import add_gauges, assert_stored_once, publishing
from tests.cluster.machines import Cluster, Member, lay_out
from tests.cluster.network import three_machines

pytestmark = pytest.mark.timeout(600)

SECONDS = 180.0
LEAST = 100  # readings


@dataclass(kw_only=True)
class Field:
    """A cluster with gauges, and what they have published until now."""

    cluster: Cluster
    gauges: Mapping[str, Gauge] = field(default_factory=dict)
    published: list[Publisher] = field(default_factory=list)

    def switch_on_all(self) -> None:
        for member in self.cluster.members:
            if member.up is None or member.up.poll() is not None:
                member.start()
        self.cluster.await_complete(SECONDS)
        last = self.cluster.members[-1]
        good = wait_until(lambda: not last.list_findings(), seconds=SECONDS, every=1)
        assert good, last.list_findings()

    def assert_readings_flow(self, at: Member) -> None:
        """All that was ever acknowledged is stored, also what is published now."""
        days_ago = 60 - len(self.published)
        began = time.monotonic()
        with publishing(
            self.cluster, self.gauges, finish_seconds=SECONDS, days_ago=days_ago
        ) as publisher:
            taken = wait_until(lambda: publisher.acknowledged >= LEAST, seconds=SECONDS)
        self.published.append(publisher)
        assert taken, "\n".join(
            f"machine {each.number}:\n{each.log('broker')[-4000:]}"
            for each in self.cluster.members
            if each.up is not None
        )
        sys.stderr.write(f"{LEAST} readings taken in after {time.monotonic() - began:.1f} s\n")
        assert_stored_once(self.cluster, *self.published, at=at, least=LEAST)


@pytest.fixture(scope="module")
def two(shared_folder: Path) -> Iterator[Field]:
    """The third machine has joined, and was never switched on."""
    folder = shared_folder / "two"
    folder.mkdir(mode=0o755)
    with three_machines() as network:
        made = lay_out(folder, network)
        first, second, _ = made.members
        for member in (first, second):
            member.start()
        made.await_ready((first, second))
        yield Field(cluster=made, gauges=add_gauges(first, folder))


def assert_missing(member: Member, missing: Member) -> None:
    """`doctor --all` names the machine, and says that no other may be lost."""
    found = member.list_findings()
    assert found[f"{missing.number} machine"].startswith("does not answer at")
    assert found["all cluster"].startswith("no further machine may be lost")
    assert not {name for name in found if name.startswith(f"{member.number} ")}


def test_the_third_was_never_on(two: Field) -> None:
    first, _, third = two.cluster.members
    two.assert_readings_flow(at=first)
    assert_missing(first, third)
    two.switch_on_all()


def assert_two_go_on(two: Field, others: list[Member], *, missing: Member) -> None:
    """They start by themselves; the third comes later and has everything, too."""
    for member in others:
        member.start()
    two.cluster.await_ready(others)
    two.assert_readings_flow(at=others[0])
    assert_missing(others[0], missing)
    two.switch_on_all()
    assert_stored_once(two.cluster, *two.published, at=missing, least=LEAST)


def test_all_were_stopped_and_the_last_that_ran_stays_off(two: Field) -> None:
    """It was the primary to the end, and the last node of the broker."""
    two.switch_on_all()
    last = two.cluster.primary()
    others = [member for member in two.cluster.members if member is not last]
    for member in (*others, last):
        member.stop()
    assert_two_go_on(two, others, missing=last)


def test_all_lost_their_power_and_the_primary_stays_off(two: Field) -> None:
    two.switch_on_all()
    lost = two.cluster.primary()
    others = [member for member in two.cluster.members if member is not lost]
    for member in (lost, *others):
        member.lose()
    assert_two_go_on(two, others, missing=lost)
