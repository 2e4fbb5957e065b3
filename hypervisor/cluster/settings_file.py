"""What a machine of a cluster writes into its settings: where its parts reach the servers."""

from collections.abc import Mapping

from hypervisor.base.settings import SETTINGS_FILE
from hypervisor.broker.folder import PLAN_FILE, DataFolder
from hypervisor.cluster.plan import Member, Plan

LOOPBACK = "127.0.0.1"


def settings_of(member: Member) -> Mapping[str, str]:
    """Key -> value. A part speaks to the broker of its own machine, and to the primary database."""
    plan = member.plan
    return {
        "HYPERVISOR_MACHINE": str(member.machine.number),
        "HYPERVISOR_DATABASE_URL": plan.database_url(),
        "HYPERVISOR_BROKER_HOST": LOOPBACK,
        "HYPERVISOR_BROKER_PORT": str(plan.ports.mqtt),
        "HYPERVISOR_BROKER_PARTS_PORT": str(plan.ports.mqtt_parts),
        "HYPERVISOR_BROKER_PASSWORD": plan.secrets.broker,
        "HYPERVISOR_BROKER_AMQP_PORT": str(plan.ports.amqp),
        "HYPERVISOR_BROKER_PARTS": str(plan.parts),
    }


def join(folder: DataFolder, plan: Plan, number: int) -> Member:
    """Make `folder` that of a machine; its settings are rewritten at each start."""
    member = Member(plan=plan, machine=plan.machines[number - 1], folder=folder)
    folder.write(folder.root / PLAN_FILE, plan.text())
    write_settings(member)
    return member


def write_settings(member: Member) -> None:
    """Replace our lines of the settings file; the user's own stay."""
    head = f"# {SETTINGS_FILE}: our lines come from {PLAN_FILE}."
    member.folder.write_settings(settings_of(member), head=head)
