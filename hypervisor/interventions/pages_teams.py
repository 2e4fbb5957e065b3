"""Teams: who is sent, where they work, who belongs to them."""

import re
from typing import Annotated

from fastapi import APIRouter, Form, Path, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hypervisor.access import queries_roles
from hypervisor.access.context import ConfirmedContext, Context, RequestContext
from hypervisor.alarms import queries_list
from hypervisor.base.duties import Duty
from hypervisor.base.errors import ConflictError, UnseenError
from hypervisor.database.audit import ActError
from hypervisor.interventions import service
from hypervisor.interventions.form import parse_place
from hypervisor.interventions.model import InterventionError, NoInterventionError, Team
from hypervisor.interventions.schemas import TeamPut
from hypervisor.web.refusals import refusal
from hypervisor.web.rendering import render
from sensors._errors import TerritoryError

router = APIRouter()
_Short = Annotated[str, Field(max_length=1_000)]
_TEAM_NAME = r"^[a-z0-9][a-z0-9_-]{0,39}$"


class TeamForm(BaseModel):
    """What stands in the fields of a team. `members`: names of accounts; `place`: its depot.

    `seen`: the mark of the team that is changed; empty: a new one.
    """

    model_config = ConfigDict(frozen=True)

    name: _Short = ""
    title: _Short = ""
    area: _Short = ""
    place: _Short = ""
    members: list[_Short] = []
    retired: bool = False
    reason: _Short = ""
    seen: _Short = ""


@router.get("/teams")
def list_teams(context: Context) -> Response:
    """The teams that the reader sees."""
    return render(
        context,
        "teams.html",
        teams=service.list_teams(context),
        areas=_name_areas(context),
        names=_read_titles(context),
        administers=context.person.may(Duty.ADMINISTER),
    )


@router.get("/teams/new")
def show_new_team(context: Context) -> Response:
    """The form of a new team."""
    context.require_anywhere(Duty.ADMINISTER)
    return _render_form(context, TeamForm())


@router.get("/teams/{name}")
def show_team(context: Context, name: Annotated[str, Path(pattern=_TEAM_NAME)]) -> Response:
    """The form of a team."""
    context.require_anywhere(Duty.ADMINISTER)
    return _render_form(context, _fill(_find(context, name)))


@router.post("/teams")
def store_team(context: ConfirmedContext, entered: Annotated[TeamForm, Form()]) -> Response:
    """Make or change it."""
    context.require_anywhere(Duty.ADMINISTER)
    try:
        lat, lon = parse_place(entered.place)
        put = TeamPut.model_validate(
            {
                "title": entered.title,
                "area": entered.area or None,
                "lat": lat,
                "lon": lon,
                "members": entered.members,
                "retired": entered.retired,
            }
        )
        _store(context, entered, put)
    except (InterventionError, ActError, ConflictError, UnseenError) as error:
        return _render_form(context, entered, wrong=error)
    except ValidationError as error:
        where = " ".join(str(part) for part in error.errors()[0]["loc"])
        wrong = InterventionError("{where}: not as expected", where)
        return _render_form(context, entered, wrong=wrong)
    return RedirectResponse("/teams", status_code=303)


def _store(context: RequestContext, entered: TeamForm, put: TeamPut) -> None:
    name = entered.name.strip()
    if not re.fullmatch(_TEAM_NAME, name):
        raise InterventionError("{where}: not as expected", "name")
    service.store_team(context, name, put, reason=entered.reason, seen=entered.seen or None)


def _find(context: RequestContext, name: str) -> Team:
    for team in service.list_teams(context):
        if team.name == name:
            return team
    raise NoInterventionError("there is no team {name!r}{hint}", name, "")


def _fill(team: Team) -> TeamForm:
    return TeamForm(
        name=team.name,
        title=team.title,
        area=team.area or "",
        place="" if team.lat is None else f"{team.lat}, {team.lon}",
        members=list(team.members),
        retired=team.retired_at is not None,
        seen=service.mark_team(team),
    )


def _render_form(
    context: RequestContext, entered: TeamForm, *, wrong: TerritoryError | None = None
) -> Response:
    held = context.person.territory(Duty.ADMINISTER)
    with context.owning() as owner:
        areas = [
            (code, kind, title)
            for code, kind, title, _ in queries_roles.list_areas(owner)
            if held.covers(queries_roles.get_territory(owner, code))
        ]
        candidates = service.list_candidates(owner, context)
    return render(
        context,
        "team_form.html",
        status_code=409 if isinstance(wrong, ConflictError) else 422 if wrong else 200,
        entered=entered,
        is_new=not entered.seen,
        wrong=refusal(wrong) if wrong else "",
        areas=areas,
        whole=held.whole,
        accounts={name: name for name in entered.members} | candidates,
    )


def _name_areas(context: RequestContext) -> dict[str, str]:
    return {code: title for code, _, title, _ in queries_roles.list_areas(context.connection)}


def _read_titles(context: RequestContext) -> dict[str, str]:
    """Accounts by name; only who administers may read them all."""
    with context.owning() as owner:
        return queries_list.read_account_titles(owner)
