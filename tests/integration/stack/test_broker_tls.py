"""A device reaches the broker by TLS and checks whom it speaks to; in plain it is refused."""

import shlex
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from hypervisor.base.findings import Finding
from hypervisor.base.settings import Settings
from hypervisor.broker import accounts, binaries, passwords, tls
from hypervisor.broker.child import stop, wait_until
from hypervisor.broker.errors import StackError
from hypervisor.broker.folder import open_folder
from hypervisor.broker.mosquitto import Broker
from hypervisor.broker.ports import LOOPBACK
from hypervisor.broker.probe import ACCEPTED, REFUSED, SILENT, connack
from hypervisor.broker.server_account import server_account
from hypervisor.stack.doctor_certificates import check_certificates
from hypervisor.stack.parts import interpreter_command, part_environment
from hypervisor.stack.servers import start_broker
from tests import documents
from tests.integration.stack import certificates
from tests.integration.stack.certificates import ELSEWHERE
from tests.ports import reserve_port

pytestmark = pytest.mark.integration

DEPLOYMENT = documents.ROOT / "docs" / "deployment.md"


@pytest.fixture(scope="module")
def papers(shared_folder: Path) -> Path:
    return certificates.issued(shared_folder / "papers")


@pytest.fixture
def secured(open_tmp: Path, papers: Path) -> Iterator[Broker]:
    """A broker that listens by TLS elsewhere, in plain on this machine only."""
    both = {"cert": papers / "broker.crt", "key": papers / "broker.key"}
    asked = tls.read_options(**both, port=reserve_port(), host=ELSEWHERE, only=True)
    folder = open_folder(open_tmp / "instance", server_account())
    broker = Broker(
        folder=folder,
        programs=binaries.find_broker(),
        port=reserve_port(),
        parts_port=reserve_port(),
        secured=asked,
    )
    running = start_broker(broker)
    yield broker
    running.halt()


def port_of(broker: Broker) -> int:
    assert broker.secured is not None
    return broker.secured.port


def knock(broker: Broker, ca: Path, password: str) -> int:
    """What gauge-1, who trusts `ca`, is answered by TLS."""
    trust = ssl.create_default_context(cafile=ca)
    return connack(ELSEWHERE, port_of(broker), "gauge-1", password, trust=trust)


def test_a_device_is_let_in_by_tls(secured: Broker, papers: Path) -> None:
    accounts.change(secured, put={"gauge-1": "secret"})
    assert knock(secured, papers / "ca.crt", "secret") == ACCEPTED
    assert knock(secured, papers / "ca.crt", "another") in REFUSED


def test_a_device_that_trusts_another_authority_does_not_speak(
    secured: Broker, papers: Path
) -> None:
    accounts.change(secured, put={"gauge-1": "secret"})
    assert knock(secured, papers / "other.crt", "secret") == SILENT


def test_its_message_is_acknowledged(secured: Broker, papers: Path) -> None:
    accounts.change(secured, put={"gauge-1": "secret"})
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="gauge-1")
    client.username_pw_set("gauge-1", "secret")
    client.tls_set(ca_certs=str(papers / "ca.crt"))
    client.connect(ELSEWHERE, port_of(secured))
    client.loop_start()
    mqttmessage_info = client.publish("devices/gauge-1/readings", b"{}", qos=1)
    mqttmessage_info.wait_for_publish(10)
    client.disconnect()
    client.loop_stop()
    assert mqttmessage_info.is_published()


def test_the_command_of_the_documents_lets_a_device_in(open_tmp: Path, papers: Path) -> None:
    """docs/deployment.md, as the user who runs the tests: also as root."""
    (shown,) = (
        each for each in documents.examples(DEPLOYMENT) if each.language == "sh" and each.test
    )
    port, parts_port = reserve_port(), reserve_port()
    here = {"0.0.0.0": ELSEWHERE, "8883": str(port)}  # noqa: S104  what the page says
    here |= {"chain.pem": f"{papers}/broker.crt", "key.pem": f"{papers}/broker.key"}
    words = [here.get(word, word) for word in shlex.split(shown.text)[1:]]
    environment = {
        "HYPERVISOR_BROKER_PASSWORD": "secret",
        "HYPERVISOR_BROKER_PORT": str(reserve_port()),
        "HYPERVISOR_BROKER_PARTS_PORT": str(parts_port),
        "HYPERVISOR_DATA": str(open_tmp / "instance"),
    }
    process = subprocess.Popen(
        [*interpreter_command(), *words], env=part_environment() | environment
    )
    trust = ssl.create_default_context(cafile=papers / "ca.crt")
    answers = partial(connack, ELSEWHERE, port, "gauge-1", "secret", trust=trust)
    assert wait_until(lambda: answers() in REFUSED, seconds=60)
    assert connack(LOOPBACK, parts_port, passwords.INGEST, "secret") == ACCEPTED
    assert stop(process)


