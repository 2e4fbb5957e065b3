"""Mapping files: YAML that says what a vendor's fields are; every slip with its line."""

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from ingest.meaning import Field, Form, Mapping_
from sensors._errors import TerritoryError
from sensors._plain_yaml import Loader
from sensors._units import UnitError, conversion

_TOP = ("payload", "fields", "ignore", "ports", "warnings")
_FIELD = ("quantity", "unit", "missing", "values", "scale", "offset")
_LARGEST = 262_144  # characters


class MappingError(TerritoryError):
    """A mapping file is wrong: says in which line, what is wrong and what was expected."""


def load_mapping(text: str, *, file: str, units: Mapping[str, str] | None = None) -> Mapping_:
    """Read and check a mapping. `units`: the catalogue's unit of each quantity, to check against.

    Raises:
        MappingError: with file, line, what is wrong and the nearest right word.
    """
    return _Reader(file, units).mapping(text)


class _Reader:
    def __init__(self, file: str, units: Mapping[str, str] | None) -> None:
        self._file, self._units = file, units

    def mapping(self, text: str) -> Mapping_:
        top = self._object(self._compose(text), "a mapping", _TOP)
        if "payload" not in top:
            raise self._error(None, f"`payload` is missing; expected {_either(Form)}")
        form = self._word(top["payload"], "payload", tuple(Form))
        fields = self._fields(top["fields"]) if "fields" in top else {}
        if not fields:
            raise self._error(top.get("fields"), "`fields` names no field")
        ignore = self._texts(top["ignore"], "ignore") if "ignore" in top else ()
        doubtful = False
        if "warnings" in top:
            doubtful = self._word(top["warnings"], "warnings", ("log", "doubtful")) == "doubtful"
        return Mapping_(
            form=Form(form),
            fields=fields,
            ignore=frozenset(ignore),
            ports=frozenset(self._ports(top["ports"])) if "ports" in top else None,
            warned_doubtful=doubtful,
        )

    def _compose(self, text: str) -> yaml.Node:
        if len(text) > _LARGEST:
            raise self._error(None, f"more than {_LARGEST} characters")
        try:
            for token in yaml.scan(text, Loader=Loader):
                if isinstance(token, yaml.AliasToken):
                    raise self._at(token.start_mark.line, "aliases are not read here")
            node = yaml.compose(text, Loader=Loader)
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line if error.problem_mark else 0
            raise self._at(line, f"no YAML: {error.problem}") from error
        except yaml.YAMLError as error:
            raise self._error(None, f"no YAML: {error}") from error
        if node is None:
            raise self._error(None, "it is empty")
        return node

    def _fields(self, node: yaml.Node) -> dict[str, Field]:
        return {
            path: self._field(path, value) for path, value in self._object(node, "fields").items()
        }

    def _field(self, path: str, node: yaml.Node) -> Field:
        if isinstance(node, yaml.ScalarNode):  # `Temp: air_temperature`
            return Field(quantity=self._quantity(node, path))
        parts = self._object(node, f"fields.{path}", _FIELD)
        if "quantity" not in parts:
            raise self._error(node, f"fields.{path}: `quantity` is missing")
        quantity = self._quantity(parts["quantity"], path)
        return Field(
            quantity=quantity,
            unit=self._unit(parts["unit"], path, quantity) if "unit" in parts else None,
            missing=self._missing(parts["missing"], path) if "missing" in parts else (),
            values=self._values(parts["values"], path) if "values" in parts else {},
            scale=self._number(parts["scale"], f"fields.{path}.scale") if "scale" in parts else 1.0,
            offset=(
                self._number(parts["offset"], f"fields.{path}.offset") if "offset" in parts else 0.0
            ),
        )

    def _quantity(self, node: yaml.Node, path: str) -> str:
        name = self._text(node, f"fields.{path}.quantity")
        if self._units is not None and name not in self._units:
            known = _nearest(name, self._units)
            raise self._error(node, f"fields.{path}: unknown quantity {name!r}{known}")
        return name

    def _unit(self, node: yaml.Node, path: str, quantity: str) -> str:
        unit = self._text(node, f"fields.{path}.unit")
        if self._units is not None:
            try:
                conversion(unit, self._units[quantity])
            except UnitError as error:
                raise self._error(node, f"fields.{path}: {error}") from error
        return unit

    def _missing(self, node: yaml.Node, path: str) -> tuple[float | str, ...]:
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
        found: list[float | str] = []
        for each in nodes:
            value = self._scalar(each, f"fields.{path}.missing")
            number = isinstance(value, int | float) and not isinstance(value, bool)
            found.append(float(value) if number else str(value).strip().lower())
        return tuple(found)

    def _values(self, node: yaml.Node, path: str) -> dict[str, float | None]:
        where = f"fields.{path}.values"
        found: dict[str, float | None] = {}
        for name, value in self._object(node, where).items():
            meant = self._scalar(value, where)
            if meant is not None and not isinstance(meant, bool | int | float):
                raise self._error(value, f"{where}.{name}: expected a number, true, false or null")
            found[name.strip().lower()] = None if meant is None else float(meant)
        return found

    def _ports(self, node: yaml.Node) -> Iterable[int]:
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
        for each in nodes:
            port = self._scalar(each, "ports")
            if isinstance(port, bool) or not isinstance(port, int) or not 1 <= port <= 255:
                raise self._error(each, "ports: expected numbers from 1 to 255")
            yield port

    # -- pieces ---------------------------------------------------------------------------------

    def _object(
        self, node: yaml.Node, what: str, known: tuple[str, ...] | None = None
    ) -> dict[str, yaml.Node]:
        if not isinstance(node, yaml.MappingNode):
            raise self._error(node, f"{what} must be written as `name: value`")
        found: dict[str, yaml.Node] = {}
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else None
            if not name:
                raise self._error(key, f"{what}: a name must be a text")
            if known is not None and name not in known:
                raise self._error(key, f"{what}: unknown word {name!r}{_nearest(name, known)}")
            if name in found:
                raise self._error(key, f"{what}: {name!r} stands twice")
            found[name] = value
        return found

    def _scalar(self, node: yaml.Node, what: str) -> Any:
        if not isinstance(node, yaml.ScalarNode):
            raise self._error(node, f"{what}: expected a single value")
        try:
            return Loader("").construct_object(node)
        except (yaml.YAMLError, ValueError) as error:
            raise self._error(node, f"{what}: {node.value!r} cannot be read") from error

    def _text(self, node: yaml.Node, what: str) -> str:
        if not isinstance(node, yaml.ScalarNode) or not node.value:
            raise self._error(node, f"{what}: expected a text")
        return str(node.value)

    def _texts(self, node: yaml.Node, what: str) -> tuple[str, ...]:
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
        return tuple(self._text(each, what) for each in nodes)

    def _word(self, node: yaml.Node, what: str, known: Iterable[str]) -> str:
        word = self._text(node, what)
        if word not in known:
            raise self._error(node, f"{what}: {word!r} is none of {_either(known)}")
        return word

    def _number(self, node: yaml.Node, what: str) -> float:
        value = self._scalar(node, what)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._error(node, f"{what}: expected a number, got {value!r}")
        return float(value)

    def _error(self, node: yaml.Node | None, text: str) -> MappingError:
        return self._at(node.start_mark.line if node is not None else 0, text)

    def _at(self, line: int, text: str) -> MappingError:
        return MappingError(f"{self._file}:{line + 1}: {text}")


def _nearest(word: str, known: Iterable[str]) -> str:
    names = list(known)
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; known are {', '.join(names[:12])}" + (", …" if len(names) > 12 else "")


def _either(words: Iterable[str]) -> str:
    return ", ".join(str(word) for word in words)
