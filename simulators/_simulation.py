"""A scenario played by all domains that have devices in the field."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import pandas as pd

from sensors._nearest import did_you_mean
from simulators._encoding import encode_messages
from simulators._faults import apply_network_faults, apply_value_faults, check_faults, clock_skew
from simulators._field import Field, Place, SimulatorError
from simulators._orders import FAULT, FailingActuator, Failure, Order, list_actuators, list_failing
from simulators._publications import NO_MESSAGES, MessageSet, Revision
from simulators._selection import resolve_events
from simulators._simulator import find_simulators
from simulators._story import Story
from simulators._world import World


def simulate_rows(
    story: Story, field: Field, seed: int, *, hours: float | None = None
) -> pd.DataFrame:
    """Measurements without faults: rows of a recording, by time and device.

    Raises:
        SimulatorError: no device can be simulated, or no simulator knows the kind of an event.
    """
    return measure_rows(World(story, field, seed, hours=hours))


def simulate_messages(
    story: Story, field: Field, seed: int, *, hours: float | None = None
) -> MessageSet:
    """The messages published, with the faults of the scenario.

    Raises:
        SimulatorError: as `measure_rows`, or a fault is invalid.
    """
    return Simulation(World(story, field, seed, hours=hours)).messages()


class Simulation:
    """A world and its messages, which depend on it and on the orders of its actuators alone.

    Raises SimulatorError: a fault of the scenario is invalid.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.actuators = {place.device: place for place in list_actuators(world.field)}
        self._faults = resolve_events(world.story.faults, world.field, world.begins, world.seed)
        check_faults(self._faults)

    def messages(self) -> "SimulatedMessages":
        """All of them, while nothing is commanded.

        Raises SimulatorError: as `measure_rows`.
        """
        published = self._publish(measure_rows(self.world), self.world)
        return SimulatedMessages(**vars(published), simulation=self)

    def revise(self, orders: Sequence[Order], moved: Collection[str], *, since: int) -> Revision:
        """What follows `since` (µs) where `orders` are carried out, of all that `moved` move."""
        world = self.world.with_orders(orders)
        simulators = find_simulators()
        by_domain: dict[str, dict[str, Place]] = defaultdict(dict)
        for place in (self.actuators[device] for device in sorted(moved)):
            for other in simulators[place.domain].moved_by(world.field, place):
                by_domain[place.domain][other.device] = other
        rows = [
            simulators[domain].emit(
                replace(world.field, places=tuple(places.values())), world, world.seed
            )
            for domain, places in by_domain.items()
        ]
        filled = [part for part in rows if len(part)]
        published = NO_MESSAGES
        if filled:
            published = self._publish(pd.concat(filled, ignore_index=True), world)
        return Revision(
            devices=frozenset(device for places in by_domain.values() for device in places),
            since=since,
            messages=_after(published, since),
        )

    def hearing(self, devices: Collection[str], orders: Sequence[Order], at: int) -> frozenset[str]:
        """Those of the actuators that a command reaches at a time (µs)."""
        world = self.world.with_orders(orders)
        commanded = [self.actuators[device] for device in devices if device in self.actuators]
        simulators = find_simulators()
        awake: set[str] = set()
        for domain in {place.domain for place in commanded}:
            sites = {place.site for place in commanded if place.domain == domain}
            there = tuple(place for place in world.field.of(domain) if place.site in sites)
            awake |= simulators[domain].awake(replace(world.field, places=there), world, at)
        return frozenset(
            place.device
            for place in commanded
            if place.device in awake and not self._dropped_out(place, at)
        )

    def _dropped_out(self, place: Place, at: int) -> bool:
        """Whether none of its messages pass."""
        return any(
            fault.kind == "drop-out"
            and float(fault.parameters.get("share", 1)) >= 1
            and fault.begins <= at < fault.ends
            and self.world.touches(fault, place)
            for fault in self._faults
        )

    def failing(self) -> list[FailingActuator]:
        """The actuators that do not obey, and how."""
        actuators = tuple(self.actuators.values())
        faults = [
            (event, frozenset(p.device for p in actuators if self.world.touches(event, p)))
            for event in self._faults
            if event.kind == FAULT
        ]
        return list(list_failing(actuators, faults, self.world.seed))

    def failure_of(self, device: str, at: int) -> Failure | None:
        """How an actuator fails at a time (µs); None: it obeys."""
        for failing in self._failing_of.get(device, ()):
            if failing.fails_at(at):
                return failing.failure
        return None

    @cached_property
    def _failing_of(self) -> Mapping[str, Sequence[FailingActuator]]:
        by_device: dict[str, list[FailingActuator]] = defaultdict(list)
        for failing in self.failing():
            by_device[failing.device].append(failing)
        return by_device

    def _publish(self, rows: pd.DataFrame, world: World) -> MessageSet:
        rows = apply_value_faults(rows, self._faults, world)
        skew = clock_skew(self._faults, world)
        published = encode_messages(rows, world.field, world.seed, skew)
        return apply_network_faults(published, self._faults, world)


def list_failing_actuators(story: Story, field: Field, seed: int) -> list[FailingActuator]:
    """The actuators that will not obey: hidden from trainees.

    Raises SimulatorError: an event or fault of the scenario is invalid.
    """
    return Simulation(World(story, field, seed)).failing()


@dataclass(frozen=True, kw_only=True)
class SimulatedMessages(MessageSet):
    """Messages that are others once actuators are commanded."""

    simulation: Simulation


def _after(messages: MessageSet, since: int) -> MessageSet:
    late = [p.arrival > since for p in messages.publications]
    first = len(late) - sum(late)  # they are ascending by arrival
    there = messages.of >= first
    return replace(
        messages,
        publications=messages.publications[first:],
        rows=messages.rows[there].reset_index(drop=True),
        of=messages.of[there] - first,
    )


def measure_rows(world: World) -> pd.DataFrame:
    """The rows of every domain that has places in the world's field.

    Raises:
        SimulatorError: no device can be simulated, or no simulator knows the kind of an event.
    """
    playing = find_simulators()
    kinds = {kind for simulator in playing.values() for kind in simulator.events}
    for event in world.story.events:
        if event.kind not in kinds:
            raise SimulatorError(
                "{story}: no simulator plays events of kind {kind!r}{hint}",
                world.story.name,
                event.kind,
                did_you_mean(event.kind, kinds),
            )
    parts = [
        simulator.emit(world.field, world, world.seed)
        for domain, simulator in sorted(playing.items())
        if world.field.of(domain)
    ]
    filled = [part for part in parts if len(part)]
    if not filled:
        raise SimulatorError(
            "none of the inventory's devices measures what a simulator simulates; apply an"
            " inventory first, such as `hypervisor inventory apply essonne`"
        )
    rows = pd.concat(filled)
    return rows.sort_values(["time", "device"], kind="stable", ignore_index=True)
