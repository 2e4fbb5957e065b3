"""An armed rule sends on what devices sent, never on what people did (`attacks.py`)."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from hypervisor.base.instance import Mode
from hypervisor.base.instants import micros
from hypervisor.base.settings import Settings
from hypervisor.commands import arming, queries, queries_arming
from hypervisor.commands.evidence import Judge, Verdict
from hypervisor.commands.interlocks import Condition, ask
from hypervisor.commands.model import Command
from hypervisor.commands.queries import CommandFilter
from hypervisor.database.connect import Connection, connect
from hypervisor.evaluation.batch import Setup, load_memory, step
from hypervisor.registry.queries import load
from tests.integration.commands.attacks import (
    ATTACKS,
    LEVEL,
    RULE,
    WORDS,
    Attack,
    Field,
    observed_before,
    rule,
    threshold_lowered,
    works_end,
)
from tests.integration.commands.conftest import Room
from tests.integration.commands.test_proposals import Turn

pytestmark = pytest.mark.integration


def list_sent(connection: Connection) -> list[Command]:
    """What the rule has ordered."""
    commands = queries.list_commands(connection, CommandFilter())
    return [each for each in commands if each.author == f"rule/{RULE}"]


def arm(connection: Connection, *, hours: float = 1, written: dict[str, Any] | None = None) -> None:
    """For an hour already, so that an alarm may have begun since; with 0 hours disarm."""
    now = datetime.now(UTC)
    queries_arming.insert_arming(
        connection,
        rule=RULE,
        site="orge",
        written=arming.armed_text(written or rule()) if hours else None,
        starts=now - timedelta(hours=1),
        ends=now + timedelta(hours=hours) if hours else None,
        author="ada",
        reason="test",
    )


@pytest.fixture(scope="module")
def connection(room: Room) -> Iterator[Connection]:
    with connect(room.url, autocommit=True) as opened:
        yield opened


@pytest.fixture(scope="module")
def settle(room: Room, connection: Connection) -> Iterator[Callable[[], None]]:
    """Evaluates what there is, as the watch does, and lets the proposer work twice."""
    setup = Setup(
        catalogue=WORDS, mode=Mode.LIVE, retention=10**15, clock=lambda: datetime.now(UTC)
    )
    with connect(room.url, autocommit=True) as own:
        memory = load_memory(own, setup)
        turn = Turn()

        def work() -> None:
            while (report := step(own, memory, setup)).entries or report.more:
                pass
            turn(connection)
            turn(connection)

        yield work


@pytest.fixture(scope="module")
def make_field(
    room: Room, connection: Connection, settle: Callable[[], None]
) -> Iterator[Callable[[str, int], Field]]:
    def make(name: str, seed: int) -> Field:
        made = Field(
            connection=connection,
            settings=Settings(database_url=room.url),
            site=f"{name.replace('_', '-')}-{seed}",
            random=Random(seed),
            settle=settle,
            olga=room.olga,
        )
        made.register()
        return made

    yield make
    arm(connection, hours=0)
    withdraw = make("end", 0)
    withdraw.revise("rule", RULE, None, since=datetime.now(UTC))
    cancel_all(connection)
    end_alarms(connection)


def is_active(field: Field) -> bool:
    (row,) = field.connection.execute(
        "SELECT count(*) FROM alarm WHERE subject = %s AND ended IS NULL AND withdrawn IS NULL",
        [field.site],
    ).fetchall()
    return bool(row[0])


@pytest.fixture(scope="module")
def armed(connection: Connection, make_field: Callable[[str, int], Field]) -> Connection:
    """The rule is in force and armed."""
    first = make_field("first", 0)
    first.revise("rule", RULE, rule(), since=first.ago(24 * 60))
    arm(connection)
    return connection


def attack_all(
    connection: Connection, make: Callable[[str, int], Field], attacks: Iterable[Attack], seed: int
) -> None:
    """None makes the rule send, though each raises its alarm."""
    before = list_sent(connection)
    harmless = []
    for number, attack in enumerate(attacks):
        field = make(attack.__name__, seed + number)
        field.low()
        attack(field)
        field.settle()
        assert list_sent(connection) == before, attack.__name__
        if not is_active(field):
            harmless.append(attack.__name__)
    assert harmless == [], "these raise no alarm, and so test nothing"


def end_alarms(connection: Connection) -> None:
    """Those of earlier tests."""
    connection.execute("UPDATE alarm SET ended = now() WHERE ended IS NULL")


def cancel_all(connection: Connection) -> None:
    connection.execute(
        "INSERT INTO command_event (command, to_state, at, who, why) SELECT id, 'cancelled',"
        " drafted_at, 'test', 'test' FROM command WHERE state IN ('drafted', 'queued')"
    )


def test_what_people_do_makes_no_armed_rule_send_and_a_device_does(
    armed: Connection, make_field: Callable[[str, int], Field]
) -> None:
    """Its command is valid from when the device measured, not from when we noticed."""
    attacks = Random(7).sample(ATTACKS, 4)
    attack_all(armed, make_field, [*attacks, observed_before], 7)
    control = make_field("control", 0)
    control.low()
    control.measure(control.high(), 3, late=True)
    control.settle()
    (sent,) = list_sent(armed)
    assert sent.device == "lamp-1"
    assert timedelta(minutes=6) < sent.valid_until - sent.drafted_at < timedelta(minutes=7.1)
    cancel_all(armed)


def test_who_disarms_while_an_alarm_is_judged_is_obeyed(
    room: Room,
    armed: Connection,
    make_field: Callable[[str, int], Field],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    judge = Judge.judge

    def judge_slowly(self: Judge, *values: Any, **options: Any) -> Verdict:
        verdict = judge(self, *values, **options)
        assert verdict.began is not None
        with connect(room.url, autocommit=True) as other:
            arm(other, hours=0)
        return verdict

    before, field = list_sent(armed), make_field("disarmed", 0)
    with monkeypatch.context() as patch:
        patch.setattr(Judge, "judge", judge_slowly)
        field.low()
        field.measure(field.high(), 3)
        field.settle()
    assert is_active(field)
    assert list_sent(armed) == before
    end_alarms(armed)
    arm(armed)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_no_kind_of_act_makes_an_armed_rule_send(
    armed: Connection, make_field: Callable[[str, int], Field]
) -> None:
    for seed in (100, 200):
        attack_all(armed, make_field, ATTACKS, seed)


def test_a_rule_that_accepts_persons_sends_on_what_they_enter(
    armed: Connection, make_field: Callable[[str, int], Field]
) -> None:
    """While its validity lasts; a threshold that they lower is no reading."""
    field = make_field("persons", 0)
    field.revise("rule", RULE, rule(accepts="persons"), since=datetime.now(UTC))
    before = list_sent(armed)
    revised = make_field("revised", 0)
    revised.low()
    revised.observe(revised.high())
    revised.settle()
    assert list_sent(armed) == before, "the word is armed, too"
    end_alarms(armed)
    arm(armed, written=rule(accepts="persons"))
    attack_all(armed, make_field, [threshold_lowered, works_end], 300)
    old = make_field("persons-old", 0)
    old.low()
    old.observe(old.high(), 11)
    old.settle()
    assert list_sent(armed) == before
    field.low()
    field.observe(field.high(), 4)
    field.settle()
    (sent,) = [each for each in list_sent(armed) if each not in before]
    assert timedelta(minutes=5) < sent.valid_until - sent.drafted_at < timedelta(minutes=6.1)
    cancel_all(armed)
    end_alarms(armed)
    field.revise("rule", RULE, rule(), since=datetime.now(UTC))


def test_an_interlock_of_a_rules_command_sees_what_devices_sent(
    armed: Connection, make_field: Callable[[str, int], Field]
) -> None:
    """A person's command passes on what an operator saw; what a rule sends does not."""
    field = make_field("interlock", 0)
    field.measure(LEVEL + 1)
    field.observe(LEVEL - 1, -1)
    field.settle()
    registry, now = load(armed), micros(datetime.now(UTC) + timedelta(minutes=2))
    condition = Condition(text="level < 2 m", place=field.site, own=True)
    for sent_only, holds in ((False, True), (True, False)):
        (answer,) = ask(armed, registry, WORDS, condition, until=now, sent_only=sent_only)
        assert answer.ruling is not None
        assert answer.ruling.holds is holds
