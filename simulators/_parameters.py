"""What a scenario may say of an event of a kind: read strictly, so that a slip does not pass."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from simulators._errors import SimulatorError
from simulators._world import World


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """`expected`: in words, for whoever wrote something else."""

    expected: str
    holds: Callable[[object], bool]


Kinds = Mapping[str, Mapping[str, Parameter]]


def number(low: float, high: float) -> Parameter:
    """A number from `low` to `high`."""
    return Parameter(
        expected=f"a number from {low:g} to {high:g}",
        holds=lambda value: (
            isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high
        ),
    )


def flag() -> Parameter:
    """True or false."""
    return Parameter(expected="true or false", holds=lambda value: isinstance(value, bool))


def choice(*words: str) -> Parameter:
    """One of some words."""
    return Parameter(expected=f"one of {', '.join(words)}", holds=lambda value: value in words)


def check_events(world: World, kinds: Kinds) -> None:
    """Every event of these kinds says only what can be said of it.

    Raises:
        SimulatorError: names the event, the parameter and what was expected.
    """
    for kind, parameters in kinds.items():
        for event in world.events_of(kind):
            for name, value in event.parameters.items():
                if name not in parameters:
                    may = ", ".join(parameters) or "nothing more"
                    raise SimulatorError(f"event {kind}: unknown {name!r}; it may say {may}")
                if not parameters[name].holds(value):
                    raise SimulatorError(
                        f"event {kind}: {name}: {value!r}; expected {parameters[name].expected}"
                    )
