"""Replaced gauges: which devices of a site follow one another, and their series as one."""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace

from hypervisor.base.instants import BEGINNING, micros
from hypervisor.evaluation.facts import SeriesFacts, Source, any_of, concatenate_steps, steps
from hypervisor.registry.model import Device

_FAR = 2**62
_IN_USE = steps({BEGINNING: 0.0})


def chains(
    devices: Iterable[Device], measures: Mapping[str, AbstractSet[str]], ended: Mapping[str, int]
) -> list[list[Device]]:
    """The devices of one site, each after the one that it replaced.

    `ended`: since when (µs) a device is retired, or out of service. A successor measures something
    that the other did (`measures`, without quantities of all devices), was commissioned later and
    stays longer; of several the one commissioned nearest to that time.
    """

    def end(device: Device) -> int:
        return ended.get(device.name, _FAR)

    ordered = sorted(devices, key=lambda device: (end(device), device.commissioned, device.name))
    successors: dict[str, Device] = {}
    taken: set[str] = set()
    for device in ordered:
        if device.name not in ended:
            continue
        candidates = [
            other
            for other in ordered
            if end(other) > end(device)
            and other.commissioned > device.commissioned
            and measures.get(other.name, set()) & measures.get(device.name, set())
            and other.name not in taken
        ]
        if candidates:
            successors[device.name] = min(
                candidates,
                key=lambda other: (
                    abs(micros(other.commissioned) - ended[device.name]),
                    other.name,
                ),
            )
            taken.add(successors[device.name].name)
    every_chain: list[list[Device]] = []
    for device in sorted(ordered, key=lambda each: each.name):
        if device.name in taken:
            continue
        chain = [device]
        while chain[-1].name in successors:
            chain.append(successors[chain[-1].name])
        every_chain.append(chain)
    return every_chain


def splice(parts: Sequence[SeriesFacts], until: Sequence[int]) -> SeriesFacts:
    """One series of several of one quantity; `until[i]` (µs): when the i-th was replaced."""
    if len(parts) == 1:
        return parts[0]
    since = [BEGINNING, *until[: len(parts) - 1]]
    step_series = [part.withdrawn or _IN_USE for part in parts]
    return replace(
        parts[-1],
        sources=tuple(
            Source(id=part.sources[0].id, device=part.device, since=at)
            for at, part in zip(since, parts, strict=True)
        ),
        interval=concatenate_steps(zip(since, [p.interval for p in parts], strict=True)),
        stale_after=concatenate_steps(zip(since, [p.stale_after for p in parts], strict=True)),
        longest=max(part.longest for part in parts),
        breaks=tuple(sorted({*since[1:], *(at for part in parts for at in part.breaks)})),
        withdrawn=any_of(concatenate_steps(zip(since, step_series, strict=True))),
    )
