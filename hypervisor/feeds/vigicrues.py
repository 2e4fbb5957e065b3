"""Vigicrues: the official colour of each river reach, as of the bulletin's time."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec

from hypervisor.base.instants import micros, text
from hypervisor.feeds.model import (
    COLOURS_STATED,
    Colour,
    Feed,
    FeedError,
    Observation,
    Page,
    Unusable,
    find_worst,
)
from hypervisor.feeds.poll import Corner, Dated, Device, PollContext, read_parts, require_past
from ingest.message import Reason
from sensors._errors import Message

FEED = Feed(
    name="vigicrues",
    title="Vigicrues",
    address="https://www.vigicrues.gouv.fr/services",
    path="vigicrues",
    source="© VIGICRUES, www.vigicrues.gouv.fr",
    licence="Licence Ouverte 2.0",
    every=timedelta(minutes=10),  # two bulletins a day, more in a flood
    lasts=timedelta(hours=26),  # issued at least twice a day
)
COLOURS = "InfoVigiCru.geojson"
PHENOMENON = "flood"


class Properties(msgspec.Struct, frozen=True):
    """Of a reach; a colour that is not known yet is null."""

    CdEntCru: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,50}$")]
    lbentcru: str = ""
    cdensup_1: str | None = None  # its territory
    NivInfViCr: int | None = None


class Reach(msgspec.Struct, frozen=True):
    """A reach and its course."""

    properties: Properties
    geometry: Any = None

    @property
    def lines(self) -> list[list[Corner]]:
        """Its course in longitude and latitude; empty: it has none that can be read."""
        geometry = self.geometry if isinstance(self.geometry, dict) else {}
        written = geometry.get("coordinates")
        lines = [written] if geometry.get("type") == "LineString" else written
        try:
            return msgspec.convert(lines, list[list[Corner]])
        except msgspec.ValidationError:
            return []


class Bulletin(Dated, frozen=True):
    """All reaches of the country. `DtHrInfoVigiCru`: when the bulletin was issued."""

    DtHrInfoVigiCru: Annotated[datetime, msgspec.Meta(tz=True)]
    features: list[Any]


def poll(context: PollContext) -> Iterator[Page]:
    """The colours of our reaches: a reading of each, at the bulletin's time."""
    codes = {device.code: device for device in context.devices}
    answer = context.ask_if_changed(COLOURS, sorted(codes))
    if not answer.is_new:
        yield Page(validators=answer.validators, summary=context.state.summary or "")
        return
    bulletin, reaches, unusable = read_bulletin(answer.content, answer.body)
    require_past(context, bulletin.DtHrInfoVigiCru, answer.body)
    colours = list_colours(bulletin, reaches, codes, unusable)
    yield Page(
        observations=[
            Observation(
                device=codes[colour.area].name,
                time=colour.issued,
                values={"vigilance": float(colour.colour)},
            )
            for colour in colours
            if colour.colour is not None
        ],
        colours=colours,
        unusable=unusable,
        cursor={"of": sorted(codes), "issued": text(micros(bulletin.DtHrInfoVigiCru))},
        validators=answer.validators,
        summary=f"bulletin of {bulletin.DtHrInfoVigiCru:%Y-%m-%d %H:%M} UTC",
    )


def read_bulletin(content: object, body: bytes) -> tuple[Bulletin, list[Reach], list[Unusable]]:
    """The bulletin, its reaches, and the features that are none.

    Raises FeedError: it has another shape.
    """
    try:
        bulletin = msgspec.convert(content, Bulletin)
    except msgspec.ValidationError as error:
        raise FeedError(
            "the answer has another shape than Vigicrues' bulletin: {error}",
            str(error),
            reason=Reason.WRONG_SHAPE,
            body=body,
        ) from error
    reaches, unusable = read_parts(bulletin.features, Reach)
    return bulletin, reaches, unusable


def list_colours(
    bulletin: Bulletin,
    reaches: list[Reach],
    codes: Mapping[str, Device],
    unusable: list[Unusable],
) -> list[Colour]:
    """Of each of our reaches. What is no colour is added to `unusable`, and states none."""
    titles: dict[str, str] = {}
    levels: dict[str, list[int | None]] = {code: [] for code in sorted(codes)}
    for given in (reach.properties for reach in reaches if reach.properties.CdEntCru in codes):
        level, code = given.NivInfViCr, given.CdEntCru
        titles[code] = given.lbentcru or code
        if level is not None and level not in COLOURS_STATED:
            detail = Message("colour {value} of reach {code} is none", level, code)
            unusable.append(Unusable(reason=Reason.BAD_VALUE, detail=detail, part=code))
            level = None
        levels[code].append(level)
    return [
        Colour(
            area=code,
            title=titles.get(code, code),
            phenomenon=PHENOMENON,
            begins=bulletin.DtHrInfoVigiCru,
            issued=bulletin.DtHrInfoVigiCru,
            colour=find_worst(own),
        )
        for code, own in levels.items()
    ]
