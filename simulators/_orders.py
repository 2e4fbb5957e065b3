"""Commands that actuators carry out, and actuators that fail to: by a scenario, or by its seed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sensors._command import Value
from sensors._domain import catalogue
from simulators._field import Field, Place
from simulators._random import chance_of
from simulators._story import Event

FAILING = 0.04  # share of actuators that fail: a setting
FAULT = "actuator-failure"  # the kind of a scenario's fault


@dataclass(frozen=True, kw_only=True)
class Order:
    """A command that a device carries out. `at`: when it begins to (µs, a whole second)."""

    device: str
    command: str
    parameters: Mapping[str, Value]
    at: int


class Failure(StrEnum):
    """How an actuator fails: it refuses, gives no answer, or acknowledges and does not move."""

    REFUSED = "refused"
    UNANSWERED = "unanswered"
    STUCK = "stuck"


@dataclass(frozen=True, kw_only=True)
class FailingActuator:
    """An actuator and how it fails. `begins`, `ends`: µs, where only a fault of the scenario."""

    device: str
    failure: Failure
    begins: int | None = None
    ends: int | None = None

    def fails_at(self, time: int) -> bool:
        if self.begins is None or self.ends is None:
            return True
        return self.begins <= time < self.ends


def list_actuators(field: Field) -> tuple[Place, ...]:
    """The devices that obey some command, by name."""
    models = catalogue().models
    obeying = [p for p in field.places if p.model in models and models[p.model].commands]
    return tuple(sorted(obeying, key=lambda place: place.device))


def list_failing(
    actuators: Sequence[Place], faults: Sequence[tuple[Event, frozenset[str]]], seed: int
) -> Iterator[FailingActuator]:
    """Those that fail. `faults`: of the scenario, with the devices that each is at."""
    for place in actuators:
        for event, devices in faults:
            if place.device in devices:
                yield FailingActuator(
                    device=place.device,
                    failure=Failure(event.parameters.get("mode", Failure.STUCK)),
                    begins=event.begins,
                    ends=event.ends,
                )
        drawn = _draw_failure(place.device, seed)
        if drawn is not None:
            yield FailingActuator(device=place.device, failure=drawn)


def _draw_failure(device: str, seed: int) -> Failure | None:
    chance = chance_of(seed, device, "actuator")
    if chance.random() >= FAILING:
        return None
    return list(Failure)[int(chance.integers(len(Failure)))]
