"""What `doctor --all` concludes from what the machines said."""

from dataclasses import replace

from hypervisor.cluster.clock import Offset
from hypervisor.cluster.etcd import EtcdState
from hypervisor.cluster.management import BrokerState
from hypervisor.cluster.plan import Machine
from hypervisor.cluster.survey import Copy, DatabaseState, MachineSurvey
from hypervisor.database.locks import Lock
from hypervisor.stack.doctor_cluster import ClusterSurvey, assess
from hypervisor.stack.queries_doctor import HeldLock

MACHINES = [
    Machine(number=number, address=f"10.0.0.{number}", certificate="", key="")
    for number in (1, 2, 3)
]
SPACE = 50 * 1024**3
FEW = "2 of 3 etcd; 2 of 3 databases; 2 of 3 brokers; 1 of 2 copies of the database confirm commits"


def survey(machine: Machine) -> MachineSurvey:
    primary = machine.number == 2
    return MachineSurvey(
        machine=machine,
        etcd=EtcdState(version="3.5.16", is_leader=primary, has_leader=True, bytes_used=0),
        database=DatabaseState(
            role="primary" if primary else "replica", running=True, timeline=3, version="1.0"
        ),
        offset=None if machine.number == 1 else Offset(seconds=-0.01, uncertainty=0.001, seen=0),
        problems={},
    )


def complete() -> ClusterSurvey:
    """Nothing is wrong; asked on machine 1, of which six parts of ingest are everywhere."""
    copy = Copy(state="streaming", lag=0, confirms=True)
    return ClusterSurvey(
        own=MACHINES[0],
        parts=6,
        machines=[survey(machine) for machine in MACHINES],
        copies={1: copy, 2: Copy(state="running", lag=None, confirms=False), 3: copy},
        brokers={
            number: BrokerState(
                address=f"10.0.0.{number}", running=True, version="4.0.5", disk_free=SPACE
            )
            for number in (1, 2, 3)
        },
        held=[
            HeldLock(address=f"10.0.0.{1 + part % 3}", lock=Lock.WORKER, part=part)
            for part in range(1, 7)
        ]
        + [HeldLock(address="10.0.0.3", lock=Lock.ROLLING_UP, part=None)],
        problems={},
    )


def wrong(seen: ClusterSurvey) -> dict[str, tuple[str, str]]:
    """What is not good: label -> state and sentence."""
    return {
        finding.label: (finding.state, finding.what)
        for finding in assess(seen)
        if finding.state != "good"
    }


def test_all_is_well() -> None:
    seen = complete()
    assert wrong(seen) == {}
    said = {finding.label: finding.what for finding in assess(seen)}
    assert said["all cluster"] == "any one machine may be lost"
    assert said["1 machine"] == "10.0.0.1, this one: 1.0"
    assert said["2 database"] == "primary, timeline 3"
    assert said["2 clock"] == "+0.010 s against ours (± 0.001 s)"
    assert said["3 work"] == "ingest of parts 2, 5; roll-ups"
    assert "1 clock" not in said


def test_a_machine_that_is_lost_is_named_and_no_other_may_be() -> None:
    seen = complete()
    lost = MachineSurvey(
        machine=MACHINES[2], etcd=None, database=None, offset=None, problems={"etcd": "silent"}
    )
    seen = replace(
        seen,
        machines=[*seen.machines[:2], lost],
        copies={**seen.copies, 3: Copy(state="stopped", lag=None, confirms=False)},
        brokers={**seen.brokers, 3: BrokerState(address="10.0.0.3", running=False)},
        held=[each for each in seen.held if each.address != "10.0.0.3"],
    )
    assert wrong(seen) == {
        "3 machine": ("bad", "does not answer at 10.0.0.3"),
        "3 broker": ("bad", "its node does not run"),
        "all ingest": ("bad", "no process reads parts 2, 5; the broker keeps their messages"),
        "all cluster": ("bad", f"no further machine may be lost: {FEW}"),
    }


def test_queues_that_are_still_copied_forbid_a_loss() -> None:
    few = "6 queues of the broker are not copied to all machines yet"
    assert wrong(replace(complete(), thin_queues=6)) == {
        "all cluster": ("bad", f"no further machine may be lost: {few}")
    }


def test_what_is_wrong_with_a_machine_that_answers() -> None:
    seen = complete()
    second, third = seen.machines[1:]
    assert third.etcd is not None
    assert third.database is not None
    third = replace(
        third,
        etcd=replace(third.etcd, has_leader=False),
        database=replace(third.database, version="1.1"),
        offset=Offset(seconds=-90, uncertainty=0.2, seen=0),
    )
    seen = replace(
        seen,
        machines=[seen.machines[0], second, third],
        copies={**seen.copies, 3: Copy(state="streaming", lag=40 * 1024**2, confirms=True)},
        brokers={**seen.brokers, 3: replace(seen.brokers[3], alarms=("memory",), disk_free=1)},
    )
    assert wrong(seen) == {
        "3 etcd": ("bad", "3.5.16, knows no leader"),
        "3 database": ("warning", "copy, 40.0 MiB behind, streaming"),
        "3 clock": ("bad", "+90.000 s against ours (± 0.200 s)"),
        "3 broker": ("bad", "4.0.5: takes no messages for want of memory"),
        "3 disk": ("bad", "0.0 GB free"),
        "all versions": ("warning", "the machines run 1.0 and 1.1"),
        "all cluster": ("bad", "no further machine may be lost: 2 of 3 etcd"),
    }


def test_what_could_not_be_asked_is_said() -> None:
    seen = replace(
        complete(), brokers={}, held=(), problems={"broker": "no answer", "database": "no primary"}
    )
    found = wrong(seen)
    assert found["all broker"][1].startswith("no answer; so nothing is known")
    assert found["all database"] == ("bad", "no primary")
    assert "all ingest" not in found
