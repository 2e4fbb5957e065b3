"""Météo-France's vigilance: colours by département and phenomenon, for today and tomorrow."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec

from hypervisor.base.instants import micros, text
from hypervisor.base.settings import Settings
from hypervisor.feeds.model import (
    COLOURS_STATED,
    Colour,
    Feed,
    FeedError,
    Page,
    Unusable,
    find_worst,
)
from hypervisor.feeds.poll import Dated, PollContext, read_parts, require_past
from hypervisor.registry.departements import NAMES
from ingest.message import Reason
from sensors._errors import Message

FEED = Feed(
    name="meteofrance",
    title="Météo-France",
    address="https://public-api.meteofrance.fr/public/DPVigilance/v1",
    path="meteofrance",
    source="Météo-France, vigilance météorologique",
    licence="Licence Ouverte 2.0",
    every=timedelta(minutes=15),
    lasts=timedelta(hours=26),  # issued at least twice a day
)
COLOURS = "cartevigilance/encours"
PHENOMENA = {
    "1": "wind",
    "2": "rain-flood",
    "3": "thunderstorm",
    "4": "flood",
    "5": "snow-ice",
    "6": "heat",
    "7": "cold",
    "8": "avalanche",
    "9": "waves",
}

Aware = Annotated[datetime, msgspec.Meta(tz=True)]


class Slot(Dated, frozen=True):
    """A colour and its hours."""

    begin_time: Aware
    end_time: Aware
    color_id: int


class Phenomenon(msgspec.Struct, frozen=True):
    """Without slots it is not watched in this season."""

    phenomenon_id: Annotated[str, msgspec.Meta(max_length=100)] | int
    timelaps_items: list[Slot]


class Domain(msgspec.Struct, frozen=True):
    """A département; of four digits a coast, FRA the country."""

    domain_id: str | int
    phenomenon_items: list[Any]


class Timelaps(msgspec.Struct, frozen=True):
    domain_ids: list[Any]


class Period(msgspec.Struct, frozen=True):
    """Today (`J`) or tomorrow (`J1`)."""

    timelaps: Timelaps


class Product(Dated, frozen=True):
    update_time: Aware
    periods: list[Period]


class Card(msgspec.Struct, frozen=True):
    product: Product


def needs_key(context: PollContext) -> str:
    """Why it is not read: no key, or no département."""
    if not (context.settings.meteofrance_key or context.settings.feeds_url):
        return Message("HYPERVISOR_METEOFRANCE_KEY is not set")
    return "" if context.departements else Message("the inventory has no commune")


def make_headers(settings: Settings) -> dict[str, str]:
    """Its key goes to its own address, or to the stand-in of all services."""
    return {"apikey": settings.meteofrance_key} if settings.meteofrance_key else {}


def poll(context: PollContext) -> Iterator[Page]:
    """The colours of our départements and their coasts."""
    answer = context.ask_if_changed(COLOURS, context.departements)
    if not answer.is_new:
        yield Page(validators=answer.validators, summary=context.state.summary or "")
        return
    product = read_product(answer.content, answer.body)
    require_past(context, product.update_time, answer.body)
    colours, unusable = list_colours(product, context.departements)
    yield Page(
        colours=colours,
        unusable=unusable,
        cursor={"of": list(context.departements), "issued": text(micros(product.update_time))},
        validators=answer.validators,
        summary=f"bulletin of {product.update_time:%Y-%m-%d %H:%M} UTC",
    )


def read_product(content: object, body: bytes) -> Product:
    """The product. Raises FeedError: it has another shape."""
    try:
        return msgspec.convert(content, Card, strict=False).product
    except msgspec.ValidationError as error:
        raise FeedError(
            "the answer has another shape than the vigilance card: {error}",
            str(error),
            reason=Reason.WRONG_SHAPE,
            body=body,
        ) from error


def list_colours(
    product: Product, departements: Sequence[str]
) -> tuple[list[Colour], list[Unusable]]:
    """Slots by département and phenomenon, and what of them cannot be used."""
    colours: dict[tuple[str, str, datetime], Colour] = {}
    unusable: list[Unusable] = []
    for period in product.periods:
        domains, bad = read_parts(period.timelaps.domain_ids, Domain)
        unusable += bad
        for domain in domains:
            if _departement_of(str(domain.domain_id)) in departements:
                unusable += _add_colours(colours, product, domain)
    return list(colours.values()), unusable


def _add_colours(
    colours: dict[tuple[str, str, datetime], Colour], product: Product, domain: Domain
) -> list[Unusable]:
    """Add the colours of a domain; returns what of them cannot be used."""
    phenomena, bad = read_parts(domain.phenomenon_items, Phenomenon)
    unusable = list(bad)
    for phenomenon in phenomena:
        number = str(phenomenon.phenomenon_id)
        for slot in phenomenon.timelaps_items:
            _add_colour(colours, _make_colour(product, domain, number, slot))
            if slot.color_id not in COLOURS_STATED:
                detail = Message("colour {value} is none", slot.color_id)
                unusable.append(Unusable(reason=Reason.BAD_VALUE, detail=detail))
    for part in bad:
        if number := _read_number(part.part):
            _add_colour(colours, _make_colour(product, domain, number, None))
    return unusable


def _add_colour(colours: dict[tuple[str, str, datetime], Colour], colour: Colour) -> None:
    """Of two of the same hour the worst stands."""
    key = (colour.area, colour.phenomenon, colour.begins)
    before = colours.get(key, colour)
    colours[key] = replace(colour, colour=find_worst((before.colour, colour.colour)))


def _read_number(phenomenon: object) -> str:
    """Of a phenomenon that cannot be read; "": that cannot, either."""
    number = phenomenon.get("phenomenon_id") if isinstance(phenomenon, dict) else None
    return str(number) if str(number) in PHENOMENA else ""


def _departement_of(domain: str) -> str:
    """Four digits are a département's coast: its code and `10`."""
    return domain[:2] if len(domain) == 4 else domain


def _make_colour(product: Product, domain: Domain, number: str, slot: Slot | None) -> Colour:
    """`slot` None: the colours cannot be read; until the next bulletin there is none."""
    departement = _departement_of(str(domain.domain_id))
    return Colour(
        area=str(domain.domain_id),
        title=NAMES.get(departement, departement),
        phenomenon=PHENOMENA.get(number, number),
        begins=slot.begin_time if slot else product.update_time,
        ends=slot.end_time if slot else None,
        issued=product.update_time,
        colour=slot.color_id if slot and slot.color_id in COLOURS_STATED else None,
    )
