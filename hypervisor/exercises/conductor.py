"""The exercise player: executes leaders' commands from a table and reports progress.

If killed it leaves a run `interrupted`: its messages can be made again and continue from the clock
that all workers have received; duplicates are stored once.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from hypervisor.base.instants import micros, moment, text
from hypervisor.base.settings import Settings
from hypervisor.commands import queries as command_queries
from hypervisor.database import locks
from hypervisor.database.connect import (
    Connection,
    StoreError,
    listen,
    store_errors,
    wait_for_notification,
)
from hypervisor.database.locks import Lock
from hypervisor.database.worker import keep_working
from hypervisor.exercises import playing, queries_injects, queries_runs, reset
from hypervisor.exercises import queries as store
from hypervisor.exercises.model import Command, Run, RunError, RunState
from hypervisor.exercises.plan import RunPlan, load_field, plan_run
from hypervisor.exercises.playable import load_story
from hypervisor.exercises.run_controller import RunController, explain_refusal
from sensors._errors import Message, TerritoryError
from simulators._orders import Order
from simulators._player import SECOND, PlayResult
from simulators._run_control import PlayerCommand
from simulators._selection import select_names
from simulators._story import Inject as PlannedInject
from simulators._story import Story

TICK = 1.0  # s between polls
KILLED = "the player stopped or lost its database"
ENDED = "the player was stopped"
SETTLE_SECONDS = 60.0  # timeout for storing and evaluating the end

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Conductor:
    """The exercise player. `stopping`: whether it should end."""

    settings: Settings
    stopping: Callable[[], bool]
    say: Say

    def run(self) -> None:
        """Run until stopped; reconnect to a lost database."""

        def work(line: Connection) -> None:
            if locks.stand_by(line, Lock.CONDUCTOR, self.stopping, self.say):
                self._attend(line)

        url = self.settings.database_url
        keep_working("the player", url, work, stopping=self.stopping, say=self.say)

    def _attend(self, line: Connection) -> None:
        listen(line, queries_runs.CHANNEL)
        left = queries_runs.interrupt_run(line, KILLED)
        if left is not None:
            self.say(f"run {left.id} ({left.title}) was interrupted; it can be resumed")
        while not self.stopping():
            queries_runs.save_heartbeat(line, os.getpid())
            queries_injects.settle_skips(line)
            for command in queries_runs.list_pending_commands(line):
                self._do(line, command)
                if self.stopping():
                    return
            wait_for_notification(line, TICK)

    def _do(self, line: Connection, command: Command) -> None:
        """Execute a command while nothing is playing."""
        run = None if command.run is None else queries_runs.get_run(line, command.run)
        try:
            match command.kind:
                case "start" if run is not None and run.state is RunState.PREPARING:
                    queries_runs.finish_command(line, command.id)
                    self._play(run)
                case "resume" if run is not None and run.state is RunState.INTERRUPTED:
                    queries_runs.finish_command(line, command.id)
                    self._play(run)
                case "stop" if run is not None and run.active:
                    queries_runs.update_run(line, run.id, state=RunState.STOPPED, reason="")
                    queries_runs.finish_command(line, command.id)
                case "fire":
                    self._tell(line, command)
                    queries_runs.finish_command(line, command.id)
                case "reset":
                    self._reset(line, command)
                    queries_runs.finish_command(line, command.id)
                case _:
                    refused = Message("nothing is playing")
                    if run is not None:
                        refused = Message("nothing is playing: the run is {state}", run.state.words)
                    queries_runs.finish_command(line, command.id, refused)
        except Exception as error:  # noqa: BLE001  one that fails is not tried for ever
            queries_runs.finish_command(line, command.id, explain_refusal(error))

    def _reset(self, line: Connection, command: Command) -> None:
        try:
            with store_errors():
                expected = reset.reset_exercise(line, command, self.settings.data)
        except StoreError as error:
            if line.closed:  # the command stays pending until the database is back
                raise
            raise RunError("the reset failed, nothing was cleared: {problem}", error) from error
        self.say("the exercise was reset")
        missing = reset.await_workers(line, expected, self.stopping)
        if missing and not self.stopping():
            self.say(
                f"{missing} ingest workers have not come back within {reset.JOIN_SECONDS:.0f} s:"
                " a run waits for them; see log/ingest.log"
            )

    def _tell(self, line: Connection, command: Command) -> None:
        """Send a message inject while nothing is playing; readings need a run."""
        inject = queries_injects.get_inject(line, int(command.details["inject"]))
        if inject is None or not inject.waits:
            raise RunError("this inject is not pending")
        if not inject.is_message:
            raise RunError("nothing is playing: resume the run first")
        latest = store.get_progress(line).latest
        if latest is None:
            raise RunError("the exercise has not started: it has no time yet")
        queries_injects.fire_inject(line, inject.id, at=moment(latest), by=command.author)

    def _play(self, run: Run) -> None:
        questions = store.RetryingConnection(self.settings.database_url)
        try:
            self._perform(questions, run)
        except TerritoryError as error:
            self.say(f"run {run.id}: {error}")
            begun = questions.ask(lambda c: queries_runs.get_run(c, run.id))
            state = RunState.INTERRUPTED if begun and begun.started_at else RunState.FAILED
            _set(questions, run, state=state, reason=str(error), jump_to=None)
        finally:
            questions.close()

    def _perform(self, questions: store.RetryingConnection, run: Run) -> None:
        plan = plan_run(self.settings, run)
        now = questions.ask(store.get_progress)
        first = plan.publications[0].arrival
        if run.digest is None:
            self._begin(questions, run, plan, now)
            left = list(plan.publications)
        else:
            _require_same(run, plan)
            heard = now.heard if now.heard is not None else first - 1
            left = [publication for publication in plan.publications if publication.arrival > heard]
            left = left or list(plan.publications[-1:])  # only the end of the clock is missing
            _recall_orders(questions, run, plan, heard)
        end = plan.publications[-1].arrival + int(plan.linger * SECOND)
        held = run.digest is None and bool(run.parameters.get("held"))
        controller = RunController(
            questions=questions,
            run=run.id,
            plan=plan,
            command=PlayerCommand(speed=run.speed, held=held),
            end=end,
            ending=self.stopping,
            before=plan.readings - sum(publication.readings for publication in left),
        )
        controller.recall()
        state = RunState.PAUSED if held else RunState.RUNNING
        _set(questions, run, state=state, reason="", started_at=run.started_at or _wall(questions))
        self.say(f"run {run.id}: {run.title}, {len(left)} messages from {text(left[0].arrival)}")
        wire = playing.make_player(
            self.settings, playing.PlayOptions(), questions, controller.notice
        )
        tally = wire.play(
            left,
            not_before=now.latest,
            linger=plan.linger,
            control=controller,
            actuators=plan.actuators,
        )
        self._end(questions, run, controller, tally)

    def _begin(
        self,
        questions: store.RetryingConnection,
        run: Run,
        plan: RunPlan,
        now: store.ExerciseProgress,
    ) -> None:
        first = plan.publications[0].arrival
        playing.require_ahead(now.latest, first)
        playing.declare_gap(self.settings, now.latest, first - SECOND)
        self._plan_injects(questions, run)
        end = plan.publications[-1].arrival + int(plan.linger * SECOND)
        _set(
            questions,
            run,
            digest=plan.digest,
            planned=plan.readings,
            begins=min(moment(first), run.begins),
            ends=moment(end),
        )

    def _plan_injects(self, questions: store.RetryingConnection, run: Run) -> None:
        """Add the scenario's injects, with the devices selected in this territory."""
        if run.kind != "story":
            return
        story = load_story(self.settings.data, run.source)
        there = questions.ask(lambda connection: load_field(connection, story))
        seed = int(run.parameters.get("seed", 1))
        sites = {place.site: place.device for place in there.places}
        language = str(run.parameters.get("language", "en"))
        for inject in story.injects:
            row = _inject_columns(inject, story, language)
            names = select_names(inject.where, there, seed)
            if inject.kind in {"reading", "lost-sensor"}:
                if not names:  # no such device in this territory
                    continue
                row["details"] = {
                    "devices": [sites.get(name, name) for name in names],
                    "quantity": inject.quantity,
                    "value": inject.value,
                    "hours": inject.hours,
                }
            questions.ask(partial(queries_injects.add_inject, run=run.id, author=run.author, **row))

    def _end(
        self,
        questions: store.RetryingConnection,
        run: Run,
        controller: RunController,
        tally: PlayResult,
    ) -> None:
        controller.close(tally.clock, tally.readings)
        if tally.stopped and controller.stopped_by is None:
            _set(questions, run, state=RunState.INTERRUPTED, reason=ENDED, jump_to=None)
            return
        _await_evaluated(questions, tally.clock, self.say)
        questions.ask(queries_injects.settle_skips)
        state = RunState.STOPPED if tally.stopped else RunState.FINISHED
        _set(questions, run, state=state, ended_at=_wall(questions), jump_to=None)
        self.say(f"run {run.id} is {state} at {text(tally.clock)}")


