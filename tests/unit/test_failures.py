"""Failures: a line that any database stores, waits that grow, steps that fail alone."""

import psycopg
import pytest

from hypervisor.base.failures import describe_failure, wait_after
from hypervisor.database.steps import Steps, ends_session


@pytest.mark.parametrize(
    "text", ["a\x00b", "a\x1b[31mb", "a\r\nb", "\ud800", "\u202eabc", "x" * 5_000, ""]
)
def test_a_failure_is_one_line_that_can_be_stored(text: str) -> None:
    line = describe_failure(ValueError(text))
    line.encode()
    assert line.isprintable()
    assert line.startswith("ValueError:")
    assert len(line) <= 300


def test_waits_grow_and_end() -> None:
    assert [wait_after(n, first=5, longest=900) for n in (1, 2, 8, 9, 10_000)] == [
        *(5, 10, 640),
        *(900, 900),
    ]


@pytest.mark.parametrize(
    ("error", "ends"),
    [
        (psycopg.OperationalError("the connection is closed"), True),
        (psycopg.errors.AdminShutdown(), True),
        (psycopg.errors.ReadOnlySqlTransaction(), True),
        (psycopg.errors.DiskFull(), True),
        (psycopg.errors.QueryCanceled(), False),
        (psycopg.errors.DeadlockDetected(), False),
        (psycopg.errors.UntranslatableCharacter(), False),
        (psycopg.errors.CheckViolation(), False),
        (psycopg.DataError("text fields cannot contain NUL"), False),
        (KeyError("last_change"), False),
    ],
)
def test_only_the_session_or_the_server_ends_a_loop(error: Exception, ends: bool) -> None:  # noqa: FBT001
    assert ends_session(error) is ends


def test_a_step_that_fails_rests_and_the_others_go_on() -> None:
    said: list[str] = []
    now, runs = 0.0, 0
    steps = Steps(say=said.append, ticks=lambda: now)

    def fail() -> int:
        nonlocal runs
        runs += 1
        raise KeyError("x")

    for now in (0.0, 0.9, 1.0, 2.9):  # noqa: B007  the clock
        assert steps.run("decide", fail) is None
        assert steps.run("send", lambda: 1) == 1
    assert runs == 2
    assert list(steps.failing) == ["decide"]
    now = 3.0
    assert steps.run("decide", lambda: 2) == 2
    assert list(steps.failing) == []
    assert said == [
        "decide failed (KeyError: 'x'); again in 1 s",
        "decide failed (KeyError: 'x'); again in 2 s",
        "decide goes on",
    ]
    with pytest.raises(psycopg.OperationalError):
        steps.run("decide", _lose)


def _lose() -> None:
    raise psycopg.OperationalError("lost")
