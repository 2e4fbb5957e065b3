"""What operators do to publications: draft, change, discard, sign as the second."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hypervisor.access.context import RequestContext
from hypervisor.access.errors import ForbiddenError
from hypervisor.base.duties import Duty
from hypervisor.base.instance import Instance, Mode
from hypervisor.base.person import Territory
from hypervisor.base.settings import Settings
from hypervisor.database import audit
from hypervisor.database.connect import Connection
from hypervisor.geography.queries import list_outlines
from hypervisor.publications import cap, queries, queries_messages
from hypervisor.publications.hazards import load_hazards
from hypervisor.publications.model import (
    LONGEST,
    ChangedError,
    Draft,
    MessageKind,
    NoPublicationError,
    Publication,
    PublicationAct,
    PublicationError,
    PublishedArea,
    PublishedMessage,
    Status,
    WarningContent,
    list_communes,
    make_refusal,
    require_step,
)
from hypervisor.publications.official import list_official_colours
from hypervisor.publications.signing import load_signer
from sensors._nearest import did_you_mean


@dataclass(frozen=True, kw_only=True)
class Publisher:
    """The name and address under which an instance publishes.

    `lifetime`: how long a draft may wait for its signature.
    `key`, `certificate`: PEM, of the signature in CAP documents.
    """

    sender: str
    name: str
    address: str
    lifetime: timedelta
    key: Path | None = None
    certificate: Path | None = None


def load_publisher(settings: Settings, instance: Instance) -> Publisher:
    """As the settings say."""
    address = settings.public_url.rstrip("/")
    return Publisher(
        sender=cap.write_sender(settings.publisher_id, address, instance.name),
        name=settings.publisher or instance.name,
        address=address,
        lifetime=timedelta(hours=settings.publication_draft_hours),
        key=settings.cap_key,
        certificate=settings.cap_certificate,
    )


def find_publication(connection: Connection, number: int) -> Publication:
    """A publication. Raises NoPublicationError: there is none, or it is not visible."""
    publication = queries.find_publication(connection, number)
    if publication is None:
        raise NoPublicationError("there is no publication {number}", number)
    return publication


def open_draft(
    context: RequestContext,
    content: WarningContent,
    *,
    reason: str,
    status: Status = "Actual",
    alarm: int | None = None,
) -> int:
    """Write the first draft of a new publication; its number. In an exercise it is `Exercise`.

    Raises:
        PublicationError: content or reason is not as expected.
        ForbiddenError: the person is no operator in all of its communes.
    """
    context.require_anywhere(Duty.OPERATE)
    if context.instance.mode is Mode.EXERCISE:
        status = "Exercise"
    if alarm is not None:
        context.require(Duty.OPERATE, alarm=alarm)
    areas = _check(context, content)
    with context.writing() as connection:
        number = queries.insert_publication(connection, status=status, alarm=alarm, areas=areas)
        _record(
            connection,
            context,
            find_publication(connection, number),
            (PublicationAct.DRAFT, MessageKind.ALERT),
            reason=reason,
            content=content,
            areas=areas,
        )
    return number


def write_draft(  # noqa: PLR0913  what a draft is made of
    context: RequestContext,
    number: int,
    content: WarningContent,
    *,
    act: PublicationAct,
    kind: MessageKind,
    version: int,
    reason: str,
) -> None:
    """Draft an update or a cancellation, or revise the draft that waits. Raises as `open_draft`.

    A cancellation holds where and as long as what it cancels, even if areas have changed since.
    """
    publication = find_publication(context.connection, number)
    is_new = act is PublicationAct.DRAFT  # which a draft that waits refuses, wherever it reaches
    _require_territory(context, publication.standing if is_new else publication.at_stake)
    latest = publication.latest
    areas: Sequence[PublishedArea]
    if kind is MessageKind.CANCEL and latest is not None:
        kept = ("hazard", "severity", "areas", "begins", "expires")
        content = content.model_copy(update={key: getattr(latest.content, key) for key in kept})
        areas = latest.areas
    else:
        areas = _check(context, content)
    with context.writing() as connection:
        publication = _lock(connection, number, version)
        require_step(publication, act, kind, context.now())
        _record(
            connection,
            context,
            publication,
            (act, kind),
            reason=reason,
            content=content,
            areas=areas,
        )


def discard_draft(context: RequestContext, number: int, *, version: int, reason: str) -> None:
    """Take a draft back; what was published stays. Raises as `open_draft`.

    Who may cancel what holds, or has written at the draft, may do so wherever the draft reaches:
    it would keep them from their own warning.
    """
    seen = find_publication(context.connection, number)
    if not may_discard(seen, context.person.name, context.require_anywhere(Duty.OPERATE)):
        _require_territory(context, seen.at_stake)
    with context.writing() as connection:
        publication = _lock(connection, number, version)
        draft = _require_draft(publication, PublicationAct.DISCARD, context.now())
        _record(
            connection, context, publication, (PublicationAct.DISCARD, draft.kind), reason=reason
        )


def publish(
    context: RequestContext, number: int, publisher: Publisher, *, version: int, remark: str = ""
) -> PublishedMessage:
    """Sign a draft as the second person: it is sent.

    Raises:
        PublicationError: its author signs, it waited too long, or it would have expired.
        ForbiddenError: a program signs, or somebody who is no operator in all of its communes.
    """
    context.require_session()
    _require_territory(context, find_publication(context.connection, number).at_stake)
    now, wall = context.now(), context.clock()
    sign = load_signer(publisher.key, publisher.certificate)
    with context.writing() as connection:
        publication = _lock(connection, number, version)
        draft = _require_draft(publication, PublicationAct.PUBLISH, now)
        _require_signable(draft, context.person.name, publisher, now=now, wall=wall)
        message = make_message(publication, draft, publisher, now)
        outlines = list_outlines(connection, message.communes)
        document = cap.write_alert(
            message,
            publication.messages,
            publisher_name=publisher.name,
            address=publisher.address,
            outlines=outlines,
            official=list_official_colours(
                connection, message.content.hazard, outlines, message.communes, now
            ),
        )
        queries_messages.lock_messages(connection)
        stored = queries_messages.insert_message(connection, message, sign(document))
        _record(
            connection,
            context,
            publication,
            (PublicationAct.PUBLISH, draft.kind),
            reason=remark or draft.reason,
            details={"identifier": message.identifier, "status": message.status},
        )
    return message.model_copy(update={"id": stored})


def make_message(
    publication: Publication, draft: Draft, publisher: Publisher, now: datetime
) -> PublishedMessage:
    """The message that a draft becomes when it is signed now; its `id` is 0."""
    number = len(publication.messages) + 1
    communes = list_communes(draft.areas)
    earlier = {code for message in publication.messages for code in message.concerned}
    return PublishedMessage(
        id=0,
        publication=publication.id,
        identifier=cap.write_identifier(publisher.sender, publication.id, number),
        sender=publisher.sender,
        kind=draft.kind,
        status=publication.status,
        sent=now.replace(microsecond=0),
        expires=draft.content.expires.astimezone(UTC),
        content=draft.content,
        areas=draft.areas,
        communes=tuple(communes),
        concerned=tuple(sorted(earlier | set(communes))),
    )


def _require_signable(
    draft: Draft, person: str, publisher: Publisher, *, now: datetime, wall: datetime
) -> None:
    if person in draft.authors:
        raise PublicationError(
            "you wrote this draft: another operator signs it, who has read it with fresh eyes"
        )
    if draft.is_stale(wall, publisher.lifetime):
        raise PublicationError(
            "this draft has waited for more than {hours} h: revise it, or discard it",
            round(publisher.lifetime / timedelta(hours=1)),
        )
    if draft.kind is not MessageKind.CANCEL and draft.content.expires <= now:
        raise PublicationError("it would have expired by now: revise how long it holds")


def _check(context: RequestContext, content: WarningContent) -> list[PublishedArea]:
    """The areas of what an operator writes, with their communes. Raises as `open_draft`."""
    if content.hazard not in load_hazards():
        raise PublicationError(
            "there is no hazard {name!r}{hint}",
            content.hazard,
            did_you_mean(content.hazard, load_hazards()),
        )
    if not context.now() < content.expires <= context.now() + LONGEST:
        raise PublicationError(
            "a message holds for at most {days} days, and ends in the future", LONGEST.days
        )
    with context.owning() as owner:  # all of an area, also what its author does not see
        areas = queries.list_areas(owner, content.areas)
    for code in sorted(set(content.areas) - {area.code for area in areas}):
        raise PublicationError("no area has the code {area!r}", code)
    for area in areas:
        if not area.communes:
            raise PublicationError(
                "{name} has no communes in the inventory: choose other areas, or add its communes",
                area.name,
            )
    _require_territory(context, list_communes(areas))
    return areas


def may_discard(publication: Publication, person: str, held: Territory) -> bool:
    """Whether an operator of these communes may take its draft back."""
    standing, draft = publication.standing, publication.draft
    return (
        held.covers(Territory(communes=publication.at_stake))
        or (bool(standing) and held.covers(Territory(communes=standing)))
        or (draft is not None and person in draft.authors)
    )


def _require_territory(context: RequestContext, communes: Iterable[str]) -> None:
    """Refuse a person who is not an operator in all of these communes."""
    held = context.require_anywhere(Duty.OPERATE)
    if not held.covers(Territory(communes=frozenset(communes))):
        raise ForbiddenError(
            "{code} may publish only in the communes where they are an operator",
            context.person.name,
        )


def _lock(connection: Connection, number: int, version: int) -> Publication:
    publication = queries.lock_publication(connection, number)
    if publication is None:
        raise NoPublicationError("there is no publication {number}", number)
    if publication.version != version:
        raise ChangedError(
            "{who} has changed publication {number} meanwhile: read it again",
            publication.events[-1].author,
            number,
        )
    return publication


def _require_draft(publication: Publication, act: PublicationAct, now: datetime) -> Draft:
    draft = publication.draft
    if draft is None:
        raise make_refusal(publication, now)
    require_step(publication, act, draft.kind, now)
    return draft


def _record(  # noqa: PLR0913  what an event is made of
    connection: Connection,
    context: RequestContext,
    publication: Publication,
    step: tuple[PublicationAct, MessageKind],
    *,
    reason: str,
    content: WarningContent | None = None,
    areas: Sequence[PublishedArea] | None = None,
    details: Mapping[str, Any] | None = None,
) -> None:
    act, kind = step
    audit.record(
        connection,
        kind="publication",
        subject=f"publication/{publication.id}",
        reason=reason,
        author=context.person.name,
        details={"act": act.value, "message": kind.value, **(details or {})},
    )
    queries.insert_event(
        connection,
        publication.id,
        number=publication.version + 1,
        act=act,
        kind=kind,
        at=context.clock(),
        author=context.person.name,
        reason=reason.strip(),
        content=content,
        areas=areas,
    )
