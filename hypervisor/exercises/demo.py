"""The demonstration: a fresh exercise of its own, the territory living through a flood."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hypervisor.base.instance import Mode
from hypervisor.base.settings import Settings, default_data_folder
from hypervisor.broker.folder import open_folder
from hypervisor.broker.server_account import server_account
from hypervisor.database.connect import connect
from hypervisor.exercises import demo_accounts, playing
from hypervisor.exercises.simulation import label_of, spoken_of
from hypervisor.registry.apply import apply_inventory
from hypervisor.registry.inventory_files import read_sources
from hypervisor.stack import detached
from sensors._errors import TerritoryError
from simulators._player import Progress
from simulators._publications import Spoken

MARK = Path("log", "made-by-demo")
INVENTORY = "essonne"
SCENARIO = "october-flood"
SEED = 1
SPEED = 7200.0  # two hours a second: five days in a minute


class DemoError(TerritoryError):
    """The demonstration will not touch a folder that it did not make."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What the demonstration did."""

    data: Path
    settings: Settings
    outcome: playing.Outcome

    @property
    def usual(self) -> bool:
        return self.data == folder(None)


def folder(data: Path | None) -> Path:
    """Where the demonstration lives: what was asked for, or beside the usual instance."""
    return (data or default_data_folder().parent / "demo").absolute()


def stop(data: Path) -> bool:
    """Stop the demonstration's instance; False: it was not up.

    Raises:
        DemoError: the folder is not the demonstration's.
    """
    _require_ours(data)
    return detached.stop(data)


def prepare(data: Path, say: Callable[[str], None]) -> Settings:
    """A fresh exercise in `data`, up in the background, with the example's inventory.

    Raises:
        DemoError: the folder holds something that no demonstration made.
        StackError: the instance does not start.
    """
    _clear(data, say)
    made = open_folder(data, server_account())
    made.write(
        made.root / MARK, "`hypervisor demo` made this folder and may remove what it holds.\n"
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
    communes = sum(area.kind == "commune" for area in changes.areas)
    say(
        f"inventory {INVENTORY!r} applied: {communes} communes, {len(changes.sites)} sites,"
        f" {len(changes.devices):,} devices"
    )
    return settings


def invite(settings: Settings) -> list[demo_accounts.Member]:
    """Make the accounts with which people look at it."""
    with connect(settings.database_url) as connection:
        return demo_accounts.make(connection)


def spoken(settings: Settings, *, hours: float | None = None) -> Spoken:
    """What the territory's devices will say, each in its own form; only in the first hours."""
    return spoken_of(settings, SCENARIO, seed=SEED, hours=hours)


def play(
    data: Path,
    settings: Settings,
    spoken: Spoken,
    *,
    speed: float | None,
    notice: Callable[[Progress], None],
) -> Shown:
    """Play the flood to its end."""
    label = label_of(SCENARIO, seed=SEED)
    manner = playing.Manner(speed=speed)
    outcome = playing.play(settings, spoken, manner, notice=notice, label=label)
    return Shown(data=data, settings=settings, outcome=outcome)


def _require_ours(data: Path) -> None:
    if data.exists() and any(data.iterdir()) and not (data / MARK).is_file():
        raise DemoError(
            f"the folder {data} holds something that no demonstration made; nothing was touched:"
            " choose another with --data"
        )


def _clear(data: Path, say: Callable[[str], None]) -> None:
    """Stop an earlier demonstration and remove what it left; nothing else is ever removed."""
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
