"""How long a connection waits for its other end, as both sides are told."""

import pytest
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from hypervisor.database import timeouts
from hypervisor.database.connect import StoreError, connect, guarded

OURS = (
    "-c timezone=UTC -c tcp_keepalives_idle=5 -c tcp_keepalives_interval=3"
    " -c tcp_keepalives_count=5 -c tcp_user_timeout=20s -c client_connection_check_interval=5s"
    " -c idle_in_transaction_session_timeout="
)


def test_a_session_is_told_how_long_it_is_waited_for() -> None:
    assert conninfo_to_dict(timeouts.guarded("postgresql://u@h:5/d")) == {
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
        "options": f"{OURS}15min",
    }


def test_what_an_address_says_itself_comes_first() -> None:
    url = "postgresql://h/d?connect_timeout=3&options=-c%20timezone%3DCET"
    found = conninfo_to_dict(timeouts.guarded(url, options="-c a=b", abandoned="1min"))
    assert found["connect_timeout"] == "3"
    assert found["options"] == f"{OURS}1min -c a=b -c timezone=CET"
    assert found["tcp_user_timeout"] == "20000"


def test_what_is_no_address_is_said() -> None:
    with pytest.raises(ProgrammingError):
        timeouts.guarded("postgresql://h/d?nosuch=1")
    with pytest.raises(StoreError, match="HYPERVISOR_DATABASE_URL cannot be understood: "):
        guarded("postgresql://h/d?nosuch=1")
    with pytest.raises(StoreError) as caught:
        connect("")
    assert str(caught.value) == (
        "no database is named: no instance was made in this data folder (`hypervisor up`), nor is"
        " HYPERVISOR_DATABASE_URL set"
    )
