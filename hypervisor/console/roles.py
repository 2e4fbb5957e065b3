"""What somebody is, in words beside their name."""

from hypervisor.accounts.duties import Role
from hypervisor.accounts.person import Person
from hypervisor.console.views.admin import ROLES
from hypervisor.console.words import translate as _

_ORDER = tuple(reversed(Role))  # who may more, first


def words(person: Person) -> str:
    """The role of theirs that may most; where it holds stands under "My account"."""
    roles = sorted((one.role for one in person.grants), key=_ORDER.index)
    return _(ROLES[roles[0]]) if roles else _("menu")
