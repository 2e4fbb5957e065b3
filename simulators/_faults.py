"""Faults of sensors, clocks and networks: in a span, of some devices.

| kind | what it does | parameters |
|-|-|-|
| drop-out | messages are lost | share |
| duplicate | messages arrive again within ten minutes | share |
| delay | messages arrive later | by; or held: true, all at the end, the newest first |
| clock-skew | the clock is ahead (negative: behind); not LoRaWAN | by |
| stuck | the last value is repeated | quantity |
| spike | some values are far off | quantity, share, by |
| saturation | values stay at the top of the scale | quantity, at |
| failure | a status word instead of a value | quantity, word |
| actuator-failure | what is commanded is not done | mode: stuck, refused or unanswered |
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sensors._domain import catalogue
from sensors._nearest import did_you_mean
from simulators._encoding import Skew
from simulators._field import Place, SimulatorError
from simulators._orders import FAULT, Failure
from simulators._publications import MessageSet, Publication
from simulators._random import chance_of
from simulators._story import HOUR, SECOND, Event
from simulators._world import World
from simulators._yaml import parse_hours

COPIES_WITHIN = 600 * SECOND
Mask = NDArray[np.bool_]
Numbers = NDArray[np.float64]


def check_faults(faults: Sequence[Event]) -> None:
    """Check the parameters of faults.

    Raises:
        SimulatorError: names the fault, the parameter and the nearest valid one.
    """
    for fault in faults:
        for name, value in fault.parameters.items():
            if name not in KINDS[fault.kind]:
                hint = did_you_mean(name, KINDS[fault.kind])
                raise SimulatorError(
                    "fault {kind}: it has no {name!r}{hint}", fault.kind, name, hint
                )
            if name == "quantity" and value not in catalogue().quantities:
                hint = did_you_mean(str(value), catalogue().quantities)
                raise SimulatorError(
                    "fault {kind}: no quantity is called {name!r}{hint}", fault.kind, value, hint
                )
            if name == "mode" and value not in list(Failure):
                raise SimulatorError(
                    "fault {kind}: {name}: {value!r}; expected one of {codes}",
                    *(fault.kind, name, value, ", ".join(Failure)),
                )


def apply_value_faults(rows: pd.DataFrame, faults: Sequence[Event], world: World) -> pd.DataFrame:
    """The rows as faulty sensors report them."""
    mine = [fault for fault in faults if fault.kind in VALUES]
    if not mine:
        return rows
    times = rows["time"].astype("int64").to_numpy()
    value = rows["value"].to_numpy(dtype=np.float64, copy=True)
    status = rows["status"].to_numpy(dtype=object, copy=True)
    for number, fault in enumerate(mine):
        affected = _devices(fault, world)
        here = rows["device"].isin(affected).to_numpy() & _of_quantity(rows, fault)
        for quantity in rows.loc[here, "quantity"].unique():
            for device in affected:
                series = here & ((rows["device"] == device) & (rows["quantity"] == quantity))
                at = np.flatnonzero(series)
                during = (times[at] >= fault.begins) & (times[at] < fault.ends)
                chance = chance_of(world.seed, device, quantity, fault.kind, str(number))
                VALUES[fault.kind](_Series(at, during, value, status, quantity), fault, chance)
    return rows.assign(value=value, status=status)


class _Series:
    """The rows of one quantity of one device, of which some lie in a fault's span."""

    def __init__(
        self, at: NDArray[np.int64], during: Mask, value: Numbers, status: NDArray[np.object_],
        quantity: str,
    ) -> None:  # fmt: skip
        self.at = at
        self.during = at[during]
        self.before = at[: int(np.argmax(during))] if during.any() else at
        self.value = value
        self.status = status
        self.quantity = catalogue().quantities[quantity]


def _stuck(series: _Series, _fault: Event, _chance: np.random.Generator) -> None:
    if len(series.during):
        last = series.before[-1] if len(series.before) else series.during[0]
        series.value[series.during] = series.value[last]


def _spike(series: _Series, fault: Event, chance: np.random.Generator) -> None:
    share = _number(fault, "share", 0.02)
    here = series.during[chance.uniform(size=len(series.during)) < share]
    quantity = series.quantity
    far = _number(fault, "by", 0.2 * (quantity.high - quantity.low))
    spiked = series.value[here] + far * chance.uniform(0.7, 1.3, len(here))
    series.value[here] = np.clip(np.round(spiked, 3), quantity.low, quantity.high)


def _saturation(series: _Series, fault: Event, _chance: np.random.Generator) -> None:
    top = _number(fault, "at", series.quantity.high)
    over = series.during[series.value[series.during] >= top]
    series.value[over] = top
    series.status[over] = "saturated"


def _failure(series: _Series, fault: Event, _chance: np.random.Generator) -> None:
    series.value[series.during] = np.nan
    series.status[series.during] = str(fault.parameters.get("word", "FAULT"))


def clock_skew(faults: Sequence[Event], world: World) -> Skew:
    """The error of each device's clock at a time."""
    mine = [fault for fault in faults if fault.kind == "clock-skew"]

    def skew(place: Place, times: NDArray[np.int64]) -> NDArray[np.int64]:
        wrong = np.zeros(len(times), dtype=np.int64)
        for fault in mine:
            if world.touches(fault, place):
                during = (times >= fault.begins) & (times < fault.ends)
                wrong[during] += _hours(fault, "by", 1.0)
        return wrong

    return skew


