"""Which push services are asked: an endpoint is an address that anybody may send."""

import socket
from ipaddress import ip_address

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from hypervisor.base.settings import Settings
from hypervisor.citizens.push_hosts import EndpointError, PushHosts, is_public, parse
from hypervisor.citizens.push_service import encrypt
from tests.integration.citizens.push import BrowserKeys, decode

USUAL = parse("usual")
FOREIGN = [
    "http://fcm.googleapis.com/1",
    "https://169.254.169.254/latest/meta-data",
    "https://127.0.0.1/admin",
    "https://2130706433/",
    "https://[::1]/",
    "https://fcm.googleapis.com:8443/1",
    "https://fcm.googleapis.com:0/1",
    "https://fcm.googleapis.com:99999/1",
    "https://fcm.googleapis.com.evil.example/1",
    "https://evil.example/fcm.googleapis.com",
    "https://evil.example#fcm.googleapis.com",
    "https://evil.example?@fcm.googleapis.com/1",
    "https://user@fcm.googleapis.com/1",
    "https://fcm.googleapis.com@evil.example/1",
    "https://fcm.googleapis.com\\@evil.example/1",
    "https://fcm.googleapis.com/1\r\nHost: evil.example",
    "https://\uff46cm.googleapis.com/1",  # normalised it would be an f
    "https://notify.windows.com/1",
    "https://evilnotify.windows.com/1",
    "https://fcm.googleapis.com/" + "x" * 1_000,
    "https://[/",
    "https://",
    "//fcm.googleapis.com/1",
    "file:///etc/passwd",
    "",
]


@pytest.mark.parametrize("endpoint", FOREIGN)
def test_no_foreign_address_is_taken(endpoint: str) -> None:
    with pytest.raises(EndpointError):
        USUAL.require(endpoint)


@given(st.text(max_size=200))
def test_whatever_is_sent_is_taken_or_refused(text: str) -> None:
    try:
        parts = USUAL.require(f"https://{text}")
    except EndpointError:
        return
    assert str(parts.hostname).endswith((".com", ".googleapis.com"))


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://fcm.googleapis.com/fcm/send/abc:APA91",
        "https://FCM.googleapis.com:443/wp/1",
        "https://updates.push.services.mozilla.com/wpush/v2/gAAAA",
        "https://web.push.apple.com/QGuQyavXutnMH",
        "https://wns2-par02p.notify.windows.com/w/?token=BQYAAA",
    ],
)
def test_those_of_the_usual_browsers_are_taken(endpoint: str) -> None:
    USUAL.require(endpoint)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.169.254", "100.64.0.1"),
        *("0.0.0.0", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fd00::1", "ff02::1"),  # noqa: S104
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::"),
        *("::127.0.0.1", "::ffff:0:127.0.0.1", "64:ff9b:1::7f00:1", "fec0::1", "5f00::1"),
    ],
)
def test_private_addresses_are_known_in_every_form(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", ["142.250.75.234", "2a00:1450:4007::1", "::ffff:8.8.8.8"])
def test_public_ones_are(address: str) -> None:
    assert is_public(ip_address(address))


def test_one_private_address_among_several_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name may lead to several; the resolver's order is not ours."""

    def resolve(*_args: object, **_named: object) -> list[tuple[object, ...]]:
        return [(2, 1, 6, "", (each, 443)) for each in ("8.8.8.8", "127.0.0.1")]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with pytest.raises(EndpointError, match="not public"):
        USUAL.resolve(USUAL.require("https://fcm.googleapis.com/1"))


def test_a_private_address_is_asked_where_the_setting_names_it() -> None:
    hosts = parse("127.0.0.1:8443 [::1]:8443")
    assert hosts.resolve(hosts.require("https://127.0.0.1:8443/1")) == "127.0.0.1"
    assert hosts.resolve(hosts.require("https://[::1]:8443/1")) == "::1"


@pytest.mark.parametrize(("setting", "count"), [("off", 0), ("", 0), ("usual, a.example", 5)])
def test_the_setting(setting: str, count: int) -> None:
    assert len(parse(setting).entries) == count


@pytest.mark.parametrize("setting", ["https://a.example", "a.example/path", "*", "a b@c"])
def test_a_setting_that_names_no_host(setting: str) -> None:
    with pytest.raises(ValueError, match="is no host"):
        Settings(citizens_push=setting)


def test_nothing_is_allowed_where_it_is_off() -> None:
    with pytest.raises(EndpointError):
        PushHosts(entries=()).require("https://fcm.googleapis.com/1")


def test_the_example_of_rfc_8291_is_read_and_ours_too() -> None:
    """What a browser of the letter of the RFC reads is what was encrypted."""
    keys = BrowserKeys()
    body = encrypt("Crue de l'Orge é".encode(), keys.private.public_key(), keys.secret)
    assert keys.decrypt(body).decode() == "Crue de l'Orge é"
    example = BrowserKeys(
        private=ec.derive_private_key(
            int.from_bytes(decode("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"), "big"),
            ec.SECP256R1(),
        ),
        secret=decode("BTBZMqHH6r4Tts7J_aSIgg"),
    )
    sent = decode(
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIg"
        "Dll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZ"
        "wbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )
    assert example.decrypt(sent) == b"When I grow up, I want to be a watermelon"
