"""What an instance is, live or exercise, and the guards that stand on it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal
from zoneinfo import ZoneInfo, available_timezones

from sensors._errors import TerritoryError
from sensors._nearest import nearest_hint


class InstanceError(TerritoryError):
    """The instance is not what the command needs: live where an exercise is mode, or unmade."""


class Mode(StrEnum):
    """For good: an exercise never becomes live."""

    LIVE = "live"
    EXERCISE = "exercise"

    @property
    def banner(self) -> str:
        return "EXERCICE" if self is Mode.EXERCISE else "LIVE"


@dataclass(frozen=True, kw_only=True)
class Instance:
    """The row of table `instance`."""

    mode: Mode
    name: str
    timezone: str = "Europe/Paris"


def require_timezone(name: str) -> str:
    """The name of a time zone, as it is. Raises InstanceError: there is none of that name."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        hint = nearest_hint(name, available_timezones()) or "; expected one such as Europe/Paris"
        raise InstanceError("{name!r} is not a time zone{hint}", name, hint) from error
    return name


def require_exercise(instance: Instance, *, what: str) -> None:
    """Refuse `what` in a live instance. Raises InstanceError: it is live."""
    if instance.mode is not Mode.EXERCISE:
        raise InstanceError(
            "{what} is refused: the instance {instance!r} is live; make an exercise "
            "(`hypervisor --data FOLDER up --exercise`), or bring real history in with "
            "`hypervisor import`",
            what,
            instance.name,
        )


def require_mode(instance: Instance, mode: Mode) -> None:
    """Refuse to go on as `mode` where the instance was made otherwise.

    Raises InstanceError: the instance is of the other mode.
    """
    if instance.mode is not mode:
        raise InstanceError(
            "the instance {instance!r} was made {mode} and stays so; choose another --data "
            "folder for one that is {mode2}",
            instance.name,
            instance.mode,
            mode,
        )


Banner = Literal["LIVE", "EXERCICE"]
