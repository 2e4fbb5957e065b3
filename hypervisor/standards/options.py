"""The options of a SensorThings request, also within `$expand`, and its resource path."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from hypervisor.standards.expressions import LONGEST, parse_filter
from hypervisor.standards.model import Expression, Path, QueryError

USUAL, MOST = 100, 10_000  # entities of a page
_DEEPEST = 6  # levels of $expand
_SEGMENT = re.compile(r"(?P<name>[@A-Za-z_$][\w.@$]*)(?:\((?P<key>'(?:[^']|'')*'|[^()']*)\))?")


@dataclass(frozen=True, kw_only=True)
class Ordering:
    """One term of `$orderby`."""

    path: Path
    descending: bool = False


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a request, or one step of its `$expand`, asks for. `select` None: all properties.

    `pairs`: as it was written.
    """

    filter: Expression | None = None
    select: tuple[str, ...] | None = None
    expand: Mapping[str, "Options"] = field(default_factory=dict)
    order: tuple[Ordering, ...] = ()
    top: int | None = None
    skip: int = 0
    count: bool = False
    data_array: bool = False
    skiptoken: str | None = None
    pairs: tuple[tuple[str, str], ...] = field(default=(), compare=False)

    @property
    def limit(self) -> int:
        """Entities of a page."""
        return USUAL if self.top is None else min(self.top, MOST)


@dataclass(frozen=True)
class Segment:
    """One part of a resource path; `key` of an entity, None: the collection or a property."""

    name: str
    key: str | None = None


def parse_options(pairs: Iterable[tuple[str, str]], depth: int = 0) -> Options:
    """The options of `$name=value` pairs.

    Raises QueryError: one is unknown, or not what it must be.
    """
    pairs = tuple(pairs)
    values: dict[str, Any] = {"pairs": pairs}
    for name, text in pairs:
        if name not in _READERS:
            raise QueryError("{name!r} is no option here: expected {names}", name, _NAMES)
        field_name, read = _READERS[name]
        if field_name in values:
            raise QueryError("{name}: given twice", name)
        if len(text) > LONGEST:
            raise QueryError("{name}: longer than {most} characters", name, LONGEST)
        values[field_name] = (
            _parse_expand(text, depth + 1) if field_name == "expand" else read(text)
        )
    return Options(**values)


def parse_path(path: str) -> list[Segment]:
    """The segments of a resource path such as `Things('yvette-gif')/Datastreams`.

    Raises QueryError: it has another form.
    """
    segments: list[Segment] = []
    position = 0
    while position < len(path):
        match = _SEGMENT.match(path, position)
        if match is None or (match.end() < len(path) and path[match.end()] != "/"):
            raise QueryError("the path is not understood from {rest!r} on", path[position:][:60])
        key = match["key"]
        if key is not None and key.startswith("'"):
            key = key[1:-1].replace("''", "'")
        segments.append(Segment(match["name"], key))
        position = match.end() + 1
    return segments


def _parse_count(name: str) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not text.strip().isdecimal() or len(text) > 9:
            raise QueryError("{name}: {text!r} is no whole number from 0 on", name, text)
        return int(text)

    return read


def _parse_truth(text: str) -> bool:
    if text.strip() not in {"true", "false"}:
        raise QueryError("$count: {text!r} is neither true nor false", text)
    return text.strip() == "true"


def _parse_select(text: str) -> tuple[str, ...] | None:
    names = tuple(part.strip() for part in text.split(","))
    return None if "*" in names else names


def _parse_order(text: str) -> tuple[Ordering, ...]:
    return tuple(_ordering(part) for part in text.split(","))


def _ordering(text: str) -> Ordering:
    name, _, direction = text.strip().partition(" ")
    direction = direction.strip().lower()
    if not name or direction not in {"", "asc", "desc"}:
        raise QueryError("$orderby: {text!r} is no property with asc or desc", text)
    return Ordering(path=Path(tuple(name.split("/"))), descending=direction == "desc")


def _parse_format(text: str) -> bool:
    if text not in {"dataArray", "json", "application/json"}:
        raise QueryError("$resultFormat: {text!r} is not offered: dataArray", text)
    return text == "dataArray"


def _parse_expand(text: str, depth: int) -> dict[str, Options]:
    if depth > _DEEPEST:
        raise QueryError("$expand: deeper than {most} levels", _DEEPEST)
    expanded: dict[str, Options] = {}
    for part in _split(text, ","):
        name, parenthesis, inner = part.strip().partition("(")
        if parenthesis and not inner.endswith(")"):
            raise QueryError("$expand: {text!r} does not end in a parenthesis", part)
        pairs = (pair.strip().partition("=")[::2] for pair in _split(inner[:-1], ";"))
        options = parse_options(((key, value) for key, value in pairs if key), depth)
        first, *further = name.strip().split("/")
        for step in reversed(further):
            options = _below({step: options})
        expanded[first] = _merge(expanded[first], options) if first in expanded else options
    return expanded


def _merge(left: Options, right: Options) -> Options:
    """`Things/Locations,Things/Datastreams`: both below one step."""
    both = dict(left.expand)
    for name, options in right.expand.items():
        both[name] = _merge(both[name], options) if name in both else options
    own = right if left == Options(expand=left.expand) else left
    kept = tuple(pair for pair in own.pairs if pair[0] != "$expand")
    return replace(own, expand=both, pairs=(*kept, *_below(both).pairs))


def _below(expanded: Mapping[str, Options]) -> Options:
    """Only these steps, written as `$expand`."""
    steps = (
        f"{step}({';'.join('='.join(pair) for pair in options.pairs)})" if options.pairs else step
        for step, options in expanded.items()
    )
    return Options(expand=expanded, pairs=(("$expand", ",".join(steps)),))


def _split(text: str, separator: str) -> Iterator[str]:
    """Parts between separators that stand outside parentheses and quotes.

    Raises QueryError: a parenthesis or quote stays open.
    """
    depth, quoted, begin = 0, False, 0
    for position, character in enumerate(text):
        if character == "'":
            quoted = not quoted
        elif not quoted:
            depth += {"(": 1, ")": -1}.get(character, 0)
            if depth < 0:
                break
            if character == separator and depth == 0:
                yield text[begin:position]
                begin = position + 1
    if depth or quoted:
        raise QueryError("$expand: parentheses or quotes do not match in {text!r}", text[:60])
    if text[begin:].strip():
        yield text[begin:]


_READERS: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "$filter": ("filter", parse_filter),
    "$select": ("select", _parse_select),
    "$expand": ("expand", str),
    "$orderby": ("order", _parse_order),
    "$top": ("top", _parse_count("$top")),
    "$skip": ("skip", _parse_count("$skip")),
    "$count": ("count", _parse_truth),
    "$resultFormat": ("data_array", _parse_format),
    "$skiptoken": ("skiptoken", str),
}
_NAMES = ", ".join(_READERS)
