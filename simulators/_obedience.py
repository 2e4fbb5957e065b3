"""The actuators of a simulation: they take commands, acknowledge them, and carry them out."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sensors._command import CommandError, Value
from sensors._domain import catalogue
from simulators._actuators import ACTUATORS
from simulators._orders import Failure, Order
from simulators._publications import SECOND, MessageSet, Publication, Revision, instant_of
from simulators._random import chance_of
from simulators._simulation import SimulatedMessages, Simulation

ACKNOWLEDGES = (1, 4)  # s after a command has come: a setting
# Why a device refuses, in its own words, by command.
REFUSALS = {
    **{actuator.command: actuator.refusal for actuator in ACTUATORS.values()},
    "dim": "driver too hot",
    "switch": "local mode: selector in the cabinet",
}


@dataclass(frozen=True, kw_only=True)
class ReceivedCommand:
    """A command as a device reads it (docs/actuators.md). `valid_until` in µs."""

    key: str
    name: str
    parameters: Mapping[str, object]
    valid_until: int


@dataclass(kw_only=True)
class Actuators:
    """Those of one run. `revisions`: how the orders so far have changed its messages."""

    simulation: Simulation
    revisions: list[Revision] = field(default_factory=list)
    _orders: list[Order] = field(default_factory=list)
    _taken: set[str] = field(default_factory=set)

    def obey(
        self, received: Sequence[tuple[str, bytes]], at: int, seen: int | None = None
    ) -> tuple[list[Publication], Revision | None]:
        """Take commands (device, payload) that come at `at` (µs): answers, and what they change.

        `seen`: the clock by which they are valid, where it is behind `at`.
        """
        answers: list[Publication] = []
        orders: list[Order] = []
        hearing = self.simulation.hearing({device for device, _ in received}, self._orders, at)
        for device, payload in received:
            command = _parse(payload)
            if command is None or device not in hearing or command.key in self._taken:
                continue  # a key is obeyed once
            failure = self.simulation.failure_of(device, at)
            if (
                command.valid_until < (at if seen is None else seen)
                or failure is Failure.UNANSWERED
            ):
                continue
            self._taken.add(command.key)
            when = _when(device, at, self.simulation.world.seed)
            parameters, refusal = _read(command, self.simulation.actuators[device].model)
            if failure is Failure.REFUSED:
                refusal = refusal or REFUSALS.get(command.name, "fault")
            answers.append(_answer(device, command.key, when, refusal))
            if failure is None and not refusal:
                orders.append(
                    Order(device=device, command=command.name, parameters=parameters, at=when)
                )
        if not orders:
            return answers, None
        return answers, self._carry_out(orders, min(order.at for order in orders) - 1)

    def recall(self, orders: Sequence[Order], since: int) -> None:
        """Go on after `since` (µs) with what was acknowledged before an interruption."""
        moved = [o for o in orders if self.simulation.failure_of(o.device, o.at) is None]
        if moved:
            self._carry_out(moved, since)

    def _carry_out(self, orders: Sequence[Order], since: int) -> Revision:
        self._orders += orders
        devices = {order.device for order in orders}
        self.revisions.append(self.simulation.revise(self._orders, devices, since=since))
        return self.revisions[-1]


def make_actuators(messages: MessageSet) -> Actuators | None:
    """Those of the simulation that made the messages; None: they were recorded."""
    if isinstance(messages, SimulatedMessages):
        return Actuators(simulation=messages.simulation)
    return None


def _when(device: str, at: int, seed: int) -> int:
    """When a device acknowledges: controllers stamp whole seconds."""
    wait = int(chance_of(seed, device, "acknowledges").integers(*ACKNOWLEDGES)) * SECOND
    return -(-(at + wait) // SECOND) * SECOND


def _parse(payload: bytes) -> ReceivedCommand | None:
    """None: no command, which a device does not answer."""
    try:
        body: dict[str, Any] = json.loads(payload)
        valid_until = datetime.fromisoformat(body["valid_until"])
        return ReceivedCommand(
            key=str(UUID(body["key"])),
            name=str(body["command"]),
            parameters=dict(body["parameters"]),
            valid_until=instant_of(valid_until),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _read(command: ReceivedCommand, model: str) -> tuple[Mapping[str, Value], str]:
    """Its parameters, and why a device of this model cannot do it; empty: it can."""
    words = catalogue()
    if command.name not in words.models[model].commands:
        return {}, "unknown command"
    try:
        return words.commands[command.name].parse(command.parameters), ""
    except CommandError as error:
        return {}, str(error)


def _answer(device: str, key: str, at: int, refusal: str) -> Publication:
    body = {"state": "refused", "reason": refusal} if refusal else {"state": "acknowledged"}
    return Publication(
        arrival=at,
        topic=f"devices/{device}/commands/{key}/ack",
        payload=json.dumps(body).encode(),
        readings=0,
        device=device,
    )
