"""What all models of inventory input share: their fields' types, and errors with places.

Each mapping of a file is validated on its own, so that all problems of a file are reported at once.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, ClassVar, TypeVar, cast

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    PlainValidator,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
)
from pydantic_core import CoreSchema

from hypervisor.base.translation import mark
from hypervisor.registry.geometry import is_exchanged
from hypervisor.registry.inventory import Entry, Fact
from hypervisor.registry.tree import (
    Fields,
    InventoryError,
    Items,
    Node,
    Problem,
    Where,
    plain_value,
)
from sensors._domain import Catalogue
from sensors._errors import Message
from sensors._nearest import did_you_mean
from sensors._scalars import count, duration, instant, measure, number, truth

_MOST_PROBLEMS = 1_000  # of a file; each looks for the word that was meant
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
WORKS_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
NO_WORKS_NAME = mark(
    "cannot be a name of works: letters a-z A-Z, digits, '-', '_' and '.', at most 100"
)
_INSEE = re.compile(r"(?:\d{2}|2[AB])\d{3}")
_EMPTY = Message("is empty: give a value, write null to withdraw it, or leave the line out")


@dataclass(frozen=True, kw_only=True)
class Context:
    """What the fields of a file are read with. `marked`: kinds that the file calls illustrative.

    `unit`: of the measures of a mapping.
    """

    catalogue: Catalogue
    problems: list[Problem]
    marked: frozenset[str] = frozenset()
    unit: str = ""

    def problem(self, where: Where, text: str) -> None:
        """Add a problem.

        Raises:
            InventoryError: there are too many; the rest is not looked at.
        """
        self.problems.append(Problem(where=where, text=text))
        if len(self.problems) >= _MOST_PROBLEMS:
            raise InventoryError(self.problems)


class Input(BaseModel):
    """One mapping of a file."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
    shorts: ClassVar[Mapping[str, str]] = {}  # a field's text alone stands for this field of it
    _fields: Fields = PrivateAttr()

    def check(self, context: Context) -> None:
        """Add the problems of fields that do not fit each other."""

    @property
    def where(self) -> Where:
        """The place of the mapping."""
        return self._fields.where

    def at(self, name: str) -> Where:
        """The place of a field, by its name in the file."""
        return self._fields.at(name)

    def has(self, name: str) -> bool:
        """Whether a field is given."""
        return name in self.model_fields_set

    def withdraws(self, name: str) -> bool:
        """Whether a field is null."""
        return self.has(name) and self._fields.get(name) is None


Model = TypeVar("Model", bound=Input)


def read_fields(model: type[Model], node: Node, where: Where, context: Context) -> Model | None:
    """A mapping as a model; None: it has problems."""
    if not isinstance(node, Fields):
        context.problem(where, "expected fields such as 'name: …'")
        return None
    for name in model.shorts.keys() & node.keys():
        if node[name]:
            node[name] = Fields.short(model.shorts[name], node[name], node.at(name)) or node[name]
    try:
        made = model.model_validate(dict(node), context=context)
    except ValidationError as error:
        for problem in error.errors(include_url=False):
            name = str(problem["loc"][0])
            context.problem(node.at(name), _sentence(model, name, cast("Any", problem)))
        return None
    made._fields = node
    made.check(context)
    return made


def _sentence(model: type[Input], name: str, problem: Mapping[str, Any]) -> str:
    fields = {field.alias or key: field for key, field in model.model_fields.items()}
    if problem["type"] == "missing":
        example = fields[name].description
        if example:
            return Message("needs {name!r}, {example}", name, Message(example))
        return Message("needs {name!r}", name)
    if problem["type"] == "extra_forbidden":
        hint = did_you_mean(name, fields)
        return Message("there is no field {name!r} here{hint}", name, hint)
    return str(problem.get("ctx", {}).get("error", problem["msg"]))


# -- the types of fields ---------------------------------------------------------------------------


def read_text(node: Any) -> str:
    """The text of a field. Raises ValueError: it is no text, null, or empty."""
    if isinstance(node, Fields | Items):
        raise ValueError("expected one value, found a list or fields")  # noqa: TRY004  pydantic's
    if node is None:
        raise ValueError(Message("needs a value, not null"))
    if node == "":
        raise ValueError(_EMPTY)
    return str(node)


