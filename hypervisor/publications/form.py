"""The form of a draft: what it begins from, and what was entered as a warning's content."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hypervisor.access import queries_places
from hypervisor.access.context import RequestContext
from hypervisor.alarms import service_list, views_words
from hypervisor.alarms.model import HandledAlarm
from hypervisor.base.reader import reading
from hypervisor.base.translation import mark
from hypervisor.base.translation import translate as _
from hypervisor.publications.hazards import OTHER, find_hazard, load_hazards
from hypervisor.publications.model import (
    HEADLINE,
    MessageKind,
    PublicationError,
    PublishedMessage,
    WarningContent,
)
from hypervisor.web import filters
from hypervisor.web.rendering import reader_of
from hypervisor.web.times import local
from sensors._scalars import parse_whole

LANGUAGES = ("fr", "en")
_URGENCIES = {"critical": "Immediate", "major": "Immediate", "minor": "Expected", "info": "Future"}
_MEASURED = mark("Last measurement: %(value)s (%(time)s).")
_ENDED = mark("End of the warning: %(headline)s")
_LIFTED = mark("The warning of %(time)s is lifted.")
_INVALID = "Value error, "  # pydantic's, before what a validator of ours says


_Short = Annotated[str, Field(max_length=1_000)]
_Long = Annotated[str, Field(max_length=20_000)]  # the content says what is too long


class DraftForm(BaseModel):
    """What stands in the fields. `fr_…`, `en_…`: the words in both languages.

    `step`: `save`, or `fill` to take the usual words of the hazard. `version`, `kind`: of a
    publication that is there.
    """

    model_config = ConfigDict(frozen=True)

    hazard: _Short = "flood"
    severity: _Short = "major"
    urgency: _Short = "Immediate"
    certainty: _Short = "Observed"
    response: _Short = "Avoid"
    areas: list[_Short] = []
    begins: _Short = ""
    expires: _Short = ""
    fr_headline: _Long = ""
    fr_description: _Long = ""
    fr_instruction: _Long = ""
    en_headline: _Long = ""
    en_description: _Long = ""
    en_instruction: _Long = ""
    reason: _Short = ""
    status: _Short = "Actual"
    alarm: _Short = ""
    step: _Short = "save"
    version: Annotated[int, Field(ge=1)] = 1
    kind: MessageKind = MessageKind.ALERT

    def change(self, **fields: Any) -> Self:
        """With other values in some fields."""
        return self.model_copy(update=fields)

    @property
    def alarm_number(self) -> int | None:
        """The alarm that the draft is about."""
        return parse_whole(self.alarm)


def begin(context: RequestContext, hazard: str = "flood") -> DraftForm:
    """A new warning about a hazard."""
    return fill_hazard(context, DraftForm(hazard=hazard if hazard in load_hazards() else OTHER))


def fill_hazard(context: RequestContext, form: DraftForm) -> DraftForm:
    """The form with what a message about its hazard says: what to do, and for how long."""
    hazard = load_hazards().get(form.hazard) or load_hazards()[OTHER]
    ends = context.now() + timedelta(hours=hazard.hours)
    return form.change(
        response=hazard.response,
        expires=_write_local(ends, context),
        fr_headline=form.fr_headline or hazard.title.fr,
        en_headline=form.en_headline or hazard.title.en,
        fr_instruction=hazard.instruction.fr,
        en_instruction=hazard.instruction.en,
    )


def begin_from_alarm(context: RequestContext, number: int) -> DraftForm:
    """A warning about an alarm, in its site's commune. Raises NoAlarmError: there is none."""
    alarm = service_list.get_alarm(context.connection, number, wall=context.clock())
    place = queries_places.find_alarm_commune(context.connection, number)
    french, english = (_describe_alarm(context, alarm, language) for language in LANGUAGES)
    return fill_hazard(
        context,
        DraftForm(
            hazard=find_hazard(alarm.rule),
            severity=alarm.present_severity,
            urgency=_URGENCIES[alarm.present_severity],
            certainty="Observed" if alarm.active else "Unknown",
            areas=[place[0]] if place and place[0] else [],
            fr_headline=(alarm.title_fr or alarm.title)[:HEADLINE],
            en_headline=alarm.title[:HEADLINE],
            fr_description=french,
            en_description=english,
            alarm=str(number),
        ),
    )


