"""Tokens of an identity provider: what it signed for us, and what only looks so."""

import asyncio
import base64
import hmac
import json
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import UTC, datetime, timedelta
from itertools import islice
from threading import Event
from typing import Any

import httpx
import pytest
from joserfc import jws
from joserfc.jwk import KeySet, RSAKey

from hypervisor.accounts import provider_calls
from hypervisor.accounts.provider import PendingSignIn, Provider
from hypervisor.accounts.provider_calls import SignInRefusedError

NOW = datetime(2026, 3, 3, 12, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
ISSUER = "https://login.example"
EVENTS: dict[str, Any] = {"http://schemas.openid.net/event/backchannel-logout": {}}
NOTICE: dict[str, Any] = {
    "iss": ISSUER,
    "aud": "console",
    "iat": SECONDS,
    "exp": SECONDS + 120,
    "sub": "u",
    "sid": "s",
    "events": EVENTS,
}
KEY = RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True)


class CachedProvider(Provider):
    """Its keys were read a moment ago: nothing is asked of it."""

    def read_keys(self, now: datetime, *, renew: bool = False) -> KeySet:
        assert not renew, f"asked again at {now}"
        self._keys = (now, KeySet([KEY]))
        return self._keys[1]


@pytest.fixture
def provider() -> Provider:
    return CachedProvider(ISSUER, "console", "secret")


def sign(claims: Any, *, key: RSAKey = KEY, **header: Any) -> str:
    words = {"alg": "RS256", "kid": key.kid, **header}
    return jws.serialize_compact(words, json.dumps(claims), key)


def test_a_notice_may_be_of_any_time(provider: Provider) -> None:
    ended = provider.read_logout_token(sign({**NOTICE, "iat": -1e308}), NOW)
    assert ended.opened_before < datetime(1971, 1, 1, tzinfo=UTC)


def test_a_logout_token_ends_a_session_that_began_before(provider: Provider) -> None:
    ended = provider.read_logout_token(sign(NOTICE), NOW)
    assert (ended.issuer, ended.subject, ended.sid) == (ISSUER, "u", "s")
    assert ended.opened_before == NOW + timedelta(seconds=60)
    later = provider.read_logout_token(sign(NOTICE), NOW + timedelta(seconds=90))
    assert later.opened_before == ended.opened_before


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://elsewhere.example"},
        {"iss": None},
        {"aud": "another"},
        {"aud": None},
        {"iat": None},
        {"iat": SECONDS + 61},
        {"exp": None},
        {"exp": SECONDS - 61},
        {"exp": "soon"},
        {"events": None},
        {"events": []},
        {"events": {"http://schemas.openid.net/event/backchannel-logout": "x"}},
        {"events": {"another": {}}},
        {"nonce": "x"},
        {"sub": "", "sid": None},
        {"sub": ["u"], "sid": {}},
    ],
)
def test_what_is_no_logout_token_for_us_ends_nothing(
    provider: Provider, changes: dict[str, Any]
) -> None:
    claims = {key: value for key, value in {**NOTICE, **changes}.items() if value is not None}
    with pytest.raises(SignInRefusedError):
        provider.read_logout_token(sign(claims), NOW)


def _part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _unsigned(header: object) -> str:
    return f"{_part(header)}.{_part(NOTICE)}."


def _sign_with_public_key() -> str:
    """As if the key that everybody may read were a shared secret."""
    words = f"{_part({'alg': 'HS256', 'kid': KEY.kid})}.{_part(NOTICE)}"
    digest = hmac.digest(KEY.as_pem(private=False), words.encode(), "sha256")
    return f"{words}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a",
        "a.b.c",
        "....",
        "\ud800.a.b",
        "é.é.é",
        _unsigned({"alg": "none"}),
        _unsigned({"alg": "RS256", "kid": KEY.kid}),
        _unsigned({"alg": ["RS256"]}),
        _unsigned({"alg": "RS256", "kid": ["x"]}),
        _unsigned([]),
        _unsigned(None),
        _unsigned({}),
        sign([]),
        sign(None),
        sign(NOTICE).replace(".", "..", 1),
        sign(NOTICE)[:-6] + "AAAAAA",
        _sign_with_public_key(),
    ],
)
def test_what_the_provider_did_not_sign_is_refused(provider: Provider, token: str) -> None:
    with pytest.raises(SignInRefusedError):
        provider.read_logout_token(token, NOW)


def test_what_belongs_to_a_sign_in_follows_from_its_secret_alone() -> None:
    first, second = (PendingSignIn(secret=secret, target="/") for secret in ("one", "two"))
    words = {
        word
        for each in (first, second)
        for word in (each.state, each.nonce, each.verifier, each.challenge)
    }
    assert len(words) == 8
    assert first.challenge == PendingSignIn(secret="one", target="/x").challenge


def test_a_provider_that_does_not_answer_holds_few_threads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Forty browsers that nobody knows held all threads of the web."""
    answers = Event()

    async def wait(*_: object, **__: object) -> provider_calls.Reply:
        await asyncio.to_thread(answers.wait, 60)
        raise httpx.ReadTimeout("late")

    monkeypatch.setattr(Provider, "_converse", wait)
    monkeypatch.setattr(provider_calls, "_TIMEOUT", 60)
    slow = Provider(ISSUER, "console", "secret")
    with ThreadPoolExecutor(40) as browsers:
        late = [browsers.submit(slow.discover, NOW) for _ in range(40)]
        try:  # four ask the provider, four wait for them
            refused = [*islice(as_completed(late, timeout=30), 32)]
        finally:
            answers.set()
        assert {str(future.exception()) for future in refused} == {
            "too many sign in at once: try again in a moment"
        }
        assert sum("late" in str(future.exception()) for future in late) == 8


class RenewedProvider(Provider):
    """It signs with another key since its keys were read."""

    def read_keys(self, now: datetime, *, renew: bool = False) -> KeySet:
        assert now >= NOW
        self._keys = (NOW, KeySet([KEY, NEXT] if renew else [KEY]))
        return self._keys[1]


NEXT = RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True)


def test_a_stranger_s_token_has_the_keys_read_again_every_ten_seconds_at_most() -> None:
    provider, token = RenewedProvider(ISSUER, "console", "secret"), sign(NOTICE, key=NEXT)
    for seconds in (0, 9.9):
        with pytest.raises(SignInRefusedError):
            provider.read_logout_token(token, NOW + timedelta(seconds=seconds))
    assert provider.read_logout_token(token, NOW + timedelta(seconds=10)).subject == "u"
