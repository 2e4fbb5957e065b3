"""The part that plays: takes what leaders ask for from a table, and says how far it is.

Killed at any time it leaves a run that is `interrupted`, whose messages can be made again and go on
from the clock that every worker has heard: what goes out twice is stored once.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from hypervisor.base.instants import moment, text
from hypervisor.base.settings import Settings
from hypervisor.database import channels
from hypervisor.database.connect import Connection, StoreError, connect
from hypervisor.database.listener import translated
from hypervisor.exercises import playing, queries_injects, queries_runs, reset
from hypervisor.exercises import queries as store
from hypervisor.exercises.plan import RunPlan, plan_of
from hypervisor.exercises.playable import story_of
from hypervisor.exercises.queries_runs import Command, Run, RunError, RunState
from hypervisor.exercises.run_controller import RunController
from hypervisor.exercises.service import planned
from hypervisor.exercises.simulation import field
from sensors._errors import TerritoryError
from simulators._picking import picked
from simulators._player import SECOND, Tally
from simulators._tempo import PlayerCommand

TICK = 1.0  # s between two looks at what nobody told us of
BACK_OFF = (0.5, 1.0, 2.0, 5.0)  # s between two tries to reach the database
KILLED = "whoever played it was killed or lost its database"
ENDED = "the conductor was stopped"
SETTLE_SECONDS = 60.0  # that storing and judging the end may take

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Conductor:
    """What it is given. `stopping`: whether it is to end."""

    settings: Settings
    stopping: Callable[[], bool]
    say: Say

    def run(self) -> None:
        """Conduct until told to stop. A lost database is waited for, and said once."""
        failures = 0
        while not self.stopping():
            try:
                with translated(), connect(self.settings.database_url, autocommit=True) as line:
                    if self._took_turn(line):
                        failures = 0
                        self._attend(line)
            except StoreError as error:
                delay = BACK_OFF[min(failures, len(BACK_OFF) - 1)]
                self.say(f"{error}; trying again in {delay:g} s")
                failures += 1
                time.sleep(delay)

    def _took_turn(self, line: Connection) -> bool:
        said = False
        while not queries_runs.take(line):
            if not said:
                self.say("another conductor is at work on this exercise; waiting until it ends")
                said = True
            time.sleep(TICK)
            if self.stopping():
                return False
        return True

    def _attend(self, line: Connection) -> None:
        queries_runs.listen(line)
        left = queries_runs.interrupt(line, KILLED)
        if left is not None:
            self.say(f"run {left.id} ({left.title}) was interrupted; it can be resumed")
        while not self.stopping():
            queries_runs.beat(line, os.getpid())
            queries_injects.settle_skips(line)
            for command in queries_runs.waiting(line):
                self._do(line, command)
                if self.stopping():
                    return
            channels.wait(line, TICK)

    def _do(self, line: Connection, command: Command) -> None:
        """One command while nothing is playing."""
        run = None if command.run is None else queries_runs.find(line, command.run)
        try:
            match command.kind:
                case "start" if run is not None and run.state is RunState.PREPARING:
                    queries_runs.done(line, command.id)
                    self._play(run)
                case "resume" if run is not None and run.state is RunState.INTERRUPTED:
                    queries_runs.done(line, command.id)
                    self._play(run)
                case "stop" if run is not None and run.active:
                    queries_runs.update(line, run.id, state=RunState.STOPPED, reason="")
                    queries_runs.done(line, command.id)
                case "fire":
                    self._tell(line, command)
                    queries_runs.done(line, command.id)
                case "reset":
                    self._reset(line, command)
                    queries_runs.done(line, command.id)
                case _:
                    what = "over" if run is None else run.state.value
                    queries_runs.done(line, command.id, f"nothing is playing: the run is {what}")
        except RunError as error:
            queries_runs.done(line, command.id, str(error))

    def _reset(self, line: Connection, command: Command) -> None:
        try:
            with translated():
                expected = reset.reset(line, command, self.settings.data)
        except StoreError as error:
            if line.closed:  # asked for still: it is done when the database is back
                raise
            raise RunError(f"it could not be cleared, and nothing was: {error}") from error
        self.say("the exercise begins anew")
        reset.await_workers(line, expected, self.stopping)

    def _tell(self, line: Connection, command: Command) -> None:
        """Something told by hand while nothing plays: readings need a player."""
        inject = queries_injects.inject(line, int(command.details["inject"]))
        if inject is None or not inject.waits:
            raise RunError("this inject is not one that still waits to be put in")
        if not inject.told:
            raise RunError("nothing is playing: resume the run, then put this in")
        latest = store.standing(line).latest
        if latest is None:
            raise RunError("the exercise has not begun: it has no time yet")
        queries_injects.fire(line, inject.id, at=moment(latest), by=command.author)

    def _play(self, run: Run) -> None:
        questions = store.Questions(self.settings.database_url)
        try:
            self._perform(questions, run)
        except TerritoryError as error:
            self.say(f"run {run.id}: {error}")
            begun = questions.ask(lambda c: queries_runs.find(c, run.id))
            state = RunState.INTERRUPTED if begun and begun.started_at else RunState.FAILED
            _set(questions, run, state=state, reason=str(error), jump_to=None)
        finally:
            questions.close()

    def _perform(self, questions: store.Questions, run: Run) -> None:
        plan = plan_of(self.settings, run)
        now = questions.ask(store.standing)
        first = plan.publications[0].arrival
        if run.digest is None:
            self._begin(questions, run, plan, now)
            left = list(plan.publications)
        else:
            _require_same(run, plan)
            heard = now.heard if now.heard is not None else first - 1
            left = [publication for publication in plan.publications if publication.arrival > heard]
            left = left or list(plan.publications[-1:])  # only the end of its clock is missing
        end = plan.publications[-1].arrival + int(plan.linger * SECOND)
        held = run.digest is None and bool(run.parameters.get("held"))
        reins = RunController(
            questions=questions,
            run=run.id,
            plan=plan,
            wish=PlayerCommand(speed=run.speed, held=held),
            end=end,
            ending=self.stopping,
            before=plan.readings - sum(one.readings for one in left),
        )
        reins.recall()
        state = RunState.PAUSED if held else RunState.RUNNING
        _set(questions, run, state=state, reason="", started_at=run.started_at or _wall(questions))
        self.say(f"run {run.id}: {run.title}, {len(left)} messages from {text(left[0].arrival)}")
        wire = playing.player(self.settings, playing.Manner(), questions, reins.notice)
        tally = wire.play(left, not_before=now.latest, linger=plan.linger, reins=reins)
        self._end(questions, run, reins, tally)

    def _begin(
        self, questions: store.Questions, run: Run, plan: RunPlan, now: store.Standing
    ) -> None:
        first = plan.publications[0].arrival
        playing.require_ahead(now.latest, first)
        playing.declare_deaf(self.settings, now.latest, first - SECOND)
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

    def _plan_injects(self, questions: store.Questions, run: Run) -> None:
        """The injects that come with a story, at the devices that it picks here."""
        if run.kind != "story":
            return
        story = story_of(self.settings.data, run.source)
        there = field(self.settings, story)
        seed = int(run.parameters.get("seed", 1))
        sites = {place.site: place.device for place in there.places}
        for one, row in planned(story, str(run.parameters.get("language", "en"))):
            names = picked(one.where, there, seed)
            if one.kind in {"reading", "lost-sensor"}:
                if not names:  # this territory has none of that kind
                    continue
                row["details"] = {
                    "devices": [sites.get(name, name) for name in names],
                    "quantity": one.quantity,
                    "value": one.value,
                    "hours": one.hours,
                }
            questions.ask(partial(queries_injects.add, run=run.id, author=run.author, **row))

    def _end(
        self, questions: store.Questions, run: Run, reins: RunController, tally: Tally
    ) -> None:
        reins.close(tally.clock, tally.readings)
        if tally.stopped and reins.stopped_by is None:
            _set(questions, run, state=RunState.INTERRUPTED, reason=ENDED, jump_to=None)
            return
        _await_judged(questions, tally.clock)
        questions.ask(queries_injects.settle_skips)
        state = RunState.STOPPED if tally.stopped else RunState.FINISHED
        _set(questions, run, state=state, ended_at=_wall(questions), jump_to=None)
        self.say(f"run {run.id} is {state} at {text(tally.clock)}")


def _require_same(run: Run, plan: RunPlan) -> None:
    if run.digest != plan.digest:
        raise RunError(
            "the scenario tells something else than when it began (its file, the inventory or the"
            " software have changed): it cannot be resumed; begin the exercise anew"
        )


def _await_judged(questions: store.Questions, clock: int) -> None:
    """Until its end is stored and judged, so that what is told of a run that is over is whole."""
    since = time.monotonic()
    while time.monotonic() - since < SETTLE_SECONDS:
        now = questions.ask(store.standing)
        if now.heard is not None and now.heard >= clock and (now.judged or 0) >= clock:
            return
        time.sleep(0.1)


def _set(questions: store.Questions, run: Run, **columns: object) -> None:
    questions.ask(lambda c: queries_runs.update(c, run.id, **columns))


def _wall(questions: store.Questions) -> object:
    return questions.ask(queries_runs.wall)
