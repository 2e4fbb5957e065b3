"""Who can sign in to the demonstration: one account a role, with passwords made for it."""

from dataclasses import dataclass

from hypervisor.accounts import administering, passwords
from hypervisor.accounts.administering import Doer, New
from hypervisor.accounts.duties import Role
from hypervisor.store.accounts.standing import liveliest_epci
from hypervisor.store.connect import Connection

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


def make(connection: Connection) -> list[Member]:
    """Make them: who operates and who looks on is of the EPCI that has most sites."""
    epci = liveliest_epci(connection)
    made = []
    for name, role in ROLES.items():
        area, where = (None, "everywhere") if role in _EVERYWHERE or epci is None else epci
        secret = passwords.made()
        new = New(name=name, password=secret, roles=((role, area),))
        administering.add(connection, new, Doer(name="demo"), reason="demonstration")
        made.append(Member(name=name, password=secret, role=role, where=where))
    return made


def lines(members: list[Member]) -> list[str]:
    """As the demonstration tells them, once."""
    return [f"{one.name:9} {one.password}  {one.role}, {one.where}" for one in members]
