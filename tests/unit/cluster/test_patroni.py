"""What Patroni is given: who gets in, and times that hold together."""

from pathlib import Path

import pytest

from hypervisor.broker.folder import open_folder
from hypervisor.broker.server_account import current_account
from hypervisor.cluster import patroni
from hypervisor.cluster.plan import Member, make_plan
from hypervisor.database.connect import CLUSTER

ADDRESSES = ("10.213.0.11", "10.213.0.12", "10.213.0.13")


@pytest.fixture
def member(tmp_path: Path) -> Member:
    plan = make_plan("Essonne", ADDRESSES)
    folder = open_folder(tmp_path / "data", current_account())
    return Member(plan=plan, machine=plan.machines[1], folder=folder)


def test_only_the_three_machines_get_in_with_a_password_over_tls(member: Member) -> None:
    files = member.secret_files()
    written = patroni.configuration(member, files, patroni.SHARED)
    lines = [line.split() for line in written["postgresql"]["pg_hba"]]
    assert {line[0] for line in lines} == {"hostssl"}
    assert {line[4] for line in lines} == {"scram-sha-256"}
    assert {line[3] for line in lines} == {"127.0.0.1/32", *(f"{each}/32" for each in ADDRESSES)}
    assert written["restapi"]["verify_client"] == "required"
    assert written["etcd3"]["cacert"] == str(files.authority)
    for file in (files.authority, files.certificate, files.key):
        assert file.stat().st_mode & 0o077 == 0


def test_a_primary_steps_down_before_its_lease_ends_and_clients_have_given_up_by_then() -> None:
    shared = patroni.SHARED
    assert shared["loop_wait"] + 2 * shared["retry_timeout"] <= shared["ttl"]
    assert CLUSTER.silence < shared["ttl"]
    assert (shared["synchronous_mode"], shared["synchronous_mode_strict"]) == ("quorum", True)
