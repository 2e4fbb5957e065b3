"""What citizens read, and how operators see publications: words in the reader's language."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from markupsafe import Markup

from hypervisor.base.reader import Reader, reading
from hypervisor.base.translation import mark
from hypervisor.base.translation import translate as _
from hypervisor.publications.hazards import OTHER, load_hazards
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
    """A message in one language: `language` is that of its words. `over`: it no longer holds."""

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
    cancelled: bool
    over: bool


def build_message(message: PublishedMessage, language: str, *, over: bool) -> CitizenMessage:
    """A message in this language as far as it was written in it; within `reading`."""
    written, words = message.content.words(language)
    hazards = load_hazards()
    hazard = hazards.get(message.content.hazard) or hazards[OTHER]
    cancelled = message.kind is MessageKind.CANCEL
    return CitizenMessage(
        language=written,
        identifier=message.identifier,
        hazard=getattr(hazard.title, language),
        severity=_(SEVERITIES[message.content.severity]),
        rank=marks.priority(message.content.severity),
        headline=words.headline,
        description=[line for line in words.description.split("\n") if line.strip()],
        instruction=[line for line in words.instruction.split("\n") if line.strip()],
        areas=[area.name for area in message.areas],
        sent=message.sent,
        begins=message.content.begins,
        expires=message.expires,
        cancelled=cancelled,
        over=over or cancelled,
    )


def preview(message: PublishedMessage, reader: Reader, publisher: str) -> dict[str, Markup]:
    """What citizens will see, by language: drawn by the template of their page."""
    template = environment().get_template("parts/public_message.html")
    previews = {}
    for language in ("fr", "en"):
        with reading(replace(reader, language=language)):
            text = build_message(message, language, over=False)
            drawn = template.module.message(text, publisher, language)  # type: ignore[attr-defined]  # its macro
        previews[language] = Markup(drawn)  # noqa: S704  drawn by a template, which escapes
    return previews
