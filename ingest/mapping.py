"""Mapping files: YAML that says what a vendor's fields are; every slip with its line and column."""

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from ingest.meaning import CodecMapping, Field, Form
from sensors._errors import TerritoryError
from sensors._nearest import did_you_mean
from sensors._plain_yaml import Loader
from sensors._quantity import Kind
from sensors._units import UnitError, conversion

_TOP = ("payload", "fields", "ignore", "ports", "warnings")
_FIELD = ("quantity", "unit", "missing", "values", "plus", "scale", "offset", "curve")
_LARGEST_NUMBER = 1e12
_LARGEST = 262_144  # characters


_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_OPENING = (
    yaml.BlockMappingStartToken,
    yaml.BlockSequenceStartToken,
    yaml.FlowMappingStartToken,
    yaml.FlowSequenceStartToken,
)
_CLOSING = (yaml.BlockEndToken, yaml.FlowMappingEndToken, yaml.FlowSequenceEndToken)
_DEEPEST = 16  # levels; a curve's points lie five deep
_RUNNING = {"acc", "aggregate", "cum", "counter", "index", "lifetime", "overall"}
_RUNNING_STEMS = ("accumul", "cumul", "total")
_SINCE_LAST = {"delta", "diff", "difference", "increment", "interval", "since"}
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]")


class MappingError(TerritoryError):
    """A mapping file is wrong: says at which line and column, and what was expected."""


def load_mapping(text: str, *, file: str, units: Mapping[str, str] | None = None) -> CodecMapping:
    """Read and check a mapping. `units`: the catalogue's unit of each quantity, to check against.

    Raises:
        MappingError: with file, line and column, what is wrong and the nearest right word.
    """
    return _Reader(file, units).mapping(text)