def apply_network_faults(messages: MessageSet, faults: Sequence[Event], world: World) -> MessageSet:
    """The messages as a faulty network delivers them, by arrival."""
    for number, fault in enumerate(faults):
        if fault.kind not in NETWORK:
            continue
        affected = pd.Index(list(_devices(fault, world)))
        device = np.empty(len(messages.publications), dtype=object)
        device[messages.of] = messages.rows["device"].to_numpy()
        arrivals = np.array(
            [publication.arrival for publication in messages.publications], dtype=np.int64
        )
        during = (arrivals >= fault.begins) & (arrivals < fault.ends)
        here = during & pd.Series(device).isin(affected).to_numpy()
        chance = chance_of(world.seed, fault.kind, str(number))
        here &= chance.uniform(size=len(here)) < _number(fault, "share", 1.0)
        messages = NETWORK[fault.kind](messages, here, fault, chance)
    return messages


def _drop_out(
    messages: MessageSet, here: Mask, _fault: Event, _chance: np.random.Generator
) -> MessageSet:
    return _sort_messages(messages, np.flatnonzero(~here), messages.publications)


def _duplicate(
    messages: MessageSet, here: Mask, _fault: Event, chance: np.random.Generator
) -> MessageSet:
    """Copies have no rows: they hold nothing new."""
    late = chance.integers(SECOND, COPIES_WITHIN, int(here.sum())).tolist()
    copies = [
        replace(messages.publications[place], arrival=messages.publications[place].arrival + wait)
        for place, wait in zip(np.flatnonzero(here).tolist(), late, strict=True)
    ]
    publications = [*messages.publications, *copies]
    return _sort_messages(messages, np.arange(len(publications)), publications)


def _delay(
    messages: MessageSet, here: Mask, fault: Event, _chance: np.random.Generator
) -> MessageSet:
    late = list(messages.publications)
    wait = _hours(fault, "by", 1 / 3)
    places = np.flatnonzero(here).tolist()
    for place in places:
        arrival = late[place].arrival + wait
        late[place] = replace(late[place], arrival=arrival)
    if fault.parameters.get("held"):
        for rank, place in enumerate(reversed(places)):
            late[place] = replace(late[place], arrival=fault.ends + rank)
    return _sort_messages(messages, np.arange(len(late)), late)


def _sort_messages(
    messages: MessageSet, kept: NDArray[np.int64], publications: Sequence[Publication]
) -> MessageSet:
    """The kept messages and their readings, by arrival."""
    arrivals = np.array([publications[place].arrival for place in kept.tolist()], dtype=np.int64)
    order = kept[np.argsort(arrivals, kind="stable")]
    rank = np.full(len(publications), -1, dtype=np.int64)
    rank[order] = np.arange(len(order))
    of = rank[messages.of]
    there = of >= 0
    return MessageSet(
        publications=[publications[place] for place in order.tolist()],
        rows=messages.rows.loc[there].reset_index(drop=True),
        of=of[there],
    )


def _devices(fault: Event, world: World) -> tuple[str, ...]:
    return tuple(place.device for place in world.field.places if world.touches(fault, place))


def _of_quantity(rows: pd.DataFrame, fault: Event) -> Mask:
    """The quantity that it names, or all but those common to devices."""
    named = fault.parameters.get("quantity")
    if named is not None:
        return np.asarray((rows["quantity"] == named).to_numpy())
    return ~rows["quantity"].isin(catalogue().common).to_numpy()


def _number(fault: Event, name: str, usual: float) -> float:
    value = fault.parameters.get(name, usual)
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise SimulatorError(
            "fault {kind}: {name}: {value!r} is no number", fault.kind, name, value
        ) from error


def _hours(fault: Event, name: str, usual: float) -> int:
    """A length of time, in µs."""
    text = str(fault.parameters.get(name, usual))
    hours = parse_hours(text)
    if hours is None:
        raise SimulatorError(
            "fault {kind}: {name}: {value!r} is no time such as 90 min", fault.kind, name, text
        )
    return round(hours * HOUR)


VALUES: Mapping[str, Callable[[_Series, Event, np.random.Generator], None]] = {
    "stuck": _stuck,
    "spike": _spike,
    "saturation": _saturation,
    "failure": _failure,
}
NETWORK: Mapping[str, Callable[[MessageSet, Mask, Event, np.random.Generator], MessageSet]] = {
    "drop-out": _drop_out,
    "duplicate": _duplicate,
    "delay": _delay,
}
# Parameters of each kind, besides where and when.
KINDS: Mapping[str, frozenset[str]] = {
    FAULT: frozenset({"mode"}),
    "clock-skew": frozenset({"by"}),
    "delay": frozenset({"by", "held", "share"}),
    "drop-out": frozenset({"share"}),
    "duplicate": frozenset({"share"}),
    "failure": frozenset({"quantity", "word"}),
    "saturation": frozenset({"quantity", "at"}),
    "spike": frozenset({"quantity", "share", "by"}),
    "stuck": frozenset({"quantity"}),
}
