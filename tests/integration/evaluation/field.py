"""A small field: a cabinet with lamps behind a switched supply, a gauge replaced, a datum moved."""

import random
from collections.abc import Sequence
from datetime import timedelta

from hypervisor.base.instants import BEGINNING
from hypervisor.registry import queries as registry_queries
from hypervisor.registry.changes import Changes
from hypervisor.registry.model import Device, Group, Revision, Series, Site
from tests.integration.evaluation.world import DAY, Sent, World, unit_of, us

CABINET = "cab"
LAMPS = ("lamp-1", "lamp-2", "lamp-3", "lamp-4", "lamp-5")
OFTEN = 15  # min between two words of a lamp
LIT = (240, 460)  # minutes of the day: from the end of the curfew to some minutes before sunrise
REPLACED = 250  # when the Orge's gauge is
WAY, QUICKER = 45, 200  # min from the Orge to the Yvette, and from when on it is less
LEAVES, JOINS, MOVED = 300, 330, 400  # lamp-4, lamp-5, the Yvette's zero

RULES = """
- id: lighting-fault
  title: "{device} of {group}: fault"
  per: device
  category: maintenance
  when: lamp_fault != 0
  for: 10 min
  severity: minor
  advice: look
  wrong when: never
  tests: []
- id: lighting-silent
  title: "{device}: silent"
  per: device
  when: silent(light_level, 40 min)
  severity: minor
  advice: look
  wrong when: never
  tests: []
- id: lighting-dark
  title: "{group}: dark"
  per: group
  when: share(light_level < 50 %) >= 0.5
  severity: major
  advice: look
  wrong when: never
  tests: []
- id: lighting-out
  title: "{group}: out"
  per: group
  when: share(silent(light_level, 40 min) or lamp_fault != 0) >= 0.5
  severity: major
  advice: look
  wrong when: never
  tests: []
- id: lighting-load
  title: "{group}: burns too much"
  per: group
  when: cabinet_power > 2 kW and share(light_level > 50 %) < 0.6
  severity: minor
  advice: look
  wrong when: never
  tests: []
- id: lighting-by-day
  title: "{device}: lit against its plan"
  per: device
  when: light_level > 50 % and not planned_on
  severity: minor
  advice: look
  wrong when: never
  tests: []
- id: lighting-total
  title: "{group}: burns too much together"
  per: group
  when: total(light_level) > 300 %
  severity: minor
  advice: look
  wrong when: never
  tests: []
- id: lighting-cabinet
  title: "{site}: controller silent"
  when: silent(cabinet_power, 40 min)
  severity: minor
  advice: look
  wrong when: never
  tests: []
"""

FLOOD = """
- id: flood-wave
  title: "{site}: a wave comes"
  when: upstream(level) > 3.2 m and level < 4 m
  severity: major
  advice: look
  wrong when: never
  tests: []
- id: flood-night
  title: "{site}: high by night"
  when: level > 3 m and (night or hour >= 8)
  for: 10 min
  severity: major
  advice: look
  wrong when: never
  tests: []
- id: flood-deaf
  title: "{site}: a device is silent"
  when: silent(device, 45 min)
  severity: info
  advice: look
  wrong when: never
  tests: []
- id: flood-weak
  title: "{device}: battery low"
  per: device
  when: battery < 20 %
  severity: info
  advice: look
  wrong when: never
  tests: []
"""


def register(world: World) -> None:
    """All of it, with what changes in the course of the day said beforehand."""
    world.rules += FLOOD
    world.register(["orge", "yvette"])
    world.others["lighting"] = RULES
    link = [
        world.fact("link", "orge>yvette", {"travel_s": WAY * 60}),
        world.fact("link", "orge>yvette", {"travel_s": WAY * 40}, since=us(QUICKER)),
    ]
    flow = Changes(revisions=tuple(link))
    write(world, *_cabinet(world), *replacement(world), *_datum(world), flow)


def write(world: World, *changes: Changes) -> None:
    for change in changes:
        registry_queries.write(world.connection, change)
    registry = registry_queries.load(world.connection)
    world.numbers = {key: one.id or 0 for key, one in registry.series.items()}
    world.connection.commit()


