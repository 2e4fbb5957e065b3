"""Areas, sites with their datum, and links of an inventory."""

import re
from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field

from hypervisor.base.translation import mark
from hypervisor.registry.input_devices import DeviceInput
from hypervisor.registry.input_fields import (
    Context,
    Count,
    Duration,
    FactInput,
    Insee,
    Metres,
    Name,
    Number,
    PlacedInput,
    Properties,
    Text,
    Truth,
    fields_of,
    known_in,
    list_of,
    mark_place,
    one_of,
)
from hypervisor.registry.input_thresholds import Thresholds, add_owner
from hypervisor.registry.inventory import Entry, Fact
from sensors._errors import Message

AREA_KINDS = ("departement", "epci", "commune")
_SUBJECTS = ("device", "group")  # what rules call devices and groups: no site is called so
_CODES = {
    "departement": (re.compile(r"\d{2,3}|2[AB]"), "two or three digits, or 2A, 2B"),
    "epci": (re.compile(r"\d{9}"), "a SIREN of nine digits"),
    "commune": (
        re.compile(r"(?:\d{2}|2[AB])\d{3}"),
        "an INSEE code of five characters such as 91228",
    ),
}


class AreaInput(PlacedInput):
    """A piece of the territory."""

    key: ClassVar[str] = "code"

    code: Text
    kind: Annotated[str, one_of(AREA_KINDS)] | None = None
    name: Text | None = None
    parent: Text | None = None
    population: Count | None = None

    def check(self, context: Context) -> None:
        super().check(context)
        if self.kind is not None and not _CODES[self.kind][0].fullmatch(self.code):
            text = Message(
                "{code!r}: the code of a {kind} is {form}",
                self.code,
                self.kind,
                _CODES[self.kind][1],
            )
            context.problem(self.at("code"), text)


class DatumInput(FactInput):
    """The zero of a site's gauge above the sea (NGF-IGN69)."""

    zero: Metres = Field(description=mark("such as 48.61 m"))


class SiteInput(PlacedInput):
    """A site with its devices and thresholds."""

    facts: ClassVar[tuple[str, ...]] = ("devices", "thresholds", "datum")
    shorts: ClassVar[Mapping[str, str]] = {"datum": "zero"}

    name: Name
    title: Text | None = None
    domain: Annotated[str, known_in(lambda catalogue: catalogue.domains)] | None = None
    commune: Insee | None = None
    river: Text | None = None
    river_order: Number | None = None
    illustrative: Truth | None = None
    properties: Properties
    devices: Annotated[tuple[DeviceInput, ...], list_of(DeviceInput)] = ()
    thresholds: Thresholds = ()
    datum: Annotated[DatumInput | None, fields_of(DatumInput)] = None

    def check(self, context: Context) -> None:
        super().check(context)
        if self.name in _SUBJECTS:
            text = Message("{name!r} is a word of the rules, no name of a site", self.name)
            context.problem(self.at("name"), text)

    def content(self, context: Context) -> tuple[Entry, list[Entry], list[Fact]]:
        """Its entry; those of its devices and series; the facts of all."""
        equipped: list[Entry] = []
        facts: list[Fact] = []
        for device in self.devices:
            entries, device_facts = device.content(self.name, context)
            equipped += entries
            facts += device_facts
        facts += add_owner(self.thresholds, self.name)
        zero = {"zero": self.datum.zero, "unit": "m"} if self.datum else None
        facts += self.inner_facts("datum", zero, marked="datum" in context.marked)
        return self.entry(**mark_place(self, context, placed=self.has("lon"))), equipped, facts


class LinkInput(FactInput):
    """Water flows from one site to another; a null travel time withdraws the link."""

    upstream: Name = Field(alias="from")
    downstream: Name = Field(alias="to")
    travel: Duration | None = Field(description=mark("a time such as 3 h"))

    def check(self, context: Context) -> None:
        if self.upstream == self.downstream:
            context.problem(self.at("to"), "a site cannot lie upstream of itself")

    def content(self, context: Context) -> Fact:
        """The link."""
        value = None if self.travel is None else {"travel_s": self.travel}
        key = f"{self.upstream}>{self.downstream}"
        return self.fact("link", key, value, marked="travel" in context.marked)
