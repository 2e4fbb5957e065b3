"""Somebody who is signed in: roles, and the territory where each holds."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from hypervisor.base.duties import DUTIES, Duty, Role


@dataclass(frozen=True, kw_only=True)
class Territory:
    """Communes by code. `whole`: everything; `unplaced`: also what stands in no known commune.

    `public`: without an account, only what the inventory marks as public. `personal`: where
    personal data is seen, too (None: nowhere).
    """

    whole: bool = False
    unplaced: bool = False
    communes: frozenset[str] = frozenset()
    public: bool = False
    personal: "Territory | None" = None

    def holds(self, commune: str | None) -> bool:
        """Whether something in this commune (None: in none that is known) is in it."""
        return self.whole or (self.unplaced if commune is None else commune in self.communes)

    def covers(self, other: "Territory") -> bool:
        """Whether all of the other is in it."""
        if self.whole:
            return True
        inside = not other.whole and (self.unplaced or not other.unplaced)
        return inside and other.communes <= self.communes

    @property
    def empty(self) -> bool:
        return not (self.whole or self.unplaced or self.communes)


EVERYWHERE = Territory(whole=True)
PUBLIC = Territory(public=True)


def together(parts: Iterable[Territory]) -> Territory:
    """All of them."""
    territories = list(parts)
    return Territory(
        whole=any(territory.whole for territory in territories),
        unplaced=any(territory.unplaced for territory in territories),
        communes=frozenset().union(*(territory.communes for territory in territories)),
    )


@dataclass(frozen=True, kw_only=True)
class Grant:
    """A role and where it holds: `area` is an area's code and name, None: the whole instance."""

    role: Role
    territory: Territory
    area: str | None = None
    area_name: str | None = None


@dataclass(frozen=True, kw_only=True)
class Person:
    """Who asks. `scopes`: of the token that was shown; of a session, everything.

    `name` is the author of whatever they do.
    """

    account: int
    name: str
    title: str
    language: str | None = None
    grants: tuple[Grant, ...] = ()
    scopes: frozenset[Duty] = frozenset(Duty)
    token: int | None = None
    session: bytes | None = field(default=None, repr=False)

    def territory(self, duty: Duty = Duty.READ) -> Territory:
        """Where they may do this."""
        held = self._join(duty)
        if duty is not Duty.READ or Duty.PERSONAL not in self.scopes:
            return held
        personal = self._join(Duty.PERSONAL)
        return held if personal.empty else replace(held, personal=personal)

    def _join(self, duty: Duty) -> Territory:
        if duty not in self.scopes:
            return Territory()
        return together(grant.territory for grant in self.grants if duty in DUTIES[grant.role])

    def may(self, duty: Duty) -> bool:
        """Whether they may do this anywhere: what a menu asks."""
        return not self.territory(duty).empty

    def everywhere(self, duty: Duty) -> bool:
        """Whether they may do this in the whole instance."""
        return self.territory(duty).whole
