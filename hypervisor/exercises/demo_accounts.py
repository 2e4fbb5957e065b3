"""Accounts of the demonstration: one per role, with random passwords."""

from dataclasses import dataclass

from hypervisor.access import passwords
from hypervisor.access.queries_places import find_busiest_epci
from hypervisor.accounts import service as account_service
from hypervisor.accounts.service import Administrator, NewAccount
from hypervisor.base.duties import Role
from hypervisor.database.connect import Connection

ROLES = {
    "chef": Role.ADMINISTRATOR,
    "operator": Role.OPERATOR,
    "author": Role.AUTHOR,
    "viewer": Role.VIEWER,
}
_EVERYWHERE = (Role.ADMINISTRATOR, Role.AUTHOR)


@dataclass(frozen=True, kw_only=True)
class Member:
    """An account of the demonstration; `where` in words."""

    name: str
    password: str
    role: Role
    where: str


def make_members(connection: Connection) -> list[Member]:
    """Make them: who operates and who looks on is of the EPCI that has most sites."""
    epci = find_busiest_epci(connection)
    members = []
    for name, role in ROLES.items():
        area, where = (None, "everywhere") if role in _EVERYWHERE or epci is None else epci
        secret = passwords.generate()
        new = NewAccount(name=name, password=secret, roles=((role, area),))
        account_service.create_account(
            connection, new, Administrator(name="demo"), reason="demonstration"
        )
        members.append(Member(name=name, password=secret, role=role, where=where))
    return members


def format_members(members: list[Member]) -> list[str]:
    """As the demonstration tells them, once."""
    return [
        f"{member.name:9} {member.password}  {member.role}, {member.where}" for member in members
    ]
