"""Scenarios: YAML files of this package's folder, or anybody's own, read into stories."""

import importlib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from sensors._nearest import did_you_mean
from simulators._faults import KINDS
from simulators._story import (
    INJECTS,
    Front,
    Inject,
    ScheduledEvent,
    Storm,
    Story,
    Truth,
    Weather,
    Where,
)
from simulators._yaml import Kind, Reader, ScenarioError

SUFFIXES = (".yaml", ".yml")


def scenario_files() -> dict[str, Path]:
    """The scenarios that come with us, and with whoever extends us, by name."""
    package = importlib.import_module("simulators")
    files = (file for root in package.__path__ for file in Path(root, "scenarios").glob("*.yaml"))
    return {file.stem: file for file in sorted(files, key=lambda file: file.stem)}


def load_scenario(name: str) -> Story:
    """The scenario of that name; a name that ends in .yaml is a file of your own.

    Raises:
        ScenarioError: there is none, or its file cannot be read.
    """
    file = Path(name) if name.endswith(SUFFIXES) else scenario_files().get(name)
    if file is None:
        raise ScenarioError(f"there is no scenario {name!r}{did_you_mean(name, scenario_files())}")
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ScenarioError(f"the scenario {name} cannot be read: {error}") from error
    return parse_scenario(text, str(file))


def parse_scenario(text: str, file: str) -> Story:
    """A story from its YAML.

    Raises:
        ScenarioError: with file, line, field, and what was expected.
    """
    reader = Reader(file)
    node = reader.compose(text)
    fields = reader.fields(node, "a scenario", STORY, ("name", "title", "begins", "hours"))
    if not 0 < fields["hours"] <= 24 * 400:
        reader.fail(node, "hours: expected more than none and less than 400 days")
    return Story(**fields)


def _text(reader: Reader, node: yaml.Node, what: str) -> str:
    return reader.text(node, what)


def _number(reader: Reader, node: yaml.Node, what: str) -> float:
    return reader.number(node, what)


def _positive(reader: Reader, node: yaml.Node, what: str) -> float:
    number = reader.number(node, what)
    if number <= 0:
        reader.fail(node, f"{what}: expected a number above 0")
    return number


def _share(reader: Reader, node: yaml.Node, what: str) -> float:
    share = reader.number(node, what)
    if not 0 <= share <= 1:
        reader.fail(node, f"{what}: expected a share from 0 to 1")
    return share


def _count(reader: Reader, node: yaml.Node, what: str) -> int:
    count = reader.number(node, what)
    if count < 1 or count != int(count):
        reader.fail(node, f"{what}: expected a whole number above 0")
    return int(count)


def _hours(reader: Reader, node: yaml.Node, what: str) -> float:
    return reader.hours(node, what)


def _flag(reader: Reader, node: yaml.Node, what: str) -> bool:
    word = reader.text(node, what).lower()
    if word not in ("true", "false"):
        reader.fail(node, f"{what}: expected true or false")
    return word == "true"


def _instant(reader: Reader, node: yaml.Node, what: str) -> datetime:
    word = reader.text(node, what)
    try:
        instant = datetime.fromisoformat(word)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        reader.fail(node, f"{what}: {word!r}; expected an instant such as 2024-10-08T00:00:00Z")
    return instant


def _words(reader: Reader, node: yaml.Node, what: str) -> tuple[str, ...]:
    return reader.texts(node, what)


def _point(reader: Reader, node: yaml.Node, what: str) -> tuple[float, float]:
    coordinates = [reader.number(entry, what) for entry in reader.sequence(node, what)]
    if len(coordinates) != 2 or not (-180 <= coordinates[0] <= 180 and -90 <= coordinates[1] <= 90):
        reader.fail(node, f"{what}: expected [lon, lat] in degrees, such as [2.18, 48.70]")
    return coordinates[0], coordinates[1]


def _where(reader: Reader, node: yaml.Node, what: str) -> Where:
    if not isinstance(node, yaml.MappingNode):
        return Where(names=_words(reader, node, what))
    return Where(**reader.fields(node, what, WHERE))


def _list_of(kinds: dict[str, Kind], needed: tuple[str, ...], made: Callable[..., Any]) -> Kind:
    """A list of mappings, each with these fields."""

    def read(reader: Reader, node: yaml.Node, what: str) -> tuple[Any, ...]:
        return tuple(
            made(**_rename_fields(reader.fields(entry, what, kinds, needed)))
            for entry in reader.sequence(node, what)
        )

    return read


