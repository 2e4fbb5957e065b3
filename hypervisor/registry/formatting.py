"""Values, facts and revisions of the registry as text."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from hypervisor.base.instants import BEGINNING, EPOCH, moment
from hypervisor.registry.queries_revisions import RecordedRevision
from sensors._errors import Message

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_FED = {True: Message("switched: no current while dark"), False: Message("always fed")}
_ALWAYS = (moment(BEGINNING), EPOCH)


def format_value(value: Any) -> str:
    """A value as text."""
    if value is None:
        return "withdrawn"
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, Mapping):
        return _format_fact(value)
    if isinstance(value, float):
        return f"{value:g}"
    return str(value)


def _format_fact(value: Mapping[str, Any]) -> str:
    """A fact, recognised by its fields: see the table `revision`."""
    for field, words in _FORMATS.items():
        if field in value:
            return words(value)
    return ", ".join(f"{name}={text}" for name, text in value.items()) or "belongs"


def _format_reporting(value: Mapping[str, Any]) -> str:
    """How a series reports; a file may give a part of it only, the rest comes from before."""
    parts: list[str] = []
    if "interval_s" in value:
        parts.append(Message("every {interval}", format_duration(value["interval_s"])))
    if "stale_s" in value:
        parts.append(Message("stale after {stale}", format_duration(value["stale_s"])))
    if "reporting" in value:
        parts.append(value["reporting"])
    text, *others = parts
    for part in others:
        text = Message("{first}, {second}", text, part)
    return text


def _format_works(value: Mapping[str, Any]) -> str:
    subjects = [name for kind in ("sites", "devices", "groups") for name in value.get(kind, ())]
    return f"{value['begins']} to {value['ends']}: {', '.join(subjects)}"


def _format_geometry(value: Mapping[str, Any]) -> str:
    """Its type and size, not its positions."""
    coordinates = value["coordinates"]
    if value["type"] == "Point":
        return Message("at lon {lon:g}, lat {lat:g}", *coordinates[:2])
    return f"{value['type']} of {_count_positions(coordinates)} positions"


def _count_positions(coordinates: Any) -> int:
    if not isinstance(coordinates[0], list):
        return 1
    return sum(_count_positions(part) for part in coordinates)


def format_plan(value: Mapping[str, Any]) -> str:
    """A lighting plan in a sentence."""
    on = _format_sun("sunset", value["on_after_s"])
    off = _format_sun("sunrise", value["off_after_s"])
    parts = [f"{on} to {off}"]
    parts += [_format_spell(spell) for spell in value["spells"]]
    if value["no_relighting"]:
        parts.append(f"not lit again in {_format_runs(value['no_relighting'], _MONTHS, 1)}")
    return ", ".join(parts)


def _format_sun(name: str, after_s: float) -> str:
    sign = "+" if after_s > 0 else "-"
    return name if not after_s else f"{name} {sign} {format_duration(abs(after_s))}"


def _format_spell(spell: Mapping[str, Any]) -> str:
    level = "dark" if not spell["level"] else f"{spell['level']:g} %"
    words = [f"{level} {spell['begins']}-{spell['ends']}"]
    if len(spell["weekdays"]) < len(_DAYS):
        words.append(_format_runs(spell["weekdays"], _DAYS, 0))
    if len(spell["months"]) < len(_MONTHS):
        words.append(f"in {_format_runs(spell['months'], _MONTHS, 1)}")
    return " ".join(words)


def _format_runs(numbers: Iterable[int], names: tuple[str, ...], first: int) -> str:
    """Runs as Mon-Fri, others separately."""
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


_FORMATS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "coordinates": _format_geometry,
    "level": lambda value: Message(
        "{level:g} {unit} at the gauge {gauge}", value["level"], value["unit"], value["gauge"]
    ),
    "value": lambda value: f"{value['value']:g} {value['unit']}",
    "travel_s": lambda value: Message("travel time {duration}", format_duration(value["travel_s"])),
    "in_service": lambda value: "in service" if value["in_service"] else "out of service",
    "interval_s": _format_reporting,
    "stale_s": _format_reporting,
    "reporting": _format_reporting,
    "zero": lambda value: Message("zero at {height:g} {unit} NGF", value["zero"], value["unit"]),
    "plan": lambda value: Message("{plan}, {fed}", value["plan"], _FED[bool(value["switched"])]),
    "begins": _format_works,
    "spells": format_plan,
}


def format_duration(seconds: float) -> str:
    """A duration in its largest whole unit."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:.10g} s"


def format_minute(at: datetime) -> str:
    """A time to the minute, in UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M}Z"


def format_since(at: datetime) -> str:
    """`from` a time, in UTC."""
    return (
        "from the beginning" if at in _ALWAYS else f"from {at.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"
    )


def describe_revision(revision: RecordedRevision) -> str:
    """`revision 15 by A. Martin of 2024-10-09 14:05Z, "after the flood"`."""
    quoted = f', "{revision.reason}"' if revision.reason else ""
    gone = ", which withdrew it" if revision.value is None else ""
    at = format_minute(revision.recorded_at)
    return Message(
        "revision {revision} by {author} of {at}{reason}{gone}",
        revision.id,
        revision.author,
        at,
        quoted,
        gone,
    )


def format_instant(at: datetime) -> str:
    """ISO 8601 in UTC."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