def _by(convert: Callable[[str], Any]) -> BeforeValidator:
    return BeforeValidator(lambda node: convert(read_text(node)))


def check_name(text: str) -> str:
    """The same text. Raises ValueError: it cannot be the name of a site, device or gateway."""
    if not _NAME.fullmatch(text):
        raise ValueError(
            Message(
                "{text!r} cannot be a name: letters a-z A-Z, digits, '-' and '_', at most 64", text
            )
        )
    return text


def _check_works_name(text: str) -> str:
    if not WORKS_NAME.fullmatch(text):
        raise ValueError(Message("{text!r} {problem}", text, Message(NO_WORKS_NAME)))
    return text


def _check_insee(text: str) -> str:
    if not _INSEE.fullmatch(text):
        lost = " (a spreadsheet ate its leading zero?)" if re.fullmatch(r"\d{4}", text) else ""
        raise ValueError(
            Message(
                "{text!r} is no INSEE code: five characters such as 91228{lost}; a postal code "
                "is not one",
                text,
                lost,
            )
        )
    return text


def _degrees(limit: float, what: str) -> Callable[[str], float]:
    def convert(text: str) -> float:
        value = number(text)
        if abs(value) > limit:
            raise ValueError(
                Message(
                    "{text}: a {what} in degrees (WGS 84) lies within ±{limit:g}", text, what, limit
                )
            )
        return value

    return convert


def measure_in(unit: str) -> BeforeValidator:
    """A measure, converted into a unit."""
    return _by(lambda text: measure(text, unit))


def context_of(info: ValidationInfo) -> Context:
    """The context that a file is read with."""
    return cast("Context", info.context)


def _measure(node: Any, info: ValidationInfo) -> float:
    return measure(read_text(node), context_of(info).unit)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A word that must be one of some; forms offer them."""

    words: Callable[[Catalogue], Iterable[str]]

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Check the word."""
        validator = BeforeValidator(
            lambda node, info: check_word(
                node, info.field_name, tuple(self.words(context_of(info).catalogue))
            )
        )
        return validator.__get_pydantic_core_schema__(source, handler)


@dataclass(frozen=True, kw_only=True)
class Rows:
    """How forms show a field of many: some fields (`columns`) of a model; None: names alone.

    `key`: what a row is called by, `names` those that it may be; `""`: rows have no names.
    """

    model: "type[Input] | None"
    key: str = ""
    columns: tuple[str, ...] = ()
    names: Callable[[Catalogue], Iterable[str]] | None = None


def known_in(names: Callable[[Catalogue], Iterable[str]]) -> Choice:
    """A name of the catalogue."""
    return Choice(words=names)


def one_of(words: Iterable[str]) -> Choice:
    """One of some words."""
    allowed = tuple(words)
    return Choice(words=lambda _catalogue: allowed)


def check_word(node: Any, what: str | None, allowed: Iterable[str]) -> str:
    """A word that must be one of some. Raises ValueError: it is another."""
    text = read_text(node)
    if text not in allowed:
        raise ValueError(
            Message("unknown {what} {text!r}{hint}", what, text, did_you_mean(text, allowed))
        )
    return text


Text = Annotated[str, _by(str)]
Name = Annotated[str, _by(check_name)]
WorksName = Annotated[str, _by(_check_works_name)]
Insee = Annotated[str, _by(_check_insee)]
Number = Annotated[float, _by(number)]
Count = Annotated[int, _by(count)]
Truth = Annotated[bool, _by(truth)]
Instant = Annotated[datetime, _by(instant)]
Duration = Annotated[float, _by(duration)]
Metres = Annotated[float, measure_in("m")]
Measure = Annotated[float, BeforeValidator(_measure)]  # in the context's unit
Longitude = Annotated[float, _by(_degrees(180.0, "longitude"))]
Latitude = Annotated[float, _by(_degrees(90.0, "latitude"))]
Properties = Annotated[
    dict[str, Any],
    BeforeValidator(lambda node: plain_value(node) or {}),
    Rows(model=None, key="name", columns=("value",)),
    Field(default_factory=dict),
]