def _describe_alarm(context: RequestContext, alarm: HandledAlarm, language: str) -> str:
    """Its title and the last measurement."""
    title = (alarm.title_fr if language == "fr" else None) or alarm.title
    sentences = [title if title.endswith(".") else f"{title}."]
    with reading(replace(reader_of(context), language=language)):
        if alarm.last_value is not None:
            words = {
                "value": views_words.value(alarm.last_value.model_dump()),
                "time": filters.day_time(alarm.last_value.time),
            }
            sentences.append(_(_MEASURED) % words)
    return " ".join(sentences)


def begin_from_message(
    context: RequestContext, message: PublishedMessage, kind: MessageKind
) -> DraftForm:
    """An update of what is published, or its cancellation."""
    form = begin_from_content(context, message.content)
    if kind is not MessageKind.CANCEL:
        return form
    changed: dict[str, Any] = {"response": "AllClear"}
    for language in LANGUAGES:
        shown, words = message.content.words(language)
        if shown != language:
            continue
        with reading(replace(reader_of(context), language=language)):
            headline = _(_ENDED) % {"headline": words.headline}
            lifted = _(_LIFTED) % {"time": filters.full(message.sent)}
        changed[f"{language}_headline"] = headline[:HEADLINE]
        changed[f"{language}_description"] = lifted
        changed[f"{language}_instruction"] = ""
    return form.change(**changed)


def begin_from_content(context: RequestContext, content: WarningContent) -> DraftForm:
    """What was written before."""
    words = {
        f"{language}_{name}": text
        for language in LANGUAGES
        for name, text in getattr(content, language).model_dump().items()
    }
    return DraftForm(
        hazard=content.hazard,
        severity=content.severity,
        urgency=content.urgency,
        certainty=content.certainty,
        response=content.response,
        areas=list(content.areas),
        begins=_write_local(content.begins, context) if content.begins else "",
        expires=_write_local(content.expires, context),
        **words,
    )


def parse_content(context: RequestContext, form: DraftForm) -> WarningContent:
    """What was entered. Raises PublicationError: something is missing, or not as expected."""
    fields = form.model_dump()
    times = {}
    for name in ("begins", "expires"):
        times[name] = local(fields[name], context) if fields[name] else None
        if fields[name] and times[name] is None:
            raise PublicationError("expected a day and a time, not {text!r}", fields[name])
    if times["expires"] is None:
        raise PublicationError("say until when it holds")
    if not (form.fr_headline.strip() and form.fr_description.strip()):
        raise PublicationError("a French headline and description are needed")
    if not form.areas:
        raise PublicationError("say where: choose at least one area")
    try:
        return WarningContent.model_validate(
            {
                **{name: fields[name] for name in ("hazard", "severity", "urgency", "certainty")},
                "response": form.response,
                "areas": form.areas,
                **times,
                **{
                    language: {
                        name: fields[f"{language}_{name}"]
                        for name in ("headline", "description", "instruction")
                    }
                    for language in LANGUAGES
                },
            }
        )
    except ValidationError as error:
        first = error.errors()[0]
        if first["msg"].startswith(_INVALID):
            raise PublicationError(first["msg"].removeprefix(_INVALID)) from error
        where = " ".join(str(part) for part in first["loc"])
        raise PublicationError("{where}: not as expected", where) from error


def _write_local(at: datetime, context: RequestContext) -> str:
    """As a browser's field has it."""
    return f"{at.astimezone(ZoneInfo(context.instance.timezone)):%Y-%m-%dT%H:%M}"
