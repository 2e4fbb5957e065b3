"""What somebody is, in words beside their name."""

from collections.abc import Mapping

from hypervisor.base.duties import Role
from hypervisor.base.person import Person
from hypervisor.base.translation import mark
from hypervisor.base.translation import translate as _

_ORDER = tuple(reversed(Role))  # who may more, first


def words(person: Person) -> str:
    """The role of theirs that may most; where it holds stands under "My account"."""
    roles = sorted((grant.role for grant in person.grants), key=_ORDER.index)
    return _(ROLES[roles[0]]) if roles else _("menu")


ROLES: Mapping[Role, str] = {
    Role.SOURCE: mark("Source of alarms"),
    Role.AGENT: mark("Field agent"),
    Role.VIEWER: mark("Viewer"),
    Role.PERSONAL: mark("Personal data"),
    Role.OPERATOR: mark("Operator"),
    Role.CONTROLLER: mark("Controller"),
    Role.AUTHOR: mark("Rule author"),
    Role.ADMINISTRATOR: mark("Administrator"),
}
