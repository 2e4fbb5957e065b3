"""What a cluster's broker is answered."""

from datetime import UTC, datetime

import pytest

from hypervisor.broker.password_hash import fits, hash_password
from hypervisor.broker.queries_accounts import AccountRow
from hypervisor.cluster.admission import ALLOW, DENY, Admission
from hypervisor.cluster.admission_server import answer_query

# As mosquitto_passwd 2.0 wrote it, of the password `secret`.
MOSQUITTO = (
    "$7$101$71xpeiVeS6buHWmt$"
    "Gj8Rj35Pem8LuazRh3q5E8r0x/WN3/d1A+F9Ba+AbHtQk08VHa1MLToYlrGi+rELEjQG7vcJRuXCG20pHtHFzA=="
)
WORD = "secret"
SINCE = datetime(2026, 11, 29, tzinfo=UTC)


def account(name: str, *, paused: bool = False, topics: tuple[str, ...] = ()) -> AccountRow:
    return AccountRow(
        name=name, password_hash=MOSQUITTO, topics=topics, changed_at=SINCE, paused=paused
    )


@pytest.fixture
def admission() -> Admission:
    rows = [
        account("pump-1"),
        account("pump-2", paused=True),
        account("alarms.siren"),
        account("observations.ann", topics=("v1.1/Datastreams('pump-1/level')/Observations",)),
    ]
    return Admission(sparkplug=False, open=True, accounts={row.name: row for row in rows})


def enter(name: str, secret: str = WORD, client: str = "") -> str:
    return f"username={name}&password={secret}&vhost=%2F&client_id={client or name}"


def test_hashes_are_those_of_mosquitto() -> None:
    assert fits("secret", MOSQUITTO)
    assert not fits("secre", MOSQUITTO)
    assert fits("pâss", hash_password("pâss"))
    assert hash_password("a") != hash_password("a")
    assert not fits("secret", "secret")
    assert not fits("secret", "$7$many$x$y")


def test_known_account_enters_by_its_password(admission: Admission) -> None:
    assert answer_query(admission, "/user", enter("pump-1")) == ALLOW
    assert answer_query(admission, "/user", enter("pump-1", "guess")) == DENY
    assert answer_query(admission, "/user", enter("pump-9")) == DENY
    assert answer_query(admission, "/vhost", "username=pump-1&vhost=%2F") == ALLOW
    assert answer_query(admission, "/else", enter("pump-1")) == DENY
    assert answer_query(admission, "/user", "") == DENY


def test_nobody_enters_before_there_are_queues(admission: Admission) -> None:
    admission.open = False
    assert answer_query(admission, "/user", enter("pump-1")) == DENY


def test_account_that_flooded_stays_out(admission: Admission) -> None:
    assert answer_query(admission, "/user", enter("pump-2")) == DENY


def test_client_id_is_the_name(admission: Admission) -> None:
    assert answer_query(admission, "/user", enter("pump-1", client="alarms.siren")) == DENY
    assert "'alarms.siren'" in admission.warnings[0]
    answer_query(admission, "/user", enter("pump-1", client="x"))
    assert len(admission.warnings) == 1  # a device tries again and again


@pytest.mark.parametrize(
    ("resource", "permission", "expected"),
    [
        ("resource=queue&name=mqtt-subscription-pump-1qos1", "configure", ALLOW),
        ("resource=queue&name=mqtt-subscription-pump-11qos1", "read", DENY),
        ("resource=queue&name=ingest.part-1", "read", DENY),
        ("resource=exchange&name=amq.topic", "write", ALLOW),
        ("resource=exchange&name=amq.topic", "configure", DENY),
        ("resource=exchange&name=ingest.parts", "write", DENY),
    ],
)
def test_device_has_its_own_session(
    admission: Admission, resource: str, permission: str, expected: str
) -> None:
    query = f"username=pump-1&vhost=%2F&{resource}&permission={permission}"
    assert answer_query(admission, "/resource", query) == expected


@pytest.mark.parametrize(
    ("name", "key", "permission", "expected"),
    [
        ("pump-1", "devices.pump-1.readings", "write", ALLOW),
        ("pump-1", "hypervisor.alarms.%23", "read", DENY),
        ("alarms.siren", "hypervisor.alarms.%23", "read", ALLOW),
        ("alarms.siren", "hypervisor.alarms.flood.major", "write", DENY),
        ("alarms.siren", "devices.alarms.siren.readings", "write", DENY),
        ("observations.ann", "v1.1.Datastreams('pump-1.level').Observations", "read", ALLOW),
        ("observations.ann", "v1.1.Datastreams('pump-2.level').Observations", "read", DENY),
        ("observations.ann", "v1.1.%23", "read", DENY),
    ],
)
def test_topics_are_those_of_the_access_list(
    admission: Admission, name: str, key: str, permission: str, expected: str
) -> None:
    query = f"username={name}&name=amq.topic&permission={permission}&routing_key={key}"
    assert answer_query(admission, "/topic", query) == expected
    assert answer_query(admission, "/topic", query.replace("amq.topic", "ingest.parts")) == DENY
