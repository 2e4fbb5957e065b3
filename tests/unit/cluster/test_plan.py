"""The plan of a cluster: what is written is read again, and what cannot be a plan is said."""

import ssl
from pathlib import Path

import pytest
import yaml
from cryptography import x509

from hypervisor.broker.folder import PLAN_FILE
from hypervisor.cluster.plan import Plan, PlanError, make_plan, read_plan

ADDRESSES = ("10.213.0.1", "10.213.0.2", "10.213.0.3")


def test_a_plan_is_read_as_it_was_written(tmp_path: Path) -> None:
    plan = make_plan("Essonne", ADDRESSES)
    (tmp_path / PLAN_FILE).write_text(plan.text())
    assert read_plan(tmp_path / PLAN_FILE) == plan
    hosts = ",".join(f"{address}:5432" for address in ADDRESSES)
    assert f"@{hosts}/hypervisor?target_session_attrs=primary&" in plan.database_url()


def test_each_machine_is_known_by_the_authority(tmp_path: Path) -> None:
    plan = make_plan("Essonne", ADDRESSES)
    authority = x509.load_pem_x509_certificate(plan.authority.encode())
    for machine in plan.machines:
        certificate = x509.load_pem_x509_certificate(machine.certificate.encode())
        certificate.verify_directly_issued_by(authority)
        (tmp_path / "certificate").write_text(machine.certificate)
        (tmp_path / "key").write_text(machine.key)
        context = ssl.create_default_context(cadata=plan.authority)
        context.load_cert_chain(tmp_path / "certificate", tmp_path / "key")


@pytest.mark.parametrize(
    ("addresses", "problem"),
    [
        (ADDRESSES[:2], "2 addresses were given"),
        (("a.example", *ADDRESSES[1:]), "expected the machine's IP address"),
        ((ADDRESSES[0], ADDRESSES[0], ADDRESSES[2]), "two machines have the same address"),
    ],
)
def test_three_machines_with_addresses_make_a_plan(
    addresses: tuple[str, ...], problem: str
) -> None:
    with pytest.raises(PlanError, match=problem):
        make_plan("Essonne", addresses)


def test_a_plan_with_a_fault_is_named(tmp_path: Path) -> None:
    file = tmp_path / PLAN_FILE
    fields = yaml.safe_load(make_plan("Essonne", ADDRESSES).text())
    file.write_text(yaml.safe_dump({**fields, "machines": fields["machines"][:2]}))
    with pytest.raises(PlanError, match="machines: expected machines number 1, 2 and 3"):
        read_plan(file)
    with pytest.raises(PlanError, match="cannot be read"):
        read_plan(tmp_path / "nowhere.yml")


def test_the_plan_type_is_closed() -> None:
    with pytest.raises(ValueError, match="extra"):
        Plan.model_validate({"unknown": 1})