def _rename_fields(fields: dict[str, Any]) -> dict[str, Any]:
    """`from` and `to` are words of Python."""
    names = {"from": "at", "to": "until"}
    return {names.get(name, name): value for name, value in fields.items()}


def _happenings(reader: Reader, node: yaml.Node, what: str) -> tuple[ScheduledEvent, ...]:
    return tuple(_happening(reader, entry, what) for entry in reader.sequence(node, what))


def _happening(reader: Reader, node: yaml.Node, what: str) -> ScheduledEvent:
    parts = reader.mapping(node, what, needed=("kind", "from", "to"))
    fields = {
        name: kind(reader, parts[name], f"`{name}`")
        for name, kind in HAPPENING.items()
        if name in parts
    }
    if fields["from"] >= fields["to"]:
        reader.fail(node, f"{what}: it ends before it begins")
    return ScheduledEvent(
        kind=fields["kind"],
        at=fields["from"],
        until=fields["to"],
        where=fields.get("where", Where()),
        parameters={
            name: reader.value(value, name)
            for name, value in parts.items()
            if name not in HAPPENING
        },
    )


WHERE: dict[str, Kind] = {
    "names": _words,
    "any": _text,
    "count": _count,
    "share": _share,
    "near": _point,
    "within": _positive,
    "pick": _text,
}
HAPPENING: dict[str, Kind] = {"kind": _text, "from": _hours, "to": _hours, "where": _where}
STORM: dict[str, Kind] = {
    "at": _hours,
    "hours": _positive,
    "total": _positive,
    "lon": _number,
    "lat": _number,
    "spread": _positive,
    "gust": _number,
}
FRONT: dict[str, Kind] = {
    "at": _hours,
    "heading": _number,
    "speed": _positive,
    "rain": _number,
    "hours": _positive,
    "drop": _number,
    "fall": _number,
    "wind": _number,
}
WEATHER: dict[str, Kind] = {
    "storms": _list_of(STORM, ("at", "hours", "total", "lon", "lat", "spread"), Storm),
    "fronts": _list_of(FRONT, ("at",), Front),
    "temperature": _number,
    "amplitude": _number,
    "cloud": _share,
    "wind": _number,
    "pressure": _number,
    "dryness": _number,
    "wetness": _number,
    "river": _positive,
}
TRUTH: dict[str, Kind] = {
    "what": _text,
    "what_fr": _text,
    "where": _where,
    "from": _hours,
    "to": _hours,
    "alarms": _words,
    "tolerance": _hours,
}


def _faults(reader: Reader, node: yaml.Node, what: str) -> tuple[ScheduledEvent, ...]:
    faults = _happenings(reader, node, what)
    for entry, fault in zip(reader.sequence(node, what), faults, strict=True):
        if fault.kind not in KINDS:
            reader.fail(
                entry, f"{what}: no fault is called {fault.kind!r}{did_you_mean(fault.kind, KINDS)}"
            )
    return faults


INJECT: dict[str, Kind] = {
    "kind": _text,
    "at": _hours,
    **dict.fromkeys(("title", "text", "sender", "expected"), _text),
    **dict.fromkeys(("title_fr", "text_fr", "sender_fr", "expected_fr"), _text),
    "where": _where,
    "quantity": _text,
    "value": _number,
    "hours": _positive,
}


def _injects(reader: Reader, node: yaml.Node, what: str) -> tuple[Inject, ...]:
    injects: tuple[Inject, ...] = _list_of(INJECT, ("kind", "at", "title"), Inject)(
        reader, node, what
    )
    for entry, inject in zip(reader.sequence(node, what), injects, strict=True):
        if inject.kind not in INJECTS:
            kinds = ", ".join(INJECTS)
            reader.fail(entry, f"{what}: no inject is a {inject.kind!r}; expected one of {kinds}")
        if inject.kind == "reading" and not (inject.quantity and inject.value is not None):
            reader.fail(entry, f"{what}: a reading needs its quantity and its value")
        if inject.kind in {"reading", "lost-sensor"} and inject.where == Where():
            reader.fail(entry, f"{what}: a {inject.kind} needs a where")
    return injects


def _weather(reader: Reader, node: yaml.Node, what: str) -> Weather:
    return Weather(**reader.fields(node, what, WEATHER))


STORY: dict[str, Kind] = {
    "name": _text,
    "title": _text,
    "title_fr": _text,
    "description": _text,
    "begins": _instant,
    "hours": _hours,
    "weather": _weather,
    "events": _happenings,
    "faults": _faults,
    "truth": _list_of(TRUTH, ("what", "from", "to"), Truth),
    "injects": _injects,
    "quiet": _flag,
}
