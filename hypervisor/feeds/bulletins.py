"""Vigicrues' bulletins: what its forecasters write of a territory and of each river reach.

They are issued with the colours: only when those are new are the texts asked for.
"""

import html
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec

from hypervisor.base.instants import micros, text
from hypervisor.feeds import vigicrues
from hypervisor.feeds.model import Bulletin, FeedError, Page, Unusable
from hypervisor.feeds.poll import Dated, PartFailures, PollContext, require_past
from hypervisor.feeds.vigicrues import Reach
from ingest.message import Reason
from sensors._errors import Message

FEED = replace(vigicrues.FEED, name="bulletins", title="Vigicrues, bulletins", of="vigicrues")
TERRITORY, REACH = "5", "8"  # Sandre's types of an entity of flood vigilance
_FORMS = ("InfoVigiCru.jsonld", "InfoVigiCru.json")  # the service had either, at times
_ROOT = "InfoVigiCru"
_AGAIN = timedelta(hours=1)  # of a service that cannot say whether its colours are new
_LONGEST = 20_000  # characters of one text
_UNFINISHED = (1, 2)  # Sandre 848: being written, proposed
_COLOURS = range(1, 5)
_BREAK = re.compile(r"<\s*(?:br|/p|/li|/h\d)\b[^<>]{0,200}>", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]{0,500}>")
# In the order to read.
_PARTS = {
    "FaitNouvInfoVigiCru": "news",
    "QualifInfoVigiCru": "assessment",
    "SituActuInfoVigiCru": "situation",
    "SituHydroInfoVigiCru": "hydrology",
    "EvolInfoVigiCru": "outlook",
    "ConseqInfoVigiCru": "consequences",
    "ConsInfoVigiCru": "advice",
}

Aware = Annotated[datetime, msgspec.Meta(tz=True)]


class Info(Dated, frozen=True):
    """What a bulletin has beside its texts, as Sandre's dictionary VIC 1.1 names it."""

    DtHrInfoVigiCru: Aware
    RefInfoVigiCru: str = ""
    DtHrSuivInfoVigiCru: Aware | None = None
    NivInfoVigiCru: int | None = None
    StInfoVigiCru: int | None = None


@dataclass(frozen=True, kw_only=True)
class Area:
    """A territory or a reach whose bulletin is asked for. `covers`: our reaches in it."""

    kind: str
    code: str
    title: str
    covers: tuple[str, ...]


def poll(context: PollContext) -> Iterator[Page]:
    """The bulletins of our reaches and their territories; each is stored as it comes."""
    codes = sorted(device.code for device in context.devices)
    answer = context.ask_if_changed(vigicrues.COLOURS, codes)
    same = Page(validators=answer.validators, summary=context.state.summary or "")
    if not answer.is_new:
        yield same
        return
    issue, reaches, _unusable = vigicrues.read_bulletin(answer.content, answer.body)
    require_past(context, issue.DtHrInfoVigiCru, answer.body)
    before = context.state.cursor
    stamp = text(micros(issue.DtHrInfoVigiCru))
    if before.get("issued") == stamp and before.get("of") == codes and not _is_old(context):
        yield same
        return
    form, missing = str(before.get("form") or _FORMS[0]), None
    count, failures = 0, PartFailures()
    for area in list_areas(reaches, codes):
        page = Page()
        with failures.keep():
            try:
                form, content, body = ask_bulletin(context, area, form)
            except FeedError as error:
                if not error.is_missing:
                    raise
                missing = error  # a reach may have no text of its own
                continue
            bulletins, unusable = read_bulletins(content, body, area)
            page = Page(bulletins=bulletins, unusable=unusable)
        count += len(page.bulletins)
        yield page
    failures.raise_first()
    if missing is not None and not count:
        raise missing
    yield Page(
        cursor={
            "of": codes,
            "issued": stamp,
            "asked": text(micros(context.now)),
            "form": form,
        },
        validators=answer.validators,
        summary=f"{count} bulletins of {issue.DtHrInfoVigiCru:%Y-%m-%d %H:%M} UTC",
    )


def _is_old(context: PollContext) -> bool:
    last = context.state.cursor.get("asked")
    return not last or context.now - datetime.fromisoformat(last) >= _AGAIN


