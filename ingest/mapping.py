"""Mapping files: YAML that says what a vendor's fields are; every slip with its line and column."""

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from ingest.downlink import CommandField, CommandMapping, Scalar
from ingest.meaning import CodecMapping, Field, Form
from sensors._errors import Place, TerritoryError
from sensors._nearest import did_you_mean
from sensors._quantity import Kind
from sensors._units import UnitError, conversion
from sensors._yaml import Source

_TOP = ("payload", "fields", "ignore", "ports", "warnings", "commands")
_COMMAND = ("data", "port")
_COMMAND_FIELD = ("parameter", "values", "scale", "offset")
_FIELD = ("quantity", "unit", "missing", "values", "suffix", "plus", "scale", "offset", "curve")
_LARGEST_NUMBER = 1e12
_LARGEST = 262_144  # characters


_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
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
    return _Reader(file, units).read(text)


class _Reader(Source):
    largest = _LARGEST
    deepest = _DEEPEST

    def __init__(self, file: str, units: Mapping[str, str] | None) -> None:
        super().__init__(file)
        self._units = units

    def error(self, place: Place, problem: str) -> MappingError:
        return MappingError("{place}: {problem}", place, problem)

    def read(self, text: str) -> CodecMapping:
        top = self.mapping(self.compose(text), "a codec's mapping", _TOP)
        if "payload" not in top:
            self.fail(None, "`payload` is missing; expected one of {codes}", ", ".join(Form))
        form = self.choice(top["payload"], "a payload", tuple(Form))
        fields = self._fields(top["fields"], Form(form)) if "fields" in top else {}
        if not fields:
            self.fail(top.get("fields"), "`fields` names no field")
        ignore = self.texts(top["ignore"], "ignore") if "ignore" in top else ()
        doubtful = False
        if "warnings" in top:
            use = self.choice(top["warnings"], "a use of warnings", ("log", "doubtful"))
            doubtful = use == "doubtful"
        return CodecMapping(
            form=Form(form),
            fields=fields,
            ignore=frozenset(ignore),
            ports=frozenset(self._ports(top["ports"])) if "ports" in top else None,
            warned_doubtful=doubtful,
            commands=self._commands(top["commands"], Form(form)) if "commands" in top else {},
        )

    # -- commands -------------------------------------------------------------------------------

    def _commands(self, node: yaml.Node, form: Form) -> dict[str, CommandMapping]:
        if form not in (Form.JAVASCRIPT, Form.JSON):
            self.fail(node, "`commands`: {code} encodes none; javascript and json do", form.value)
        return {
            kind: self._command(kind, value)
            for kind, value in self.mapping(node, "commands").items()
        }

    def _command(self, kind: str, node: yaml.Node) -> CommandMapping:
        where = f"commands.{kind}"
        parts = self.mapping(node, where, _COMMAND, needed=("data",))
        ports = list(self._ports(parts["port"])) if "port" in parts else [None]
        if len(ports) != 1:
            self.fail(parts["port"], "{code}: expected one number", f"{where}.port")
        fields = {
            path: self._command_field(f"{where}.data.{path}", value)
            for path, value in self.mapping(parts["data"], f"{where}.data").items()
        }
        for path in fields:
            if any(other.startswith(f"{path}.") for other in fields):
                self.fail(
                    parts["data"], "{code}: has a value and fields within it", f"{where}.{path}"
                )
        return CommandMapping(fields=fields, port=ports[0])

    def _command_field(self, where: str, node: yaml.Node) -> CommandField:
        if isinstance(node, yaml.ScalarNode):
            return CommandField(constant=self._command_value(node, where))
        parts = self.mapping(node, where, _COMMAND_FIELD, needed=("parameter",))
        values = self.mapping(parts["values"], where) if "values" in parts else {}
        return CommandField(
            parameter=self._name(parts["parameter"], f"{where}.parameter"),
            values={name: self._command_value(v, f"{where}.{name}") for name, v in values.items()},
            scale=self._scale(parts["scale"], f"{where}.scale") if "scale" in parts else 1.0,
            offset=self._number(parts["offset"], f"{where}.offset") if "offset" in parts else 0.0,
        )

    def _command_value(self, node: yaml.Node, where: str) -> Scalar:
        value = self._scalar(node, where)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return self._number(node, where) if is_number else value

    # -- fields ---------------------------------------------------------------------------------

    def _fields(self, node: yaml.Node, form: Form) -> dict[str, Field]:
        return {
            path: self._field(path, value, form)
            for path, value in self.mapping(node, "fields").items()
        }

    def _field(self, path: str, node: yaml.Node, form: Form) -> Field:
        if isinstance(node, yaml.ScalarNode):  # `Temp: air_temperature`
            return Field(quantity=self._quantity(node, path))
        where = f"fields.{path}"
        parts = self.mapping(node, where, _FIELD)
        if "quantity" not in parts:
            self.fail(node, "{code}: `quantity` is missing", where)
        quantity = self._quantity(parts["quantity"], path)
        if "plus" in parts and form is Form.SENML:
            self.fail(parts["plus"], "{code}: SenML's records are read one by one", f"{where}.plus")
        return Field(
            quantity=quantity,
            unit=self._unit(parts["unit"], path, quantity) if "unit" in parts else None,
            missing=self._missing(parts["missing"], path) if "missing" in parts else (),
            values=self._values(parts["values"], path) if "values" in parts else {},
            suffix=self._name(parts["suffix"], f"{where}.suffix") if "suffix" in parts else "",
            plus=self._plus(parts["plus"], path) if "plus" in parts else (),
            scale=self._scale(parts["scale"], f"{where}.scale") if "scale" in parts else 1.0,
            offset=self._number(parts["offset"], f"{where}.offset") if "offset" in parts else 0.0,
            curve=self._curve(parts["curve"], f"{where}.curve") if "curve" in parts else (),
        )

    def _plus(self, node: yaml.Node, path: str) -> tuple[str, ...]:
        others = self.texts(node, f"fields.{path}.plus")
        for twice in {name for name in (path, *others) if (path, *others).count(name) > 1}:
            self.fail(node, "{code}: {field!r} would be added twice", f"fields.{path}.plus", twice)
        return others

    def _scale(self, node: yaml.Node, where: str) -> float:
        scale = self._number(node, where)
        if scale == 0:
            self.fail(node, "{code}: expected a number other than 0", where)
        return scale

    def _curve(self, node: yaml.Node, where: str) -> tuple[tuple[float, float], ...]:
        expected = "{code}: expected points such as [[2.8, 0], [3.3, 60], [3.6, 100]]"
        points = node.value if isinstance(node, yaml.SequenceNode) else []
        if len(points) < 2:
            self.fail(node, expected, where)
        curve: list[tuple[float, float]] = []
        for point in points:
            pair = point.value if isinstance(point, yaml.SequenceNode) else []
            if len(pair) != 2:
                self.fail(point, expected, where)
            given, meant = (self._number(number, where) for number in pair)
            if curve and given <= curve[-1][0]:
                self.fail(
                    point,
                    "{code}: {number:g} after {n:g}; expected rising points",
                    where,
                    given,
                    curve[-1][0],
                )
            curve.append((given, meant))
        return tuple(curve)

    def _quantity(self, node: yaml.Node, path: str) -> str:
        name = self._name(node, f"fields.{path}.quantity")
        if self._units is not None and name not in self._units:
            hint = did_you_mean(name, self._units)
            self.fail(node, "{code}: unknown quantity {name!r}{hint}", f"fields.{path}", name, hint)
        return name

    def _unit(self, node: yaml.Node, path: str, quantity: str) -> str:
        unit = self._name(node, f"fields.{path}.unit")
        if self._units is not None:
            try:
                conversion(unit, self._units[quantity])
            except UnitError as error:
                self.fail(node, "{code}: {problem}", f"fields.{path}", error)
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
        for name, value in self.mapping(node, where).items():
            meant = self._scalar(value, where)
            if meant is not None and not isinstance(meant, bool | int | float):
                self.fail(
                    value, "{code}: expected a number, true, false or null", f"{where}.{name}"
                )
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
                self.fail(element, "ports: expected numbers from 1 to 255")
            yield port

    def _scalar(self, node: yaml.Node, what: str) -> Any:
        text = self.text(node, what)
        plain = isinstance(node, yaml.ScalarNode) and not node.style
        if plain and _LEADING_ZERO.match(text) and "." not in text:
            self.fail(
                node,
                "{code}: YAML's versions read {code_text} differently; expected {number} for the"
                " number, {text!r} for the text",
                what,
                text,
                int(text),
                text,
            )
        return self.value(node, what)

    def _name(self, node: yaml.Node, what: str) -> str:
        name = self.text(node, what)
        if not name:
            self.fail(node, "{code}: expected a text", what)
        return name

    def _number(self, node: yaml.Node, what: str) -> float:
        value = self._scalar(node, what)
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.fail(node, "{code}: expected a number, got {value!r}", what, node.value)
        if not abs(value) <= _LARGEST_NUMBER or not math.isfinite(value):
            self.fail(node, "{code}: expected a number up to 1e12, got {value}", what, node.value)
        return float(value)


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