class _Reader:
    def __init__(self, file: str, units: Mapping[str, str] | None) -> None:
        self._file, self._units = file, units

    def mapping(self, text: str) -> CodecMapping:
        top = self._object(self._compose(text), "a mapping", _TOP)
        if "payload" not in top:
            raise self._error(None, f"`payload` is missing; expected {_either(Form)}")
        form = self._word(top["payload"], "payload", tuple(Form))
        fields = self._fields(top["fields"], Form(form)) if "fields" in top else {}
        if not fields:
            raise self._error(top.get("fields"), "`fields` names no field")
        ignore = self._texts(top["ignore"], "ignore") if "ignore" in top else ()
        doubtful = False
        if "warnings" in top:
            doubtful = self._word(top["warnings"], "warnings", ("log", "doubtful")) == "doubtful"
        return CodecMapping(
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
            depth = 0
            for token in yaml.scan(text, Loader=Loader):
                if isinstance(token, yaml.AliasToken):
                    raise self._at(token.start_mark, "aliases are not read here")
                depth += isinstance(token, _OPENING) - isinstance(token, _CLOSING)
                if depth > _DEEPEST:
                    raise self._at(token.start_mark, "it is nested too deeply")
            node = yaml.compose(text, Loader=Loader)
        except yaml.MarkedYAMLError as error:
            raise self._at(error.problem_mark, f"no YAML: {error.problem}") from error
        except yaml.YAMLError as error:
            raise self._error(None, f"no YAML: {error}") from error
        if node is None:
            raise self._error(None, "it is empty")
        return node

    def _fields(self, node: yaml.Node, form: Form) -> dict[str, Field]:
        return {
            path: self._field(path, value, form)
            for path, value in self._object(node, "fields").items()
        }

    def _field(self, path: str, node: yaml.Node, form: Form) -> Field:
        if isinstance(node, yaml.ScalarNode):  # `Temp: air_temperature`
            return Field(quantity=self._quantity(node, path))
        where = f"fields.{path}"
        parts = self._object(node, where, _FIELD)
        if "quantity" not in parts:
            raise self._error(node, f"{where}: `quantity` is missing")
        quantity = self._quantity(parts["quantity"], path)
        if "plus" in parts and form is Form.SENML:
            raise self._error(parts["plus"], f"{where}.plus: SenML's records are read one by one")
        return Field(
            quantity=quantity,
            unit=self._unit(parts["unit"], path, quantity) if "unit" in parts else None,
            missing=self._missing(parts["missing"], path) if "missing" in parts else (),
            values=self._values(parts["values"], path) if "values" in parts else {},
            plus=self._plus(parts["plus"], path) if "plus" in parts else (),
            scale=self._scale(parts["scale"], f"{where}.scale") if "scale" in parts else 1.0,
            offset=self._number(parts["offset"], f"{where}.offset") if "offset" in parts else 0.0,
            curve=self._curve(parts["curve"], f"{where}.curve") if "curve" in parts else (),
        )

    def _plus(self, node: yaml.Node, path: str) -> tuple[str, ...]:
        others = self._texts(node, f"fields.{path}.plus")
        for twice in {name for name in (path, *others) if (path, *others).count(name) > 1}:
            raise self._error(node, f"fields.{path}.plus: {twice!r} would be added twice")
        return others

    def _scale(self, node: yaml.Node, where: str) -> float:
        scale = self._number(node, where)
        if scale == 0:
            raise self._error(node, f"{where}: expected a number other than 0")
        return scale

    def _curve(self, node: yaml.Node, where: str) -> tuple[tuple[float, float], ...]:
        expected = "expected points such as [[2.8, 0], [3.3, 60], [3.6, 100]]"
        points = node.value if isinstance(node, yaml.SequenceNode) else []
        if len(points) < 2:
            raise self._error(node, f"{where}: {expected}")
        curve: list[tuple[float, float]] = []
        for point in points:
            pair = point.value if isinstance(point, yaml.SequenceNode) else []
            if len(pair) != 2:
                raise self._error(point, f"{where}: {expected}")
            given, meant = (self._number(number, where) for number in pair)
            if curve and given <= curve[-1][0]:
                raise self._error(
                    point, f"{where}: {given:g} after {curve[-1][0]:g}; expected rising points"
                )
            curve.append((given, meant))
        return tuple(curve)

    def _quantity(self, node: yaml.Node, path: str) -> str:
        name = self._text(node, f"fields.{path}.quantity")
        if self._units is not None and name not in self._units:
            hint = did_you_mean(name, self._units)
            raise self._error(node, f"fields.{path}: unknown quantity {name!r}{hint}")
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
        sentinels: list[float | str] = []
        for element in nodes:
            value = self._scalar(element, f"fields.{path}.missing")
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if number:
                sentinels.append(self._number(element, f"fields.{path}.missing"))
            else:
                sentinels.append(str(element.value).strip().lower())
        return tuple(sentinels)

    def _values(self, node: yaml.Node, path: str) -> dict[str, float | None]:
        where = f"fields.{path}.values"
        values: dict[str, float | None] = {}
        for name, value in self._object(node, where).items():
            meant = self._scalar(value, where)
            if meant is not None and not isinstance(meant, bool | int | float):
                raise self._error(value, f"{where}.{name}: expected a number, true, false or null")
            if isinstance(meant, bool):
                values[name.strip().lower()] = float(meant)
            else:
                number = None if meant is None else self._number(value, f"{where}.{name}")
                values[name.strip().lower()] = number
        return values

    def _ports(self, node: yaml.Node) -> Iterable[int]:
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
        for element in nodes:
            port = self._scalar(element, "ports")
            if isinstance(port, bool) or not isinstance(port, int) or not 1 <= port <= 255:
                raise self._error(element, "ports: expected numbers from 1 to 255")
            yield port

    # -- pieces ---------------------------------------------------------------------------------

    def _object(
        self, node: yaml.Node, what: str, allowed: tuple[str, ...] | None = None
    ) -> dict[str, yaml.Node]:
        if not isinstance(node, yaml.MappingNode):
            raise self._error(node, f"{what} must be written as `name: value`")
        nodes: dict[str, yaml.Node] = {}
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else None
            if not name:
                raise self._error(key, f"{what}: a name must be a text")
            if allowed is not None and name not in allowed:
                raise self._error(
                    key, f"{what}: unknown word {name!r}{did_you_mean(name, allowed)}"
                )
            if name in nodes:
                raise self._error(key, f"{what}: {name!r} stands twice")
            nodes[name] = value
        return nodes

    def _scalar(self, node: yaml.Node, what: str) -> Any:
        if not isinstance(node, yaml.ScalarNode):
            raise self._error(node, f"{what}: expected a single value")
        if not node.style and _LEADING_ZERO.match(node.value) and "." not in node.value:
            raise self._error(
                node,
                f"{what}: YAML's versions read {node.value} differently; expected"
                f" {int(node.value)} for the number, '{node.value}' for the text",
            )
        try:
            return Loader("").construct_object(node)
        except (yaml.YAMLError, ValueError) as error:
            raise self._error(node, f"{what}: {node.value!r:.60} cannot be read") from error

    def _text(self, node: yaml.Node, what: str) -> str:
        if not isinstance(node, yaml.ScalarNode) or not node.value:
            raise self._error(node, f"{what}: expected a text")
        return str(node.value)

    def _texts(self, node: yaml.Node, what: str) -> tuple[str, ...]:
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
        return tuple(self._text(element, what) for element in nodes)

    def _word(self, node: yaml.Node, what: str, allowed: Iterable[str]) -> str:
        word = self._text(node, what)
        if word not in allowed:
            raise self._error(node, f"{what}: {word!r} is none of {_either(allowed)}")
        return word

    def _number(self, node: yaml.Node, what: str) -> float:
        value = self._scalar(node, what)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._error(node, f"{what}: expected a number, got {node.value!r}")
        if not abs(value) <= _LARGEST_NUMBER or not math.isfinite(value):
            raise self._error(node, f"{what}: expected a number up to 1e12, got {node.value}")
        return float(value)

    def _error(self, node: yaml.Node | None, text: str) -> MappingError:
        return self._at(None if node is None else node.start_mark, text)

    def _at(self, mark: yaml.Mark | None, text: str) -> MappingError:
        line, column = (0, 0) if mark is None else (mark.line, mark.column)
        return MappingError(f"{self._file}:{line + 1}:{column + 1}: {text}")


def find_ambiguous_fields(mapping: CodecMapping, kinds: Mapping[str, Kind]) -> list[str]:
    """Fields whose names speak of a running total where the quantity is an amount, or the reverse.

    `kinds`: of each quantity of the catalogue.
    """
    texts = []
    for path, field in mapping.fields.items():
        words = {word.lower() for word in _WORDS.findall(path)}
        kind = kinds.get(field.quantity)
        if kind is Kind.INCREMENT and (
            words & _RUNNING or any(word.startswith(_RUNNING_STEMS) for word in words)
        ):
            texts.append(
                f"fields.{path}: looks like a running total, and {field.quantity!r} is the amount"
                " since the last message: a total in its place would be added up again and again"
            )
        if kind is Kind.COUNTER and words & _SINCE_LAST:
            texts.append(
                f"fields.{path}: looks like the amount since the last message, and"
                f" {field.quantity!r} is a running total"
            )
    return texts


def _either(words: Iterable[str]) -> str:
    return ", ".join(str(word) for word in words)
