"""Kinds of hazards, with the words that a message about each begins from.

Those of hazards.yaml; a file of the instance may change them, take some out and add others.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from hypervisor.base.settings import Settings
from sensors import _yaml
from sensors._errors import Place, TerritoryError
from sensors._foreign import ForeignError, read_text_file

Category = Literal["Met", "Transport", "Infra", "Safety"]
Response = Literal[
    "Shelter", "Evacuate", "Prepare", "Execute", "Avoid", "Monitor", "AllClear", "None"
]
Phenomenon = Literal[
    "flood", "rain-flood", "wind", "thunderstorm", "heat", "cold", "snow-ice", "avalanche", "waves"
]
OTHER = "other"
_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")


class HazardsError(TerritoryError):
    """The instance's file of hazards cannot be used: says where, and what was expected."""


class Words(BaseModel):
    """In both languages."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fr: Annotated[str, Field(min_length=1, max_length=5_000)]
    en: Annotated[str, Field(min_length=1, max_length=5_000)]


class Hazard(BaseModel):
    """A kind of hazard. `hours`: how long a message about it holds, unless its author says.

    `official`: the phenomena whose official colours belong to it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: Words
    category: Category
    response: Response
    hours: Annotated[int, Field(ge=1, le=168)]
    instruction: Words
    rules: tuple[str, ...] = ()
    official: tuple[Phenomenon, ...] = ()


Hazards = Mapping[str, Hazard]
_HAZARDS: TypeAdapter[dict[str, Hazard]] = TypeAdapter(dict[str, Hazard])
_chosen: list[Path] = []  # of this process, which serves one instance
_read: dict[Path, tuple[int, Hazards]] = {}  # the last that could be used, by when it was changed


def find_file(settings: Settings) -> Path | None:
    """The instance's file."""
    return None if settings.hazards is None else settings.data / settings.hazards


def use_file(file: Path | None) -> None:
    """Take a file of the instance from now on; None: ours alone."""
    _chosen[:] = [] if file is None else [file]


def load_hazards() -> Hazards:
    """All kinds by name, in the order of the files.

    The instance's file is read again when it changes. While it cannot be used, what it said last
    holds, or ours: a warning must go out. `hypervisor doctor` says so.
    """
    if not _chosen:
        return read_shipped()
    (file,) = _chosen
    try:
        changed = file.stat().st_mtime_ns
        if file not in _read or _read[file][0] != changed:
            _read[file] = (changed, read_file(file))
    except (OSError, HazardsError):
        return _read[file][1] if file in _read else read_shipped()
    return _read[file][1]


def read_file(file: Path) -> Hazards:
    """Ours, changed by a file. Raises HazardsError."""
    try:
        with file.open("rb") as opened:
            text = read_text_file(opened)
    except (OSError, UnicodeDecodeError, ForeignError) as error:
        raise HazardsError("{file} cannot be read: {error}", file, error) from error
    source = _Source(str(file))
    nodes = source.mapping(source.compose(text), "the file of hazards")
    hazards: dict[str, Any] = yaml.safe_load(_read_text())
    for name, node in nodes.items():
        if not _NAME.fullmatch(name):
            source.fail(node, "{name!r}: a name is of small letters, digits and hyphens", name)
        if source.is_null(node):
            hazards.pop(name, None)
        else:
            source.mapping(node, f"hazard {name}", allowed=Hazard.model_fields)
            hazards[name] = {**hazards.get(name, {}), **source.value(node)}
    if OTHER not in hazards:
        source.fail(nodes[OTHER], "alarms of no other kind take `other`: it has to stay")
    try:
        return _HAZARDS.validate_python(hazards)
    except ValidationError as error:
        wrong = error.errors()[0]
        node = source.find(nodes, wrong["loc"])
        source.fail(node, "{place}: {problem}", ".".join(map(str, wrong["loc"])), wrong["msg"])


class _Source(_yaml.Source):
    """A file of hazards."""

    def error(self, place: Place, problem: str) -> HazardsError:
        return HazardsError("{place}: {problem}", place, problem)

    def find(self, nodes: Mapping[str, yaml.Node], path: Sequence[int | str]) -> yaml.Node:
        """The node at a path, or the last one on the way there."""
        node = nodes[str(path[0])]
        for step in path[1:]:
            inner = self.mapping(node, "") if isinstance(node, yaml.MappingNode) else {}
            if str(step) not in inner:
                break
            node = inner[str(step)]
        return node


@cache
def read_shipped() -> Hazards:
    return _HAZARDS.validate_python(yaml.safe_load(_read_text()))


def _read_text() -> str:
    return resources.files("hypervisor.publications").joinpath("hazards.yaml").read_text("utf-8")


def find_hazard(rule: str) -> str:
    """The kind of hazard that a rule's alarms are about: the longest beginning of its name."""
    matches = [
        (len(prefix), name)
        for name, hazard in load_hazards().items()
        for prefix in hazard.rules
        if rule.startswith(prefix)
    ]
    return max(matches)[1] if matches else OTHER
