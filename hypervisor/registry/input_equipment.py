"""Gateways, groups, lighting plans, zones, assets and planned works of an inventory."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, PlainValidator, ValidationInfo

from hypervisor.base.instants import EPOCH
from hypervisor.base.translation import mark
from hypervisor.registry.geometry import AREAS, SHAPES, parse_geometry
from hypervisor.registry.input_devices import refuse_reserved
from hypervisor.registry.input_fields import (
    Context,
    EntryInput,
    FactInput,
    Input,
    Insee,
    Instant,
    Metres,
    Name,
    Names,
    PlacedInput,
    Properties,
    Rows,
    Text,
    Truth,
    WorksName,
    context_of,
    fields_of,
    known_in,
    list_of,
    mark_place,
    measure_in,
    one_of,
    read_fields,
    read_text,
)
from hypervisor.registry.inventory import Entry, Fact
from hypervisor.registry.tree import Fields, Items, Where
from sensors._domain import Catalogue
from sensors._errors import Message
from sensors._nearest import did_you_mean
from sensors._plan import LightingPlan, Spell, plan_to_json
from sensors._scalars import ScalarError, duration

PROTOCOLS = ("chirpstack", "the-things-stack", "senml", "native")
ASSET_KINDS = ("road", "school", "cabinet", "hospital", "pumping", "other")
SUBJECTS = ("sites", "devices", "groups")  # of works


class GatewayInput(PlacedInput):
    """A gateway."""

    name: Name
    title: Text | None = None
    protocol: Annotated[str, one_of(PROTOCOLS)] | None = None
    properties: Properties

    def check(self, context: Context) -> None:
        super().check(context)
        refuse_reserved(self, self.name, context)


# -- groups ----------------------------------------------------------------------------------------


class SupplyInput(FactInput):
    """The lighting plan of a group, and whether its lamps have current by day."""

    plan: Text = Field(description=mark("the name of a lighting plan"))
    switched: Truth = Field(
        description=mark("true where the lamps have no current by day, false where they do")
    )


def _read_members(node: Any, info: ValidationInfo) -> tuple[Fact, ...]:
    """Names in a list, names with null or fields in a mapping, or a list of both."""
    if node and not isinstance(node, Fields | Items):
        raise ValueError(Message("expected a list of devices: [lamp-1, lamp-2]"))
    members: list[Fact] = []
    for item in [node] if isinstance(node, Fields) else node or ():
        if isinstance(item, Fields):
            pairs = [(name, child, item.at(name)) for name, child in item.items()]
        else:
            pairs = [(item, "", node.where)] if isinstance(item, str) else []
        for device, child, where in pairs:
            if child is None:
                members.append(Fact(kind="member", key=device, value=None, where=where))
            elif child == "":
                members.append(Fact(kind="member", key=device, value={}, where=where))
            elif not isinstance(child, Fields):
                text = Message("expected null, or {example}", "{effective: 2024-10-01}")
                context_of(info).problem(where, text)
            elif own := read_fields(FactInput, child, where, context_of(info)):
                members.append(own.fact("member", device, {}, where=where))
    return tuple(members)


def _list_group_kinds(catalogue: Catalogue) -> Iterable[str]:
    return catalogue.groups


class GroupInput(EntryInput):
    """A group with the facts of its members and supply."""

    facts: ClassVar[tuple[str, ...]] = ("members", "supply")

    name: Name
    title: Text | None = None
    kind: Annotated[str, known_in(_list_group_kinds)] | None = None
    site: Text | None = None
    members: Annotated[
        tuple[Fact, ...], PlainValidator(_read_members), Rows(model=None, key="device")
    ] = ()
    supply: Annotated[SupplyInput | None, fields_of(SupplyInput)] = None
    properties: Properties

    def content(self) -> tuple[Entry, list[Fact]]:
        """Its entry, and the facts."""
        facts = [replace(fact, key=f"{self.name}/{fact.key}") for fact in self.members]
        supply = self.supply
        value = {"plan": supply.plan, "switched": supply.switched} if supply else None
        facts += self.inner_facts("supply", value)
        return self.entry(), facts


# -- lighting plans --------------------------------------------------------------------------------

_OFFSET = re.compile(r"(?P<sun>\S+?)\s*(?:(?P<sign>[+\-\u2212])\s*(?P<by>.+))?")
_FARTHEST = timedelta(hours=3)
_CLOCK = re.compile(r"(\d{1,2})[:hH](\d{2})")
_WEEKDAYS = (
    *(("mon", "monday", "lun", "lundi"), ("tue", "tuesday", "mar", "mardi")),
    *(("wed", "wednesday", "mer", "mercredi"), ("thu", "thursday", "jeu", "jeudi")),
    *(("fri", "friday", "ven", "vendredi"), ("sat", "saturday", "sam", "samedi")),
    ("sun", "sunday", "dim", "dimanche"),
)
_MONTHS = (
    *(("1", "jan", "january", "janvier"), ("2", "feb", "february", "fevrier", "fev")),
    *(("3", "mar", "march", "mars"), ("4", "apr", "april", "avril", "avr")),
    *(("5", "may", "mai"), ("6", "jun", "june", "juin"), ("7", "jul", "july", "juillet")),
    *(("8", "aug", "august", "aout"), ("9", "sep", "september", "septembre")),
    *(("10", "oct", "october", "octobre"), ("11", "nov", "november", "novembre")),
    ("12", "dec", "december", "decembre"),
)
DAYS = {word: day for day, words in enumerate(_WEEKDAYS) for word in words}
MONTHS = {word: month for month, words in enumerate(_MONTHS, start=1) for word in words}


def _sun_offset(*suns: str) -> BeforeValidator:
    """`sunset + 10 min`: the offset from the sun, negative before it."""

    def convert(text: str) -> timedelta:
        match = _OFFSET.fullmatch(text.strip())
        if match is None or match["sun"].lower() not in suns:
            raise ScalarError(
                "{text!r}: expected {suns}, or such as '{suns} + 10 min'", text, suns[0]
            )
        by = timedelta(seconds=duration(match["by"])) if match["by"] else timedelta()
        if by > _FARTHEST:
            raise ScalarError(
                "{text!r}: more than {seconds} h from {suns}",
                text,
                _FARTHEST.seconds // 3600,
                suns[0],
            )
        return by if match["sign"] == "+" else -by

    return BeforeValidator(lambda node: timedelta() if node is None else convert(read_text(node)))


def parse_clock(text: str) -> time:
    """A local time of day: 01:00, 23:30, 1h00. Raises ScalarError: it is none."""
    match = _CLOCK.fullmatch(text.strip())
    if match is None or int(match[1]) > 23 or int(match[2]) > 59:
        raise ScalarError("{text!r}: expected a local time such as 01:00", text)
    return time(int(match[1]), int(match[2]))


def _numbers_of(what: str, numbers: Mapping[str, int]) -> PlainValidator:
    """Days or months by name: a list, or words separated by spaces."""

    def read(node: Any) -> frozenset[int] | None:
        words = re.split(r"[\s,]+", node.strip()) if isinstance(node, str) and node else node
        if not words:
            return None
        if isinstance(words, Fields) or not all(isinstance(word, str) for word in words):
            raise ValueError(Message("expected a list of words"))
        for word in words:
            if _normalise(word) not in numbers:
                hint = did_you_mean(_normalise(word), numbers)
                raise ValueError(Message("unknown {what} {word!r}{hint}", what, word, hint))
        return frozenset(numbers[_normalise(word)] for word in words)

    return PlainValidator(read)


def _normalise(word: str) -> str:
    """Without accents, capitals and a leading zero."""
    letters = unicodedata.normalize("NFD", word.strip().lower())
    return "".join(letter for letter in letters if not unicodedata.combining(letter)).lstrip("0")


Clock = Annotated[time, BeforeValidator(lambda node: parse_clock(read_text(node)))]
Weekdays = Annotated[frozenset[int] | None, _numbers_of("weekday", DAYS)]
Months = Annotated[frozenset[int] | None, _numbers_of("month", MONTHS)]


class SpellInput(Input):
    """A part of the night at another level."""

    begins: Clock = Field(alias="from", description=mark('such as "01:00"'))
    ends: Clock = Field(alias="to", description=mark('such as "05:00"'))
    level: Annotated[float, measure_in("%")] = Field(description=mark("such as 0 %"))
    weekdays: Weekdays = None
    months: Months = None

    def check(self, context: Context) -> None:
        if not 0 <= self.level <= 100:
            text = Message("{level:g} %: a level lies within 0…100 %", self.level)
            context.problem(self.at("level"), text)
        if _minutes_since_noon(self.begins) >= _minutes_since_noon(self.ends):
            text = Message(
                "{begins:%H:%M} to {ends:%H:%M} runs backwards: a night goes from noon to noon",
                self.begins,
                self.ends,
            )
            context.problem(self.at("to"), text)

    def spell(self) -> Spell:
        """The spell; every day and month without limits."""
        limits = {"weekdays": self.weekdays, "months": self.months}
        given = {name: numbers for name, numbers in limits.items() if numbers is not None}
        return Spell(begins=self.begins, ends=self.ends, level=self.level, **given)


def _minutes_since_noon(at: time) -> int:
    """Minutes since noon, which order the times of one night."""
    return (at.hour * 60 + at.minute - 720) % 1440


class PlanInput(FactInput):
    """A lighting plan: offsets from sunset and sunrise, spells of the night, months."""

    name: Name
    title: Text | None = None
    on: Annotated[timedelta, _sun_offset("sunset", "coucher")] = timedelta()
    off: Annotated[timedelta, _sun_offset("sunrise", "lever")] = timedelta()
    spells: Annotated[
        tuple[SpellInput, ...],
        list_of(SpellInput),
        Rows(model=SpellInput, columns=("from", "to", "level", "weekdays", "months")),
    ] = ()
    no_relighting: Months = None
    withdrawn: Truth | None = None

    def content(self, context: Context) -> Fact:
        """The plan."""
        plan = LightingPlan(
            on_after=self.on,
            off_after=self.off,
            spells=tuple(spell.spell() for spell in self.spells),
            no_relighting=self.no_relighting or frozenset(),
        )
        value = None if self.withdrawn else {"title": self.title or self.name, **plan_to_json(plan)}
        return self.fact("plan", self.name, value, marked="plans" in context.marked)


# -- zones and assets ------------------------------------------------------------------------------


def _shape(kinds: tuple[str, ...]) -> BeforeValidator:
    return BeforeValidator(lambda node: parse_geometry(node, kinds))


def list_zone_kinds(catalogue: Catalogue) -> tuple[str, ...]:
    """What a zone may be of: a domain, or other."""
    return (*catalogue.domains, "other")


class ZoneInput(EntryInput):
    """An area on the ground."""

    name: Name
    title: Text | None = None
    kind: Annotated[str, known_in(list_zone_kinds)] | None = None
    geometry: Annotated[dict[str, Any], _shape(AREAS)] | None = None
    illustrative: Truth | None = None
    properties: Properties

    def content(self, context: Context) -> Entry:
        """Its entry."""
        return self.entry(**mark_place(self, context, placed=self.has("geometry")))


class ReachInput(FactInput):
    """The level of a gauge at which water reaches an asset."""

    gauge: Text = Field(description=mark("the name of a site"))
    level: Metres = Field(description=mark("such as 1.9 m"))


class AssetInput(PlacedInput):
    """An asset and the level that reaches it."""

    facts: ClassVar[tuple[str, ...]] = ("reach", "lon", "lat")

    name: Name
    title: Text | None = None
    kind: Annotated[str, one_of(ASSET_KINDS)] | None = None
    commune: Insee | None = None
    geometry: Annotated[dict[str, Any], _shape(SHAPES)] | None = None
    site: Text | None = None
    illustrative: Truth | None = None
    properties: Properties
    reach: Annotated[ReachInput | None, fields_of(ReachInput)] = None

    def check(self, context: Context) -> None:
        super().check(context)
        if self.has("geometry") and (self.has("lon") or self.has("lat")):
            text = Message(
                "is given beside lon and lat: give either the geometry or the coordinates"
            )
            context.problem(self.at("geometry"), text)

    def content(self, context: Context) -> tuple[Entry, list[Fact]]:
        """Its entry, and the level that reaches it."""
        more: dict[str, Any] = {}
        if self.lon is not None and self.lat is not None:
            more["geometry"] = {"type": "Point", "coordinates": [self.lon, self.lat]}
        more |= mark_place(self, context, placed=bool(more) or self.has("geometry"))
        reach = self.reach
        value = {"gauge": reach.gauge, "level": reach.level, "unit": "m"} if reach else None
        facts = self.inner_facts("reach", value, marked="reach" in context.marked)
        return self.entry(**more), facts


# -- works -----------------------------------------------------------------------------------------


class WorksInput(Input):
    """A window of works. Its times are in the value, independent of `effective`."""

    name: WorksName
    begins: Instant | None = None
    ends: Instant | None = None
    sites: Names = ()
    devices: Names = ()
    groups: Names = ()
    reason: Text | None = None
    withdrawn: Truth | None = None

    def check(self, context: Context) -> None:
        if self.withdrawn:
            return
        for field in ("begins", "ends"):
            if not self.has(field):
                text = Message("needs {field!r}, such as 2024-11-04T08:00+01:00", field)
                context.problem(self.at(field), text)
        if not (self.sites or self.devices or self.groups):
            text = Message("needs what it concerns: some of {subjects}", ", ".join(SUBJECTS))
            context.problem(self.where, text)
        if self.begins and self.ends and self.ends <= self.begins:
            context.problem(self.at("ends"), Message("ends before it begins"))

    def content(self) -> Fact:
        """The window."""
        value = None
        if self.begins and self.ends and not self.withdrawn:
            subjects = {kind: getattr(self, kind) for kind in SUBJECTS}
            value = works_value(self.begins, self.ends, subjects)
        return works_fact(self.name, value, reason=self.reason, where=self.where)


def works_fact(
    name: str, value: dict[str, Any] | None, *, reason: str | None, where: Where
) -> Fact:
    """The fact of a window; the last one recorded counts."""
    return Fact(kind="works", key=name, value=value, where=where, effective=EPOCH, reason=reason)


def works_value(
    begins: datetime, ends: datetime, subjects: Mapping[str, Iterable[str]]
) -> dict[str, Any]:
    """The value of its fact."""
    edges = {"begins": begins, "ends": ends}
    return {
        **{name: at.isoformat().replace("+00:00", "Z") for name, at in edges.items()},
        **{kind: sorted(subjects.get(kind, ())) for kind in SUBJECTS},
    }
