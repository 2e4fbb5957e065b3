"""Administration: settings of the alarm life cycle."""

import re
from typing import Annotated

from fastapi import APIRouter, Form, Query, Response
from fastapi.responses import RedirectResponse

from hypervisor.access.context import Context, RequestContext
from hypervisor.accounts import views as frame
from hypervisor.alarms import queries_lifecycle, service, settings
from hypervisor.alarms.errors import AlarmError
from hypervisor.base.duties import Duty
from hypervisor.base.translation import mark, translate
from hypervisor.database.audit import ActError
from hypervisor.web.page import Page
from hypervisor.web.refusals import refusal
from hypervisor.web.rendering import render

router = APIRouter()
PAGE: Page | None = None
Text = Annotated[str, Form(max_length=1_000)]
LABELS = {
    "shelve_longest": mark("Longest shelving"),
    "step_up_unacknowledges": mark("A higher severity requires a new acknowledgement"),
    "incident_quiet": mark("An incident closes after this long without an active alarm"),
    "chatter_count": mark("Chattering: an alarm begins more often than …"),
    "chatter_window": mark("… within"),
    "standing_long": mark("Long-standing alarm: active for longer than"),
}


@router.get("/admin/settings")
def show_settings(context: Context, done: Annotated[str, Query(max_length=20)] = "") -> Response:
    """All settings, one form each."""
    return _render(context, done=done)


@router.post("/admin/settings")
def change_setting(
    context: Context, name: Text = "", value: Text = "", reason: Text = ""
) -> Response:
    """Change a setting; it takes effect at once."""
    context.require(Duty.ADMINISTER)
    try:
        with context.writing() as connection:
            service.change_setting(
                connection,
                name,
                _parse_days(value.strip()),
                author=context.person.name,
                reason=reason,
            )
    except (AlarmError, ActError) as error:
        label = translate(LABELS.get(name, name))
        return _render(context, wrong=refusal(error).replace(name, label, 1))
    return RedirectResponse("/admin/settings?done=set", status_code=303)


def _render(context: RequestContext, *, done: str = "", wrong: str = "") -> Response:
    context.require(Duty.ADMINISTER)
    return render(
        context,
        "admin_settings.html",
        status_code=422 if wrong else 200,
        settings=_format(queries_lifecycle.read_settings(context.connection)),
        defaults=_format(settings.AlarmSettings()),
        labels=LABELS,
        **frame.admin_context(context, "settings", done=done, wrong=wrong),
    )


def _format(shown: settings.AlarmSettings) -> dict[str, str]:
    """The settings as text, days in the reader's language: 2 d, in French 2 j."""
    return {
        name: re.sub(r"(?<=\d )d$", translate("d"), value)
        for name, value in settings.format_settings(shown).items()
    }


def _parse_days(value: str) -> str:
    """A duration whose days are written in the reader's language, with `d`."""
    return re.sub(rf"(?<=\d)\s*{translate('d')}$", " d", value)
