"""Play messages into an exercise and account for every reading."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from importlib import resources

import numpy as np
import pandas as pd

from hypervisor.alarms import queries as alarm_store
from hypervisor.alarms.log import Alarm
from hypervisor.base.instance import InstanceError, require_exercise
from hypervisor.base.instants import BEGINNING, moment, text
from hypervisor.base.settings import Settings
from hypervisor.database import audit
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import connect
from hypervisor.exercises import queries as store
from hypervisor.exercises import queries_runs
from hypervisor.exercises.model import ExerciseError, NewRun, RunLabel
from hypervisor.exercises.reading_account import Account, Ledger
from hypervisor.registry import queries as registry_store
from hypervisor.registry.model import Registry
from simulators._mqtt import Broker, WallClock
from simulators._obedience import make_actuators
from simulators._player import SECOND, Pace, Player, PlayResult, Progress
from simulators._publications import Disturbance, MessageSet, disturb, publications, revise

PLAYER = "player"
STUCK_SECONDS = 300.0  # on a busy machine a step may take a minute
REPUBLISH_SECONDS = 3.0
WALL = WallClock(now=time.monotonic, sleep=time.sleep)


@dataclass(frozen=True, kw_only=True)
class PlayOptions:
    """How to play. `again`: it was played before; the clock does not move."""

    speed: float | None = None
    linger: float = 0.0  # s that the clock runs on after the last message
    disturbance: Disturbance = field(default_factory=Disturbance)
    again: bool = False
    wait: bool = True


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Result of playing; account and alarms only with `wait`."""

    tally: PlayResult
    account: Account | None
    alarms: tuple[Alarm, ...]


def play(
    settings: Settings,
    played: pd.DataFrame | MessageSet,
    manner: PlayOptions,
    *,
    notice: Callable[[Progress], None] | None = None,
    label: RunLabel | None = None,
) -> Outcome:
    """Play a recording (native format) or simulated messages into an exercise.

    `label`: entry in the list of runs, added at the end.

    Raises:
        InstanceError: the instance is live.
        ExerciseError: devices are missing, the exercise's clock is past the beginning, or a run is
            active.
        PlayerError: the broker is unreachable or refuses.
    """
    questions = store.RetryingConnection(settings.database_url)
    try:
        _require_free(questions)
        began = questions.ask(queries_runs.get_wall_clock)
        spoken = as_messages(played)
        series = find_series_ids(spoken.rows, load_registry(settings))
        plan = disturb(spoken.publications, manner.disturbance)
        now = questions.ask(store.get_progress)
        if not manner.again:
            require_ahead(now.latest, plan[0].arrival)
            declare_gap(settings, now.latest, plan[0].arrival - SECOND)
        ledger = Ledger(questions, spoken, series)
        wire = make_player(settings, manner, questions, notice)
        actuators = None if manner.again else make_actuators(spoken)
        tally = wire.play(plan, not_before=now.latest, linger=manner.linger, actuators=actuators)
        if actuators is not None:
            ledger.revise(revise(spoken, actuators.revisions))
        if label is not None and not manner.again:
            _record_run(questions, label, manner, tally, began)
        if not manner.wait:
            return Outcome(tally=tally, account=None, alarms=())
        account = _await_stored(questions, wire, ledger, tally)
        alarms = questions.ask(lambda c: alarm_store.list_alarms(c, alarm_store.Selection()))
    finally:
        questions.close()
    first = plan[0].arrival
    during_run = (
        alarm for alarm in alarms if (alarm.episode.ended or alarm.episode.began) >= first
    )
    return Outcome(
        tally=tally,
        account=account,
        alarms=tuple(sorted(during_run, key=lambda alarm: (alarm.episode.began, alarm.id))),
    )


def _require_free(questions: store.RetryingConnection) -> None:
    run = questions.ask(queries_runs.get_latest_run)
    if run is not None and run.active:
        raise ExerciseError(
            "run {number} ({title}) is active in this exercise ({state}): stop it on "
            "the exercises page first",
            run.id,
            run.title,
            run.state.words,
        )


def _record_run(
    questions: store.RetryingConnection,
    label: RunLabel,
    manner: PlayOptions,
    tally: PlayResult,
    began: datetime,
) -> None:
    """Add the run to the list of runs."""
    new = NewRun(
        **vars(label),
        speed=manner.speed,
        begins=moment(tally.first),
        ends=moment(tally.clock),
        author=audit.current_user(),
    )
    questions.ask(
        lambda c: queries_runs.add_played(c, new, readings=tally.readings, started_at=began)
    )


def as_messages(played: pd.DataFrame | MessageSet) -> MessageSet:
    if isinstance(played, MessageSet):
        return played
    return MessageSet(
        publications=publications(played), rows=played, of=np.empty(0, dtype=np.int64)
    )


def require_exercise_instance(settings: Settings, what: str) -> None:
    """Refuse `what` unless the instance is an exercise.

    Raises:
        InstanceError: the instance is live, or was never made.
        StoreError: no database answers.
    """
    with connect(settings.database_url) as connection:
        instance = instance_store.read(connection)
    if instance is None:
        raise InstanceError("this database is no instance yet; make one with `hypervisor up`")
    require_exercise(instance, what=what)


