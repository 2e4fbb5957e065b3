"""Values and facts of the registry in the words of those who read them."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def shown(value: Any) -> str:
    """A value as people read it."""
    if value is None:
        return "withdrawn"
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, Mapping):
        return _fact(value)
    if isinstance(value, float):
        return f"{value:g}"
    return str(value)


def _fact(value: Mapping[str, Any]) -> str:
    """A fact, known by its fields: see the table `revision`."""
    for field, words in _WORDS.items():
        if field in value:
            return words(value)
    return ", ".join(f"{name}={text}" for name, text in value.items()) or "belongs"


def _measure(value: Mapping[str, Any]) -> str:
    return f"{value['value']:g} {value['unit']}"


def _travel(value: Mapping[str, Any]) -> str:
    return f"travel {span(value['travel_s'])}"


def _service(value: Mapping[str, Any]) -> str:
    return "in service" if value["in_service"] else "out of service"


def _reporting(value: Mapping[str, Any]) -> str:
    return (
        f"every {span(value['interval_s'])}, stale after {span(value['stale_s'])},"
        f" {value['reporting']}"
    )


def _reach(value: Mapping[str, Any]) -> str:
    return f"{value['level']:g} {value['unit']} at {value['gauge']}"


def _zero(value: Mapping[str, Any]) -> str:
    return f"zero at {value['zero']:g} {value['unit']} NGF"


def _supply(value: Mapping[str, Any]) -> str:
    fed = "switched: no current while dark" if value["switched"] else "always fed"
    return f"{value['plan']}, {fed}"


def _works(value: Mapping[str, Any]) -> str:
    subjects = [name for kind in ("sites", "devices", "groups") for name in value.get(kind, ())]
    return f"{value['begins']} to {value['ends']}: {', '.join(subjects)}"


def _geometry(value: Mapping[str, Any]) -> str:
    """Not its thousand positions."""
    coordinates = value["coordinates"]
    if value["type"] == "Point":
        return f"at {coordinates[0]:g}, {coordinates[1]:g}"
    return f"{value['type']} of {_positions(coordinates)} positions"


def _positions(coordinates: Any) -> int:
    if not isinstance(coordinates[0], list):
        return 1
    return sum(_positions(part) for part in coordinates)


def plan(value: Mapping[str, Any]) -> str:
    """A lighting plan in a sentence."""
    parts = [f"{_sun('sunset', value['on_after_s'])} to {_sun('sunrise', value['off_after_s'])}"]
    parts += [_spell(spell) for spell in value["spells"]]
    if value["no_relighting"]:
        parts.append(f"not lit again in {_listed(value['no_relighting'], _MONTHS, 1)}")
    return ", ".join(parts)


def _sun(name: str, after_s: float) -> str:
    sign = "+" if after_s > 0 else "-"
    return name if not after_s else f"{name} {sign} {span(abs(after_s))}"


def _spell(spell: Mapping[str, Any]) -> str:
    level = "dark" if not spell["level"] else f"{spell['level']:g} %"
    words = [f"{level} {spell['begins']}-{spell['ends']}"]
    if len(spell["weekdays"]) < len(_DAYS):
        words.append(_listed(spell["weekdays"], _DAYS, 0))
    if len(spell["months"]) < len(_MONTHS):
        words.append(f"in {_listed(spell['months'], _MONTHS, 1)}")
    return " ".join(words)


def _listed(numbers: Iterable[int], names: tuple[str, ...], first: int) -> str:
    """Runs as Mon-Fri, the rest one by one."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    named = [
        "-".join(dict.fromkeys((names[run[0] - first], names[run[-1] - first]))) for run in runs
    ]
    return " ".join(named)


_WORDS = {
    "coordinates": _geometry,
    "level": _reach,
    "value": _measure,
    "travel_s": _travel,
    "in_service": _service,
    "interval_s": _reporting,
    "zero": _zero,
    "plan": _supply,
    "begins": _works,
    "spells": plan,
}


def span(seconds: float) -> str:
    """A duration in its largest whole unit."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"
