"""Random rules in an author's words, and ways of coming that end in the middle of a batch."""

import random
from collections.abc import Sequence
from contextlib import suppress
from types import ModuleType
from unittest.mock import patch

from hypothesis import strategies as st

from hypervisor.alarms import queries as alarm_queries
from hypervisor.evaluation import queries as evaluation_queries
from hypervisor.notifications import queries_outbox
from tests.integration.evaluation.world import Sent, World

# Where a watch may be killed: before each of the things that it writes.
_POINTS: tuple[tuple[ModuleType, str], ...] = (
    (evaluation_queries, "replace_states"),
    (evaluation_queries, "save_state"),
    (alarm_queries, "save"),
    (queries_outbox, "put_events"),
)

_span = st.sampled_from(["10 min", "20 min", "45 min", "2 h"])
_high = st.sampled_from(["2.6 m", "3 m", "3.4 m", "threshold.attention", "threshold.alert - 0.3 m"])


class _KilledError(Exception):
    """The process is no more."""


@st.composite
def _value(draw: st.DrawFn) -> str:
    kind = draw(st.integers(0, 11))
    span, high = draw(_span), draw(_high)
    rise = draw(st.sampled_from(["0.1 m", "0.4 m"]))
    return [
        f"level > {high}",
        f"level < {high}",
        f"change(level, {span}) > {rise}",
        f"mean(level, {span}) > {high}",
        f"max(level, {span}) - min(level, {span}) > {rise}",
        f"sum(catchment_rain, {span}) > 8 mm",
        f"rate(level, {span}) > 0.3 m/h",
        f"level / 2 > {high} / {draw(st.sampled_from(['2', '1.9', 'last(level) * 1 m']))}",
        f"mean(level, {span}) / level > 1.05",
        f"count(level, {span}) < 2",
        f"upstream(level) > {high}",
        f"upstream(change(level, {span}) > {rise}, 15 min)",
    ][kind]


@st.composite
def _condition(draw: st.DrawFn) -> str:
    one = draw(_value())
    match draw(st.integers(0, 6)):
        case 0:
            return f"{one} and {draw(_value())}"
        case 1:
            return f"{one} or {draw(_value())}"
        case 2:
            return f"not ({one})"
        case 3:
            return f"{one} and {draw(st.sampled_from(['night', 'hour >= 4', 'not night']))}"
    return one


@st.composite
def _silence(draw: st.DrawFn) -> str:
    quiet = f"silent({draw(st.sampled_from(['level', 'device']))}, {draw(_span)})"
    return draw(
        st.sampled_from(
            [
                quiet,
                f"{quiet} and last(level) > 3 m",
                f"{quiet} and night",
                f"{quiet} or level > 4 m",
            ]
        )
    )


@st.composite
def packs(draw: st.DrawFn) -> str:
    """A pack of a few rules."""
    kinds = [*[_condition()] * 4, _silence()]
    written = []
    for number, condition in enumerate(kinds):
        lines = [f"- id: flood-{number}", '  title: "{site}"', f"  when: {draw(condition)}"]
        lines += [f"  for: {draw(_span)}"] if draw(st.booleans()) else []
        lines += [f"  keep for: {draw(_span)}"] if draw(st.integers(0, 3)) == 0 else []
        lines += ["  severity: minor"]
        if number < len(kinds) - 1 and draw(st.integers(0, 3)) == 0:  # no window beside a silence
            lines += ["  steps:", f"    - {{severity: major, when: '{draw(_condition())}'}}"]
        lines += ["  advice: look", "  wrong when: never", "  tests: []"]
        written.append("\n".join(lines))
    return "\n".join(written) + "\n"


def crashing_with_two_workers(world: World, sent: Sequence[Sent], rng: random.Random) -> None:
    """Nearly in order, by two workers that are not heard alike; the watch dies again and again."""
    world.join("two")
    rest = sorted(sent, key=lambda one: one.arrival + rng.uniform(0, 40))
    while rest:
        size = rng.choice((1, 4, 20, 60))
        batch, rest = rest[:size], rest[size:]
        world.store(batch)
        if rng.random() < 0.3:
            world.store(batch)
        if rng.random() < 0.7:
            world.beat(max(0.0, batch[0].arrival - 40), rng.choice(("one", "two")))
        if rng.random() < 0.3:
            crash(world, rng)
        elif rng.random() < 0.7:
            world.step()
    world.beat(sent[-1].arrival, "two")


def crash(world: World, rng: random.Random) -> None:
    """A batch that is not done to its end; what it would have written is not there."""
    module, name = rng.choice(_POINTS)
    with patch.object(module, name, side_effect=_KilledError), suppress(_KilledError):
        world.step()
    world.restart()