def test_in_plain_nobody_is_heard_elsewhere(secured: Broker) -> None:
    accounts.change(secured, put={"gauge-1": "secret"})
    assert connack(ELSEWHERE, secured.port, "gauge-1", "secret") == SILENT
    assert connack(ELSEWHERE, port_of(secured), "gauge-1", "secret") == SILENT
    assert connack(LOOPBACK, secured.port, "gauge-1", "secret") == ACCEPTED


def test_a_renewed_certificate_is_taken_up(secured: Broker, papers: Path) -> None:
    where = (ELSEWHERE, port_of(secured))
    before = ssl.get_server_certificate(where)
    certificates.sign(papers)
    accounts.change(secured, put={"gauge-1": "secret"})  # which reloads, as SIGHUP does
    assert ssl.get_server_certificate(where) != before
    assert knock(secured, papers / "ca.crt", "secret") == ACCEPTED


def test_the_doctor_warns_before_the_served_certificate_expires(secured: Broker) -> None:
    """It is valid for a day; another port serves none."""
    now = datetime.now(UTC)

    def examine(at: datetime, port: int) -> Finding:
        cert = Path("broker.crt")
        settings = Settings(broker_tls_cert=cert, broker_tls_host=ELSEWHERE, broker_tls_port=port)
        (finding,) = check_certificates(settings, at)
        return finding

    port = port_of(secured)
    assert examine(now - timedelta(days=30), port).state == "good"
    soon, late = examine(now - timedelta(days=28), port), examine(now + timedelta(days=2), port)
    assert (soon.state, late.state) == ("warning", "bad")
    assert "in 28 days" in soon.what
    assert "kill -HUP" in soon.mend
    assert examine(now, reserve_port()).state == "warning"
    settings = Settings(public_url=f"https://{ELSEWHERE}:{port}")
    (web,) = check_certificates(settings, now)
    assert (web.subject, web.state) == ("web certificate", "warning")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"key": None}, "--tls-key is missing"),
        ({"cert": None}, "--tls-cert is missing"),
        ({"cert": None, "key": None, "only": True}, "--tls-only needs --tls-cert and --tls-key"),
        ({"key": Path("/nowhere")}, "/nowhere cannot be read"),
    ],
)
def test_half_of_it_is_refused(papers: Path, change: dict[str, Any], says: str) -> None:
    whole = {"cert": papers / "broker.crt", "key": papers / "broker.key", "only": False}
    with pytest.raises(StackError, match=says):
        tls.read_options(**{**whole, **change}, port=8883, host=LOOPBACK)


def test_a_key_of_another_certificate_is_refused(papers: Path) -> None:
    with pytest.raises(StackError, match=r"are not a certificate .* and its key"):
        tls.read_options(
            cert=papers / "broker.crt",
            key=papers / "ca.key",
            port=8883,
            host=LOOPBACK,
            only=False,
        )


@pytest.mark.skipif(not server_account().demotes, reason="needs root: else nobody is kept out")
def test_a_key_that_the_broker_s_user_cannot_read_is_refused(papers: Path, open_tmp: Path) -> None:
    """As certbot leaves it."""
    closed = open_tmp / "closed.key"
    shutil.copyfile(papers / "broker.key", closed)
    closed.chmod(0o600)
    with pytest.raises(StackError, match=rf"'hypervisor', .* cannot read {closed}; .* install -D"):
        tls.read_options(
            cert=papers / "broker.crt", key=closed, port=8883, host=LOOPBACK, only=False
        )


def test_a_key_with_a_passphrase_is_refused(papers: Path, open_tmp: Path) -> None:
    locked = open_tmp / "locked.key"
    certificates.openssl(
        "ec", "-in", papers / "broker.key", "-aes128", "-passout", "pass:x", "-out", locked
    )
    with pytest.raises(StackError, match="asks for a passphrase"):
        tls.read_options(
            cert=papers / "broker.crt", key=locked, port=8883, host=LOOPBACK, only=False
        )
