"""What citizens read, and how operators see publications: words in the reader's language."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from markupsafe import Markup

from hypervisor.base.reader import Reader, reading
from hypervisor.base.translation import mark
from hypervisor.base.translation import translate as _
from hypervisor.publications.hazards import OTHER, Hazard, load_hazards
from hypervisor.publications.model import MessageKind, PublicationState, PublishedMessage
from hypervisor.web import marks
from hypervisor.web.rendering import environment

STATES: Mapping[PublicationState, str] = {
    PublicationState.DRAFTED: mark("Draft"),
    PublicationState.DISCARDED: mark("Discarded"),
    PublicationState.PUBLISHED: mark("Published"),
    PublicationState.CANCELLED: mark("Cancelled"),
    PublicationState.EXPIRED: mark("Expired"),
}
KINDS: Mapping[MessageKind, str] = {
    MessageKind.ALERT: mark("Warning"),
    MessageKind.UPDATE: mark("Update"),
    MessageKind.CANCEL: mark("Cancellation"),
}
STATUSES = {
    "Actual": mark("Real: for everybody"),
    "Exercise": mark("Exercise: reaches no citizen"),
    "Test": mark("Technical test: reaches no citizen"),
}
SEVERITIES = {  # as citizens read them
    "critical": mark("Extreme danger"),
    "major": mark("Severe danger"),
    "minor": mark("Moderate danger"),
    "info": mark("Information"),
}
URGENCIES = {
    "Immediate": mark("now"),
    "Expected": mark("within the next hour"),
    "Future": mark("in the next hours"),
    "Past": mark("over"),
    "Unknown": mark("not known"),
}
CERTAINTIES = {
    "Observed": mark("observed"),
    "Likely": mark("likely"),
    "Possible": mark("possible"),
    "Unlikely": mark("unlikely"),
    "Unknown": mark("not known"),
}
RESPONSES = {
    "Avoid": mark("Avoid the place"),
    "Shelter": mark("Take shelter"),
    "Evacuate": mark("Evacuate"),
    "Prepare": mark("Prepare"),
    "Execute": mark("Act as planned"),
    "Monitor": mark("Stay informed"),
    "AllClear": mark("All clear"),
    "None": mark("No action"),
}
ACTS = {
    "draft": mark("wrote the draft"),
    "revise": mark("changed the draft"),
    "discard": mark("discarded the draft"),
    "publish": mark("signed: published"),
}


@dataclass(frozen=True, kw_only=True)
class CitizenMessage:
    """A message as citizens read it in one language: `language` is that of its words.

    `over`: the message is cancelled, expired or was replaced. `notice`: that it is not real.
    """

    language: str
    identifier: str
    hazard: str
    severity: str
    rank: int
    headline: str
    description: Sequence[str]
    instruction: Sequence[str]
    areas: Sequence[str]
    sent: datetime
    begins: datetime | None
    expires: datetime
    publisher: str
    kind: str
    over: bool
    notice: str


def find_hazard(name: str) -> Hazard:
    """A kind of hazard; one that is no longer listed is another hazard."""
    return load_hazards().get(name) or load_hazards()[OTHER]


def build_citizen_message(
    message: PublishedMessage, reader: Reader, publisher: str, *, over: bool = False
) -> CitizenMessage:
    """A message in the reader's language, as far as it was written in it."""
    content = message.content
    language, words = content.words(reader.language)
    notices = {
        "Exercise": _("EXERCISE: no real event"),
        "Test": _("TECHNICAL TEST: disregard"),
    }
    return CitizenMessage(
        language=language,
        identifier=message.identifier,
        hazard=getattr(find_hazard(content.hazard).title, reader.language),
        severity=_(SEVERITIES[content.severity]),
        rank=marks.priority(content.severity),
        headline=words.headline,
        description=words.description.split("\n"),
        instruction=[line for line in words.instruction.split("\n") if line],
        areas=[area.name for area in message.areas],
        sent=message.sent,
        begins=content.begins,
        expires=message.expires,
        publisher=publisher,
        kind=message.kind.value,
        over=over or message.kind is MessageKind.CANCEL,
        notice=notices.get(message.status, ""),
    )


def preview(message: PublishedMessage, reader: Reader, publisher: str) -> dict[str, Markup]:
    """What citizens will see, by language: drawn by the template of the public page."""
    template = environment().get_template("parts/public_message.html")
    previews = {}
    for language in ("fr", "en"):
        with reading(replace(reader, language=language)):
            built = build_citizen_message(message, replace(reader, language=language), publisher)
            drawn = template.module.message(built)  # type: ignore[attr-defined]  # its macro
        previews[language] = Markup(drawn)  # noqa: S704  drawn by a template, which escapes
    return previews