def _cabinet(world: World) -> Sequence[Changes]:
    site = Site(name=CABINET, title="Cabinet", domain="lighting", lon=2.35, lat=48.85)
    plan = {
        "on_after_s": 0,
        "off_after_s": 0,
        "spells": [{"begins": "01:00", "ends": "05:00", "level": 0}],
    }
    facts = [
        world.fact("plan", "streets", plan),
        world.fact("supply", CABINET, {"plan": "streets", "switched": True}),
        *(world.fact("member", f"{CABINET}/{lamp}", {}) for lamp in LAMPS[:4]),
        world.fact("member", f"{CABINET}/lamp-4", None, since=us(LEAVES)),
        world.fact("member", f"{CABINET}/lamp-5", {}, since=us(JOINS)),
        world.fact("series", f"{CABINET}/cabinet_power", {"interval_s": OFTEN * 60}),
        *(
            world.fact("series", f"{lamp}/{name}", {"interval_s": OFTEN * 60})
            for lamp in LAMPS
            for name in ("light_level", "lamp_fault")
        ),
    ]
    return [
        Changes(
            sites=(site,),
            devices=(
                Device(name=CABINET, site=CABINET, commissioned=DAY),
                *(Device(name=lamp, site=CABINET, commissioned=DAY) for lamp in LAMPS),
            ),
            series=(
                Series(device=CABINET, quantity="cabinet_power"),
                *(
                    Series(device=lamp, quantity=name)
                    for lamp in LAMPS
                    for name in ("light_level", "lamp_fault", "battery")
                ),
            ),
            groups=(Group(name=CABINET, title="Rue", kind="cabinet", site=CABINET),),
        ),
        Changes(revisions=tuple(facts)),
    ]


def replacement(world: World, at: float = REPLACED) -> Sequence[Changes]:
    """The Orge's gauge is retired, another one takes its place."""
    then = DAY + timedelta(minutes=at)
    facts = [
        world.fact("series", f"new/{name}", {"interval_s": 300}) for name in ("level", "battery")
    ]
    return [
        Changes(
            devices=(
                Device(name="orge", site="orge", commissioned=DAY, retired=then),
                Device(name="new", site="orge", commissioned=then),
            ),
            series=(
                Series(device="new", quantity="level"),
                Series(device="new", quantity="battery"),
            ),
        ),
        Changes(revisions=tuple(facts)),
    ]


def _datum(world: World) -> Sequence[Changes]:
    zeros: list[Revision] = [
        world.fact("datum", "yvette", {"zero": 48.0, "unit": "m"}, since=BEGINNING),
        world.fact("datum", "yvette", {"zero": 47.0, "unit": "m"}, since=us(MOVED)),
        world.fact(
            "threshold", "device/new/attention", {"value": 2.0, "unit": unit_of("attention")}
        ),
    ]
    return [Changes(revisions=tuple(zeros))]


def night(seed: int, *, minutes: int = 8 * 60) -> list[Sent]:
    """What all of them say, in order of arrival: with gaps, faults, dark lamps and batteries."""
    rng = random.Random(seed)
    messages = [*_gauges(rng, minutes), *_lamps(rng)]
    for at in range(0, minutes, OFTEN):
        if rng.random() < 0.85 and not 180 <= at < 260:
            power = round(rng.uniform(1, 3), 2)
            messages.append(Sent(site=CABINET, at=at, value=power, quantity="cabinet_power"))
    return sorted(messages, key=lambda one: (one.arrival, one.site, one.quantity))


def _gauges(rng: random.Random, minutes: int) -> list[Sent]:
    found: list[Sent] = []
    for site in ("orge", "yvette"):
        level, target = rng.uniform(2, 3), 3.2
        for at in range(0, minutes, 5):
            if rng.random() < 0.06:
                target = rng.uniform(2, 4.5)
            level += (target - level) * rng.uniform(0.1, 0.6) + rng.gauss(0, 0.05)
            if rng.random() < 0.1:
                continue
            # The new one is tried out before it counts, and the old one says a last word after.
            heard = [site] if site == "yvette" or at < REPLACED else ["new"]
            heard += ["new"] if REPLACED - 30 <= at < REPLACED else []
            heard += ["orge"] if REPLACED <= at < REPLACED + 15 else []
            for one in heard if site == "orge" else [site]:
                said = round(level + (0.4 if one == "new" else 0), 2)
                found.append(Sent(site=one, at=at, value=said, received=at + 1))
                if at % 30 == 0:
                    charge = rng.choice((80.0, 50.0, 15.0))
                    found.append(Sent(site=one, at=at, value=charge, quantity="battery"))
    return found


def _lamps(rng: random.Random) -> list[Sent]:
    found: list[Sent] = []
    for number, lamp in enumerate(LAMPS):
        silent_from = rng.choice((290, 330, 10_000))
        for at in range(LIT[0] + number, LIT[1], OFTEN):
            if at >= silent_from and at < silent_from + 70:
                continue
            level = rng.choice((100.0, 100.0, 60.0, 10.0))
            found.append(Sent(site=lamp, at=at, value=level, quantity="light_level"))
            if rng.random() < 0.25:
                fault = rng.choice((0.0, 0.0, 2.0))
                found.append(Sent(site=lamp, at=at, value=fault, quantity="lamp_fault"))
    return found
