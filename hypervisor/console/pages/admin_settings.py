"""Administration: how the instance handles its alarms."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, Query, Response
from fastapi.responses import RedirectResponse

from hypervisor.accounts.duties import Duty
from hypervisor.alarms import dials, setting
from hypervisor.alarms.errors import AlarmError
from hypervisor.api.access import Access, Asked
from hypervisor.console.page import Page
from hypervisor.console.refusals import refusal
from hypervisor.console.rendering import render
from hypervisor.console.views import admin as frame
from hypervisor.console.words import mark
from hypervisor.store.alarms import lifecycle
from hypervisor.store.audit import ActError

router = APIRouter()
PAGE: Page | None = None
Text = Annotated[str, Form(max_length=1_000)]
WORDS = {
    "shelve_longest": mark("Nobody shelves an alarm for longer at once"),
    "step_up_unacknowledges": mark(
        "An alarm that grows graver than what was acknowledged asks again"
    ),
    "incident_quiet": mark("An incident closes when nothing of it lasted for so long"),
    "chatter_count": mark("An alarm chatters when it begins more often than so many times …"),
    "chatter_window": mark("… within so long"),
    "standing_long": mark("An alarm that lasts for longer is told apart in the load"),
}


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One of them as people read and write it."""

    name: str
    words: str
    value: str
    usual: str
    truth: bool


@router.get("/admin/settings")
def every(asked: Asked, done: Annotated[str, Query(max_length=20)] = "") -> Response:
    """All settings, each with its own form."""
    return _listed(asked, done=done)


@router.post("/admin/settings")
def change(asked: Asked, name: Text = "", value: Text = "", reason: Text = "") -> Response:
    """Change one, at once and for all parts."""
    asked.require(Duty.ADMINISTER)
    try:
        with asked.writing() as connection:
            setting.change(connection, name, value.strip(), author=asked.person.name, reason=reason)
    except (AlarmError, ActError) as error:
        return _listed(asked, wrong=refusal(error))
    return RedirectResponse("/admin/settings?done=set", status_code=303)


def _listed(asked: Access, *, done: str = "", wrong: str = "") -> Response:
    asked.require(Duty.ADMINISTER)
    values = dials.shown(dials.of(lifecycle.settings(asked.connection)))
    usual = dials.shown(dials.Dials())
    return render(
        asked,
        "admin_settings.html",
        status_code=422 if wrong else 200,
        settings=[
            Setting(
                name=name,
                words=WORDS.get(name, name),
                value=value,
                usual=usual[name],
                truth=value in {"true", "false"},
            )
            for name, value in values.items()
        ],
        **frame.frame(asked, "settings", done=done, wrong=wrong),
    )
