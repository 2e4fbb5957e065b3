"""The demonstration: a separate exercise with a simulated flood."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hypervisor.access import passwords
from hypervisor.access.queries_places import find_area, find_busiest_epci
from hypervisor.accounts import service as account_service
from hypervisor.accounts.service import Administrator, NewAccount
from hypervisor.base.duties import Role
from hypervisor.base.instance import Mode
from hypervisor.base.settings import Settings, default_data_folder
from hypervisor.broker.folder import open_folder
from hypervisor.broker.server_account import server_account
from hypervisor.database import audit
from hypervisor.database.connect import Connection, connect
from hypervisor.exercises import playing
from hypervisor.exercises.plan import make_label
from hypervisor.exercises.plan import make_messages as make_story_messages
from hypervisor.feeds import communes
from hypervisor.forecast import files, service
from hypervisor.interventions.model import Team
from hypervisor.interventions.queries_teams import store_team
from hypervisor.notifications import routing
from hypervisor.registry.apply import apply_inventory
from hypervisor.registry.inventory_files import read_sources
from hypervisor.stack import detached
from sensors._errors import TerritoryError
from simulators._player import Progress
from simulators._publications import MessageSet
from simulators._scenarios import load_scenario

MARK = Path("log", "made-by-demo")
INVENTORY = "essonne"
DEPARTEMENT = "91"
ROUTES = Path(__file__).with_name("demo_routes.yaml")
SCENARIO = "october-flood"
SEED = 1
ROLES = {
    "chef": (Role.ADMINISTRATOR,),
    "controller": (Role.CONTROLLER,),
    "operator": (Role.OPERATOR,),
    "author": (Role.AUTHOR,),
    "viewer": (Role.VIEWER,),
    "agent": (Role.AGENT,),
    "telecare": (Role.OPERATOR, Role.PERSONAL),
}
TEAM, TEAM_TITLE = "voirie", "Astreinte voirie"
EVERYWHERE = (Role.ADMINISTRATOR, Role.AUTHOR)


class DemoError(TerritoryError):
    """The folder was not made by the demonstration."""


@dataclass(frozen=True, kw_only=True)
class DemoResult:
    """Result of the demonstration."""

    data: Path
    settings: Settings
    outcome: playing.Outcome

    @property
    def usual(self) -> bool:
        return self.data == folder(None)


@dataclass(frozen=True, kw_only=True)
class Member:
    """An account of the demonstration; `where` in words."""

    name: str
    password: str
    roles: tuple[Role, ...]
    where: str


def folder(data: Path | None) -> Path:
    """Data folder of the demonstration: as given, or beside the default instance."""
    return (data or default_data_folder().parent / "demo").absolute()


def stop(data: Path) -> bool:
    """Stop the demonstration's instance; False if it was not running.

    Raises DemoError: the folder is not the demonstration's.
    """
    _require_ours(data)
    return detached.stop(data)


def prepare(data: Path, say: Callable[[str], None]) -> Settings:
    """Start a new exercise in `data` in the background, with the example inventory.

    Raises:
        DemoError: the folder contains something else.
        StackError: the instance does not start.
    """
    _clear(data, say)
    made = open_folder(data, server_account())
    made.write(
        made.root / MARK, "`hypervisor demo` made this folder and may remove its contents.\n"
    )
    settings = detached.start(data, mode=Mode.EXERCISE, name="demo", say=say)
    with connect(settings.database_url) as connection:
        changes = apply_inventory(
            connection,
            read_sources([INVENTORY]),
            author="demo",
            now=None,
            reason="demonstration",
        )
        communes.store_outlines(connection, communes.read_recorded(DEPARTEMENT))
        routing.apply_routes(connection, ROUTES, author="demo", reason="demonstration")
        models = files.read_models(INVENTORY)
        service.save_models(
            connection,
            models.fitted,
            effective=models.effective,
            author=models.author,
            reason=models.reason,
        )
    count = sum(area.kind == "commune" for area in changes.areas)
    say(
        f"inventory {INVENTORY!r} applied: {count} communes, {len(changes.sites)} sites,"
        f" {len(changes.devices):,} devices; forecasts of {len(models.fitted)} gauges, fitted on"
        " a simulated year"
    )
    return settings


def make_accounts(settings: Settings) -> list[Member]:
    """Make the demonstration's accounts and its team."""
    with connect(settings.database_url) as connection:
        return make_members(connection)


def make_members(connection: Connection) -> list[Member]:
    """One account per role, one that also sees homes, and the team of the agent.

    All but administrator and author belong to the EPCI with most sites. The administrator is the
    second controller: he signs what takes two.
    """
    epci = find_busiest_epci(connection)
    members = []
    for name, roles in ROLES.items():
        whole = epci is None or not {*EVERYWHERE}.isdisjoint(roles)
        area, where = (None, "everywhere") if epci is None or whole else epci
        secret = passwords.generate()
        new = NewAccount(name=name, password=secret, roles=tuple((role, area) for role in roles))
        account_service.create_account(
            connection, new, Administrator(name="demo"), reason="demonstration"
        )
        members.append(Member(name=name, password=secret, roles=roles, where=where))
    _make_team(connection, None if epci is None else epci[0], members=("agent",))
    return members


def _make_team(connection: Connection, epci: str | None, *, members: tuple[str, ...]) -> None:
    area = None if epci is None else find_area(connection, epci)
    store_team(
        connection,
        Team(
            id=0,
            name=TEAM,
            title=TEAM_TITLE,
            area=epci,
            communes=tuple(sorted(area.communes)) if area else None,
            members=members,
        ),
    )
    audit.record(
        connection,
        kind="team",
        subject=f"team/{TEAM}",
        reason="demonstration",
        author="demo",
        details={"area": epci, "members": list(members), "retired": False},
    )


def format_members(members: list[Member]) -> list[str]:
    """Accounts with their passwords, shown once."""
    return [
        f"{member.name:10} {member.password}  {' and '.join(member.roles)}, {member.where}"
        for member in members
    ]


def make_messages(settings: Settings, *, hours: float | None = None) -> MessageSet:
    """Messages of the territory's devices, each in its own format."""
    return make_story_messages(settings, load_scenario(SCENARIO), seed=SEED, hours=hours)


def play(
    data: Path,
    settings: Settings,
    messages: MessageSet,
    *,
    speed: float | None,
    notice: Callable[[Progress], None],
) -> DemoResult:
    """Play the flood to its end."""
    label = make_label(SCENARIO, load_scenario(SCENARIO), seed=SEED)
    options = playing.PlayOptions(speed=speed)
    outcome = playing.play(settings, messages, options, notice=notice, label=label)
    return DemoResult(data=data, settings=settings, outcome=outcome)


def _require_ours(data: Path) -> None:
    if data.exists() and any(data.iterdir()) and not (data / MARK).is_file():
        raise DemoError(
            "the folder {data} contains something else; nothing was changed: choose "
            "another with --data",
            data,
        )


def _clear(data: Path, say: Callable[[str], None]) -> None:
    """Stop an earlier demonstration and remove its data, nothing else."""
    _require_ours(data)
    if not (data / MARK).is_file():
        return
    if detached.stop(data):
        say("the earlier demonstration was stopped")
    # The mark goes last, so that an interrupted clearing can be finished.
    for entry in sorted(data.iterdir(), key=lambda entry: entry.name == MARK.parent.name):
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
