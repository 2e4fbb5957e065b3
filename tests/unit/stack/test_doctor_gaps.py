"""Which gaps `doctor` describes one by one: none that matters is hidden by later ones."""

from datetime import UTC, datetime, timedelta

from hypervisor.database.gaps import Cause, Gap
from hypervisor.stack.doctor_gaps import choose_detailed

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def gaps(cause: Cause, count: int, *, first: int = 0) -> list[Gap]:
    """The latest first."""
    return [
        Gap(
            cause=cause,
            worker="",
            begins=NOW - timedelta(minutes=first + number + 1),
            ends=NOW - timedelta(minutes=first + number),
        )
        for number in range(count)
    ]


def test_a_loss_is_described_however_many_harmless_gaps_came_after() -> None:
    (loss,) = gaps("broker-killed", 1, first=300)
    detailed, more = choose_detailed([*gaps("not-listening", 200), loss])
    assert loss in detailed
    assert [(cause, len(each)) for cause, each in more.items()] == [("not-listening", 195)]


def test_what_is_not_described_is_counted_by_cause() -> None:
    recent = [*gaps("broker-dropped", 30), *gaps("session-lost", 3, first=40)]
    detailed, more = choose_detailed(recent)
    assert len(detailed) + sum(map(len, more.values())) == len(recent)
    assert {cause: len(each) for cause, each in more.items()} == {
        "broker-dropped": 10,
        "session-lost": 3,
    }