def list_areas(reaches: Iterable[Reach], codes: Sequence[str]) -> list[Area]:
    """The territories of our reaches, then the reaches."""
    own = [reach.properties for reach in reaches if reach.properties.CdEntCru in codes]
    territories: dict[str, list[str]] = {}
    for reach in own:
        if reach.cdensup_1:
            territories.setdefault(reach.cdensup_1, []).append(reach.CdEntCru)
    return [
        *(
            Area(kind=TERRITORY, code=code, title="", covers=tuple(sorted(covers)))
            for code, covers in sorted(territories.items())
        ),
        *(
            Area(
                kind=REACH,
                code=reach.CdEntCru,
                title=reach.lbentcru or reach.CdEntCru,
                covers=(reach.CdEntCru,),
            )
            for reach in own
        ),
    ]


def ask_bulletin(context: PollContext, area: Area, form: str) -> tuple[str, Any, bytes]:
    """(the form that answered, its content, its body). Raises FeedError: no form has it."""
    other = next(each for each in _FORMS if each != form)
    parameters = {"CdEntVigiCru": area.code, "TypEntVigiCru": area.kind}
    try:
        answer = context.ask(form, parameters)
    except FeedError as error:
        if not error.is_missing:
            raise
        form, answer = other, context.ask(other, parameters)
    return form, answer.content, answer.body


def read_bulletins(content: Any, body: bytes, area: Area) -> tuple[list[Bulletin], list[Unusable]]:
    """The bulletin of an answer; none while it is written, or has no text.

    Raises FeedError: it has another shape.
    """
    info, given = _read_info(content, body)
    if info.StInfoVigiCru in _UNFINISHED:
        return [], []
    unusable = []
    colour = info.NivInfoVigiCru
    if colour is not None and colour not in _COLOURS:
        detail = Message("colour {value} is none", colour)
        unusable.append(Unusable(reason=Reason.BAD_VALUE, detail=detail, part=area.code))
        colour = None
    texts = [
        (part, written) for name, part in _PARTS.items() if (written := read_text(given.get(name)))
    ]
    if not texts:
        return [], unusable
    producer = _strip(given.get("aEteProduitePar")).get("LbIntervenant")
    entity = _strip(given.get("porteSurLEntite")).get("LbEntVigiCru")
    bulletin = Bulletin(
        area=area.code,
        title=area.title or read_text(entity) or read_text(producer) or area.code,
        covers=area.covers,
        reference=info.RefInfoVigiCru,
        issued=info.DtHrInfoVigiCru,
        next_at=info.DtHrSuivInfoVigiCru,
        colour=colour,
        producer=read_text(producer),
        texts=tuple(texts),
    )
    return [bulletin], unusable


def _read_info(content: Any, body: bytes) -> tuple[Info, Mapping[str, Any]]:
    """The information, with `vic:` before its names or without, alone or in a list."""
    outer = _strip(content)
    if outer.get("error_msg"):
        raise FeedError(
            "the service says: {words}",
            str(outer["error_msg"])[:300],
            reason=Reason.WRONG_SHAPE,
            body=body,
        )
    inner = outer.get(_ROOT)
    if isinstance(inner, list):
        inner = inner[0] if inner else None
    given = {name: value for name, value in _strip(inner).items() if value not in ("", None)}
    try:
        return msgspec.convert(given, Info, strict=False), given
    except msgspec.ValidationError as error:
        raise FeedError(
            "the answer has another shape than a bulletin: {error}",
            str(error),
            reason=Reason.WRONG_SHAPE,
            body=body,
        ) from error


def _strip(value: Any) -> Mapping[str, Any]:
    """A JSON object with its names unprefixed; another value: an empty one."""
    if not isinstance(value, Mapping):
        return {}
    return {name.removeprefix("vic:"): part for name, part in value.items()}


def read_text(written: Any) -> str:
    """Plain text of a text that may be HTML; what is no text is none."""
    if not isinstance(written, str):
        return ""
    plain = html.unescape(_TAG.sub("", _BREAK.sub("\n", written)))
    lines = (" ".join(line.split()) for line in plain.replace("\x00", "").splitlines())
    joined = "\n".join(line for line in lines if line)
    return joined if len(joined) <= _LONGEST else joined[:_LONGEST] + " […]"
