"""How long a connection waits for its other end, as both sides are told."""

import re
from types import SimpleNamespace

import pytest
from psycopg.conninfo import conninfo_to_dict

from hypervisor.base import process
from hypervisor.database import worker
from hypervisor.database.connect import Connection, StoreError, connect, guarded
from tests.ports import reserve_port

OURS = (
    "-c timezone=UTC -c tcp_keepalives_idle=5 -c tcp_keepalives_interval=3"
    " -c tcp_keepalives_count=5 -c tcp_user_timeout=20s -c client_connection_check_interval=5s"
    " -c idle_in_transaction_session_timeout="
)


LOCKS = " -c lock_timeout=5min"


def test_a_session_is_told_how_long_it_is_waited_for() -> None:
    assert conninfo_to_dict(guarded("postgresql://u@h:5/d")) == {
        "user": "u",
        "host": "h",
        "port": "5",
        "dbname": "d",
        "connect_timeout": "10",
        "keepalives": "1",
        "keepalives_idle": "5",
        "keepalives_interval": "3",
        "keepalives_count": "5",
        "tcp_user_timeout": "20000",
        "options": f"{OURS}15min{LOCKS}",
    }


def test_what_an_address_says_itself_comes_first() -> None:
    url = "postgresql://h/d?connect_timeout=3&options=-c%20timezone%3DCET"
    found = conninfo_to_dict(guarded(url, options="-c a=b", abandoned="1min"))
    assert found["connect_timeout"] == "3"
    assert found["options"] == f"{OURS}1min{LOCKS} -c a=b -c timezone=CET"
    assert found["tcp_user_timeout"] == "20000"


def test_of_several_servers_a_session_takes_the_primary_and_waits_for_a_lost_one_5_s() -> None:
    found = conninfo_to_dict(
        guarded("postgresql://u@a:5,b:6,c:7/d?target_session_attrs=read-write")
    )
    assert found["target_session_attrs"] == "primary"
    assert (found["connect_timeout"], found["tcp_user_timeout"]) == ("4", "5000")
    probe = ("idle", "interval", "count")
    client = [int(str(found[f"keepalives_{name}"])) for name in probe]
    assert client == [
        int(value) for value in re.findall(r"tcp_keepalives_\w+=(\d+)", str(found["options"]))
    ]
    idle, interval, count = client
    assert idle + interval * count == 5


def test_what_is_no_address_is_said() -> None:
    with pytest.raises(StoreError, match="HYPERVISOR_DATABASE_URL cannot be understood: "):
        guarded("postgresql://h/d?nosuch=1")
    with pytest.raises(StoreError) as caught:
        connect("")
    assert str(caught.value) == (
        "no database is named: no instance was made in this data folder (`hypervisor up`), nor is"
        " HYPERVISOR_DATABASE_URL set"
    )


def test_a_database_that_is_away_is_tried_again_after_longer_and_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now, slept, messages = 100.0, list[float](), list[str]()

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds
        slept.append(seconds)

    def work(_: Connection) -> None:
        raise AssertionError("nothing answers there")

    clock = SimpleNamespace(monotonic=lambda: now, sleep=sleep)
    for module in (worker, process):
        monkeypatch.setattr(module, "time", clock)
    url = f"postgresql://127.0.0.1:{reserve_port()}/none"
    worker.keep_working("it", url, work, stopping=lambda: len(messages) == 7, say=messages.append)
    waits = [line.rpartition("; trying again in ")[2] for line in messages]
    assert waits == ["0.5 s", "1 s", "2 s", "5 s", "10 s", "10 s", "10 s"]
    assert 0.5 + 1 + 2 + 5 + 10 + 10 <= sum(slept) < 30
    assert max(slept) <= 1, "it notices soon that it is to stop"