def load_registry(settings: Settings) -> Registry:
    with connect(settings.database_url) as connection:
        return registry_store.load(connection)


def find_series_ids(rows: pd.DataFrame, registry: Registry) -> dict[tuple[str, str], int]:
    """Series ids by device and quantity.

    Raises ExerciseError: a device, or a quantity of one, is not in the registry.
    """
    itertuples = rows[["device", "quantity"]].drop_duplicates().itertuples(index=False, name=None)
    pairs = [(str(device), str(quantity)) for device, quantity in itertuples]
    strangers = sorted({device for device, _ in pairs if device not in registry.devices})
    if strangers:
        raise ExerciseError(
            "not in the registry: {devices}; {remedy}",
            ", ".join(strangers),
            _how_to_apply(strangers),
        )
    mute = [f"{d} {q}" for d, q in pairs if (d, q) not in registry.series]
    if mute:
        raise ExerciseError(
            "the registry's devices do not measure: {series}; add the series to the "
            "inventory and apply it",
            ", ".join(mute),
        )
    return {pair: registry.series[pair].id or 0 for pair in pairs}


def _how_to_apply(devices: list[str]) -> str:
    """Hint to an example inventory that has the devices."""
    for example in sorted(resources.files("hypervisor.examples").iterdir(), key=lambda e: e.name):
        if example.is_dir():
            written = [file for file in example.iterdir() if file.name.endswith((".yaml", ".csv"))]
            text = "\n".join(file.read_text(encoding="utf-8") for file in written)
            if all(device in text for device in devices):
                return f"`hypervisor inventory apply {example.name}` describes them"
    return "describe them in an inventory file and `hypervisor inventory apply FILE`"


def require_ahead(clock: int | None, first: int) -> None:
    if clock is not None and first < clock:
        raise ExerciseError(
            "this exercise's clock stands at {clock} and the recording begins at "
            "{begins}; the clock cannot be set back: play a later part (--from), "
            "create another exercise (`hypervisor --data FOLDER up --exercise`), or "
            "use --again to publish a recording again",
            text(clock),
            text(first),
        )


def declare_gap(settings: Settings, clock: int | None, until: int) -> None:
    """Declare an ingest gap since the previous run, so that no device counts as silent."""
    since = BEGINNING if clock is None else clock
    if since < until:
        with connect(settings.database_url) as connection:
            store.insert_gap(connection, since, until)


def make_player(
    settings: Settings,
    manner: PlayOptions,
    questions: store.RetryingConnection,
    notice: Callable[[Progress], None] | None,
) -> Player:
    broker = Broker(
        host=settings.broker_host,
        port=settings.parts_port,
        user=PLAYER,
        password=settings.player_password,
    )
    return Player(
        broker,
        wall=WALL,
        pace=Pace(speed=manner.speed),
        # With `again` the clock does not move and cannot show the workers' progress: messages
        # beyond the broker's queue would show as lost in the account.
        heard=None if manner.again else lambda: questions.ask(store.get_progress).heard,
        notice=notice,
    )


def _await_stored(
    questions: store.RetryingConnection, wire: Player, ledger: Ledger, tally: PlayResult
) -> Account:
    """Wait until everything is stored and evaluated, as long as there is progress.

    A broker killed within its autosave interval may have lost an acknowledged clock message: it is
    published again.
    """
    since = published = time.monotonic()
    before: object = None
    while True:
        now = questions.ask(store.get_progress)
        heard = now.heard is not None and now.heard >= tally.clock
        evaluated = now.evaluated is not None and now.evaluated >= tally.clock
        account = ledger.account(tally) if heard else None
        if account is not None and evaluated and not now.unread and account.balanced:
            return account
        state = (now, account)
        if state != before:
            since, published, before = time.monotonic(), time.monotonic(), state
        still = time.monotonic() - since
        if account is not None and evaluated and not now.unread and still > REPUBLISH_SECONDS:
            return account  # acknowledged but not stored: the account has the number
        if not heard and time.monotonic() - published > REPUBLISH_SECONDS:
            wire.publish_clock(tally.clock)
            published = time.monotonic()
        if still > STUCK_SECONDS:
            raise ExerciseError(describe_lag(now, tally.clock))
        time.sleep(0.1 if heard else 0.05)


def describe_lag(now: store.ExerciseProgress, clock: int) -> str:
    """What has not reached the player's clock, and the remedy."""
    if now.heard is None or now.heard < clock:
        what, at = f"the ingest worker {now.slowest!r}", now.heard
        remedy = "start it: `hypervisor ingest`"
    else:
        what, at = "the evaluation", now.evaluated
        remedy = "`hypervisor doctor` says what is unhealthy"
    return (
        f"{what} has made no progress for {STUCK_SECONDS:.0f} s: it is at"
        f" {'nothing' if at is None else text(at)}, the player's clock at {text(clock)}; {remedy}"
    )