def _read_names(node: Any) -> tuple[str, ...]:
    if node and not (isinstance(node, Items) and all(isinstance(item, str) for item in node)):
        raise ValueError(Message("expected a list of names: [gif, orsay]"))
    return tuple(node or ())


Names = Annotated[tuple[str, ...], PlainValidator(_read_names)]


def items_of(node: Any) -> Iterator[tuple[Any, Where]]:
    """The items of a list with their places; none without one. Raises ValueError: it is no list."""
    if node and not isinstance(node, Items):
        raise ValueError("expected a list: each item begins with '- '")
    return zip(node, node.places, strict=True) if node else iter(())


def list_of(model: type[Model]) -> PlainValidator:
    """A list of mappings; those with problems are left out."""

    def read(node: Any, info: ValidationInfo) -> tuple[Model, ...]:
        made = (read_fields(model, item, at, context_of(info)) for item, at in items_of(node))
        return tuple(item for item in made if item is not None)

    return PlainValidator(read)


def fields_of(model: type[Model]) -> PlainValidator:
    """A mapping. None: null, or it has problems."""

    def read(node: Any, info: ValidationInfo) -> Model | None:
        if node is None:
            return None
        if not isinstance(node, Fields):
            names = ", ".join(field.alias or name for name, field in model.model_fields.items())
            raise ValueError(Message("expected fields: {names}", names))  # noqa: TRY004  pydantic's
        return read_fields(model, node, node.where, context_of(info))

    return PlainValidator(read)


class FactInput(Input):
    """A mapping that is a fact, with what any fact may say of itself."""

    illustrative: Truth | None = None
    effective: Instant | None = None
    reason: Text | None = None

    def fact(
        self,
        kind: str,
        key: str,
        value: Mapping[str, Any] | None,
        *,
        marked: bool = False,
        where: Where | None = None,
    ) -> Fact:
        """The fact; `marked`: illustrative unless it says otherwise."""
        own = self.illustrative
        return Fact(
            kind=kind,
            key=key,
            value=value,
            where=where or self.where,
            illustrative=(marked if own is None else own) and value is not None,
            effective=self.effective,
            reason=self.reason,
        )


class EntryInput(Input):
    """A mapping that is an entry; the fields of `facts` are none of the entry's own."""

    facts: ClassVar[tuple[str, ...]] = ()
    key: ClassVar[str] = "name"

    def entry(self, **more: Any) -> Entry:
        """The entry with the fields given."""
        given = {
            name: getattr(self, name)
            for name in type(self).model_fields
            if name in self.model_fields_set and name not in (self.key, *self.facts)
        }
        return Entry(key=getattr(self, self.key), given={**given, **more}, where=self.where)

    def inner_facts(
        self, kind: str, value: Mapping[str, Any] | None, *, marked: bool = False
    ) -> list[Fact]:
        """The fact of the field `kind`: withdrawn by a null, none without the field."""
        inner: FactInput | None = getattr(self, kind)
        key = getattr(self, self.key)
        if self.withdraws(kind):
            return [Fact(kind=kind, key=key, value=None, where=self.at(kind))]
        return [] if inner is None else [inner.fact(kind, key, value, marked=marked)]


class PlacedInput(EntryInput):
    """An entry that lies somewhere."""

    lon: Longitude | None = None
    lat: Latitude | None = None

    def check(self, context: Context) -> None:
        lon, lat = self.lon, self.lat
        if (lon is None) != (lat is None):
            missing = "lon" if lon is None else "lat"
            text = Message("a point needs both lon and lat; {missing} is missing", missing)
            context.problem(self.at(missing), text)
        if lon is not None and lat is not None and is_exchanged(lon, lat):
            text = Message(
                "lon {lon:g} and lat {lat:g} look exchanged: France lies at lat 41…51, lon -5…10",
                lon,
                lat,
            )
            context.problem(self.at("lat"), text)


def mark_place(own: EntryInput, context: Context, *, placed: bool) -> dict[str, bool]:
    """`illustrative` for a place where the file says that for all."""
    if "coordinates" in context.marked and placed and not own.has("illustrative"):
        return {"illustrative": True}
    return {}
