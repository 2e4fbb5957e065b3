"""Scenarios: YAML files of this package's folder, or your own, read into stories."""

import importlib
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import yaml

from sensors._foreign import ForeignError, read_text_file
from sensors._nearest import did_you_mean
from simulators._faults import KINDS
from simulators._story import INJECTS, Inject, ScheduledEvent, Story, Where
from simulators._yaml import Kind, Reader, ScenarioError

SUFFIXES = (".yaml", ".yml")


def scenario_files() -> dict[str, Path]:
    """Scenarios by name: those shipped, and those of folders that extend this package."""
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
        hint = did_you_mean(name, scenario_files())
        raise ScenarioError("there is no scenario {name!r}{hint}", name, hint)
    try:
        with file.open("rb") as opened:
            text = read_text_file(opened)
    except (OSError, UnicodeDecodeError, ForeignError) as error:
        raise ScenarioError("the scenario {file} cannot be read: {problem}", name, error) from error
    return parse_scenario(text, str(file))


def parse_scenario(text: str, file: str) -> Story:
    """A story from its YAML.

    Raises:
        ScenarioError: with file, line, field, and what was expected.
    """
    reader = Reader(file)
    node = reader.compose(text)
    story: Story = _read_object(Story, reader, node, "a scenario")
    if not 0 < story.hours <= 24 * 400:
        reader.fail(node, "hours: expected more than 0 and at most 400 days")
    return story


def _read_object(made: type, reader: Reader, node: yaml.Node, what: str) -> Any:
    """A mapping whose fields are those of a dataclass of `_story`, read by their types."""
    kinds, names, needed = _fields_of(made)
    read = reader.fields(node, what, kinds, needed)
    return made(**{names.get(name, name): value for name, value in read.items()})


@lru_cache
def _fields_of(made: type) -> tuple[Mapping[str, Kind], Mapping[str, str], tuple[str, ...]]:
    """Kinds by name in the file, renamed fields, and the names that must be there."""
    hints = get_type_hints(made, include_extras=True)
    kinds, names, needed = {}, {}, []
    for field in fields(made):
        if field.metadata.get("rest"):
            continue
        name = field.metadata.get("name", field.name)
        kinds[name] = _kind_of(hints[field.name])
        names[name] = field.name
        if field.default is MISSING and field.default_factory is MISSING:
            needed.append(name)
    return kinds, names, tuple(needed)


def _kind_of(hint: Any) -> Kind:
    """How a field of this type is read."""
    if get_origin(hint) is Annotated:
        return _KINDS[get_args(hint)[1]]
    if hint in _KINDS:
        return _KINDS[hint]
    if isinstance(hint, type) and is_dataclass(hint):
        return lambda reader, node, what: _read_object(hint, reader, node, what)
    (element, *_) = get_args(hint)
    if hint == element | None:
        return _kind_of(element)
    if is_dataclass(element):  # tuple[element, ...]
        read_element = _kind_of(element)
        return lambda reader, node, what: tuple(
            read_element(reader, entry, what) for entry in reader.sequence(node, what)
        )
    return _read_texts


def _positive(reader: Reader, node: yaml.Node, what: str) -> float:
    number = reader.number(node, what)
    if number <= 0:
        reader.fail(node, "{what}: expected a number above 0", what)
    return number


def _share(reader: Reader, node: yaml.Node, what: str) -> float:
    share = reader.number(node, what)
    if not 0 <= share <= 1:
        reader.fail(node, "{what}: expected a share from 0 to 1", what)
    return share


def _count(reader: Reader, node: yaml.Node, what: str) -> int:
    count = reader.number(node, what)
    if count < 1 or count != int(count):
        reader.fail(node, "{what}: expected a whole number above 0", what)
    return int(count)


def _flag(reader: Reader, node: yaml.Node, what: str) -> bool:
    word = reader.text(node, what).lower()
    if word not in ("true", "false"):
        reader.fail(node, "{what}: expected true or false", what)
    return word == "true"


def _instant(reader: Reader, node: yaml.Node, what: str) -> datetime:
    word = reader.text(node, what)
    try:
        instant = datetime.fromisoformat(word)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        reader.fail(
            node, "{what}: {word!r}; expected an instant such as 2024-10-08T00:00:00Z", what, word
        )
    return instant


def _point(reader: Reader, node: yaml.Node, what: str) -> tuple[float, float]:
    coordinates = [reader.number(entry, what) for entry in reader.sequence(node, what)]
    if len(coordinates) != 2 or not (-180 <= coordinates[0] <= 180 and -90 <= coordinates[1] <= 90):
        reader.fail(node, "{what}: expected [lon, lat] in degrees, such as [2.18, 48.70]", what)
    return coordinates[0], coordinates[1]


def _read_texts(reader: Reader, node: yaml.Node, what: str) -> tuple[str, ...]:
    return reader.texts(node, what)


def _where(reader: Reader, node: yaml.Node, what: str) -> Where:
    """A mapping, or only names."""
    if not isinstance(node, yaml.MappingNode):
        return Where(names=reader.texts(node, what))
    where: Where = _read_object(Where, reader, node, what)
    return where


def _event(reader: Reader, node: yaml.Node, what: str) -> ScheduledEvent:
    """An event or a fault: what is not a field of every event is a parameter."""
    kinds, names, needed = _fields_of(ScheduledEvent)
    nodes = reader.mapping(node, what, needed=needed)
    parameters = {name: reader.value(nodes[name]) for name in nodes if name not in kinds}
    read = {
        names[name]: kinds[name](reader, nodes[name], f"`{name}`") for name in kinds.keys() & nodes
    }
    event = ScheduledEvent(**read, parameters=parameters)
    if event.at >= event.until:
        reader.fail(node, "{what}: it ends before it begins", what)
    return event


def _fault(reader: Reader, node: yaml.Node, what: str) -> ScheduledEvent:
    fault = _event(reader, node, what)
    if fault.kind not in KINDS:
        hint = did_you_mean(fault.kind, KINDS)
        reader.fail(node, "{what}: no fault is called {kind!r}{hint}", what, fault.kind, hint)
    return fault


def _faults(reader: Reader, node: yaml.Node, what: str) -> tuple[ScheduledEvent, ...]:
    return tuple(_fault(reader, entry, what) for entry in reader.sequence(node, what))


def _inject(reader: Reader, node: yaml.Node, what: str) -> Inject:
    inject: Inject = _read_object(Inject, reader, node, what)
    if inject.kind not in INJECTS:
        reader.fail(
            node,
            "{what}: no inject is a {kind!r}; expected one of {codes}",
            what,
            inject.kind,
            ", ".join(INJECTS),
        )
    if inject.kind == "reading" and not (inject.quantity and inject.value is not None):
        reader.fail(node, "{what}: a reading needs its quantity and its value", what)
    if inject.kind in {"reading", "lost-sensor"} and inject.where == Where():
        reader.fail(node, "{what}: a {code} needs a where", what, inject.kind)
    return inject


_KINDS: Mapping[Any, Kind] = {  # by type, or by the word of an annotation in `_story`
    str: lambda reader, node, what: reader.text(node, what),
    float: lambda reader, node, what: reader.number(node, what),
    int: _count,
    bool: _flag,
    datetime: _instant,
    tuple[float, float]: _point,
    "hours": lambda reader, node, what: reader.hours(node, what),
    "positive": _positive,
    "share": _share,
    "faults": _faults,
    Where: _where,
    ScheduledEvent: _event,
    Inject: _inject,
}