def _recall_orders(
    questions: store.RetryingConnection, run: Run, plan: RunPlan, heard: int
) -> None:
    """Let actuators stand as those who commanded them before the interruption left them."""
    if plan.actuators is None:
        return
    acknowledged = questions.ask(lambda c: command_queries.list_acknowledged(c, run.begins))
    orders = [
        Order(device=device, command=kind, parameters=parameters, at=micros(at))
        for device, kind, parameters, at in acknowledged
    ]
    plan.actuators.recall(orders, heard)


def _inject_columns(inject: PlannedInject, story: Story, language: str) -> dict[str, Any]:
    def localized(name: str) -> str:
        own = str(getattr(inject, f"{name}_fr")) if language == "fr" else ""
        return own or str(getattr(inject, name))

    return {
        "kind": inject.kind,
        **{name: localized(name) for name in ("title", "text", "sender", "expected")},
        "planned": story.begins + timedelta(hours=inject.at),
    }


def _require_same(run: Run, plan: RunPlan) -> None:
    if run.digest != plan.digest:
        raise RunError(
            "the scenario has changed since the run started (its file, the inventory or the"
            " software): it cannot be resumed; reset the exercise"
        )


def _await_evaluated(questions: store.RetryingConnection, clock: int, say: Say) -> None:
    """Wait until the end is stored and evaluated, so that the debrief is complete."""
    since = time.monotonic()
    while time.monotonic() - since < SETTLE_SECONDS:
        now = questions.ask(store.get_progress)
        if now.heard is not None and now.heard >= clock and (now.evaluated or 0) >= clock:
            return
        time.sleep(0.1)
    say(
        f"the end is not stored and evaluated after {SETTLE_SECONDS:.0f} s: the debrief may lack"
        " what comes later; `hypervisor doctor` says what is unhealthy"
    )


def _set(questions: store.RetryingConnection, run: Run, **columns: object) -> None:
    questions.ask(lambda c: queries_runs.update_run(c, run.id, **columns))


def _wall(questions: store.RetryingConnection) -> object:
    return questions.ask(queries_runs.get_wall_clock)
