"""Rule packs of the domain flood that cost as much as the language allows: twenty kinds, seeded."""

from collections.abc import Callable
from random import Random

import yaml

from rules._functions import FORECASTS, FUNCTIONS, Gives, Takes

_UNITS = {Gives.SAME: " m", Gives.PER_HOUR: " m/h", Gives.NUMBER: ""}
LEVELS = 1_900  # readings of one test, near the bound of the language


def pack(kind: str, seed: int, *, rules: int = 1, tests: int = 1, readings: int = LEVELS) -> str:
    """A pack of this kind; every rule has as many tests."""
    random = Random(f"{kind} {seed}")
    when = KINDS[kind]
    written = [
        {
            "id": f"flood-x{number}",
            "title": "{group}: x" if kind.startswith("members") else "{site}: x",
            **({"per": "group"} if kind.startswith("members") else {}),
            "when": when(random),
            "severity": "major",
            "advice": "look",
            "wrong when": "never",
            "tests": [
                {"name": f"test {each}", **_table(kind, random, readings), "expect": "nothing"}
                for each in range(tests)
            ],
        }
        for number in range(rules)
    ]
    return yaml.safe_dump(written, allow_unicode=True, sort_keys=False, width=10**6)


def _rows(random: Random, readings: int) -> str:
    return " ".join(str(random.randint(0, 900) / 100) for _ in range(readings))


def _table(kind: str, random: Random, readings: int) -> dict[str, object]:
    table: dict[str, object] = {"every": random.choice(("15 min", "1 h", "2 h"))}
    if kind.startswith("members"):
        few = max(1, readings // 100)
        members = {f"cabinet-{n}": {"earth_leakage": f"0*{few}"} for n in range(100)}
        return {**table, "members": members}
    if kind.startswith("upstream"):
        half = readings // 2
        above = {"mill": {"lag": "2 h", "level": _rows(random, half)}}
        return {**table, "level": _rows(random, readings - half), "upstream": above}
    if kind == "two series":
        half = readings // 2
        return {**table, "level": _rows(random, half), "discharge": _rows(random, half)}
    return {**table, "level": _rows(random, readings), "thresholds": {"alert": "3 m"}}


def _many(call: str, joint: str = " and ", count: int = 30) -> Callable[[Random], str]:
    """As many calls as an expression may hold. `{n}`: 1 … 30, `{p}`: a share, `{d}`: days."""

    def write(random: Random) -> str:
        return joint.join(
            call.format(n=n + 1, p=f"0.{random.randint(1, 98):02}", d=random.randint(300, 366))
            for n in range(count)
        )

    return write


KINDS: dict[str, Callable[[Random], str]] = {
    "quantile": _many("quantile(level, {p}, {d} d) < 99 m"),
    "quantile or": _many("quantile(level, {p}, {d} d) > 99 m", " or "),
    "quantile sum": lambda random: (
        _many("quantile(level, {p}, {d} d)", " + ", 20)(random) + " > 999 m"
    ),
    "nested": lambda random: (
        "not (" * 20 + _many("quantile(level, {p}, {d} d) < 99 m", " or ", 25)(random) + ")" * 20
    ),
    **{
        name: _many(f"{name}(level, {{d}} d) < 99999{_UNITS[function.gives]}")
        for name, function in FUNCTIONS.items()
        if function.takes == (Takes.SERIES, Takes.DURATION)
        and function.gives in _UNITS
        and name not in FORECASTS | {"increase"}  # of counters only
    },
    "min or": _many("min(level, {d} d) > 99 m", " or "),
    "stuck": _many("stuck(level, {d} d)", " or "),
    "usual": _many("usual(level, 8 weeks) < 99 m"),
    "silent": _many("silent(level, {d} d)", " or "),
    "compared": lambda _: " and ".join(
        f"quantile(level, 0.{n + 10}, {n + 300} d) < max(level, {n + 301} d) + 9 m"
        for n in range(15)
    ),
    "two series": lambda _: " and ".join(
        f"quantile(level, 0.{n + 10}, 366 d) < 99 m"
        f" and quantile(discharge, 0.{n + 10}, 366 d) < 9999 m3/s"
        for n in range(15)
    ),
    "members share": lambda _: " and ".join(
        f"share(max(earth_leakage, {n + 300} d) == 1) < {n + 50} %" for n in range(15)
    ),
    "members sum": lambda _: " and ".join(
        f"total(sum(earth_leakage, {n + 300} d)) < {n + 500}" for n in range(15)
    ),
    "upstream": lambda _: " and ".join(
        f"upstream(quantile(level, 0.{n + 10}, 366 d)) < 99 m" for n in range(15)
    ),
}
