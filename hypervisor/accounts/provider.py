"""The authority's identity provider, as a client of OpenID Connect speaks to it.

Authorization code flow with PKCE; discovery and keys are cached, and keys read again when one is
new. Every call may raise ProviderError: it does not answer, or not as the standard says.
"""

import base64
import hashlib
import ssl
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import BoundedSemaphore, Lock
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
from joserfc import jwt
from joserfc.errors import BadSignatureError, InvalidKeyIdError, InvalidPayloadError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hypervisor.access import secrets
from hypervisor.base.settings import Settings
from sensors._errors import TerritoryError

# Only what the provider signs with a key that nobody else has.
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
_REGISTRY = JWSRegistry(algorithms=_ALGORITHMS, strict_check_header=False)
_FRESH = timedelta(hours=1)  # then discovery and keys are read again
_PAUSE = timedelta(seconds=10)  # between two readings of the keys that anybody may cause
_SKEW = 60  # s by which both clocks may differ
_TIMEOUT = 5.0  # s
_AT_ONCE = 4  # conversations; a slow provider does not take the threads of all other requests
_LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_Login = tuple[Mapping[str, str], tuple[str, str] | None]


class ProviderError(TerritoryError):
    """The provider does not answer, or not as OpenID Connect says."""


class SignInRefusedError(TerritoryError):
    """Nobody gets in with this: says what is wrong or missing."""


class Metadata(BaseModel):
    """What discovery says, as far as we need it."""

    model_config = ConfigDict(frozen=True)

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str = ""
    end_session_endpoint: str = ""
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = Field(default=False)


@dataclass(frozen=True, kw_only=True)
class PendingSignIn:
    """A sign-in that a browser has begun: what belongs to it follows from its secret.

    `target`: where it leads.
    """

    secret: str
    target: str

    @property
    def state(self) -> str:
        return secrets.sign(self.secret, "state")

    @property
    def nonce(self) -> str:
        return secrets.sign(self.secret, "nonce")

    @property
    def verifier(self) -> str:
        return secrets.sign(self.secret, "verifier")

    @property
    def challenge(self) -> str:
        """Of PKCE, S256."""
        return _encode(hashlib.sha256(self.verifier.encode()).digest())


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a browser brings back from the provider, in its address."""

    code: str = ""
    error: str = ""
    description: str = ""
    issuer: str = ""


@dataclass(frozen=True, kw_only=True)
class Identity:
    """A person as the provider identifies them. `sid`: the provider's session, if it names one."""

    issuer: str
    subject: str
    sid: str | None
    id_token: str
    claims: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class EndedSession:
    """What the provider says has ended: one session of it (`sid`), or all of somebody.

    `opened_before`: so that a notice that is shown again ends nothing that began after it.
    """

    issuer: str
    subject: str | None
    sid: str | None
    opened_before: datetime


class Provider:
    """The provider of one instance; shared by requests."""

    def __init__(self, issuer: str, client: str, secret: str) -> None:
        """Speak to `issuer` as `client`; without a secret, as a public client."""
        self.issuer, self._client, self._secret = issuer, client, secret
        self._lock = Lock()
        self._slots = BoundedSemaphore(_AT_ONCE)
        self._metadata: tuple[datetime, Metadata] | None = None
        self._keys: tuple[datetime, KeySet] | None = None
        self._trust = ssl.create_default_context()  # the system's, where an authority adds its own

    def discover(self, now: datetime) -> Metadata:
        """What the provider says of itself.

        Raises:
            ProviderError: it does not, or it is another's.
        """
        with self._lock:
            cached = self._metadata
        if cached is not None and now - cached[0] < _FRESH:
            return cached[1]
        address = f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"
        _require_private(address)
        answer = self._read_json("GET", address)
        try:
            metadata = Metadata.model_validate(answer)
        except ValidationError as error:
            names = ", ".join(str(each["loc"][0]) for each in error.errors() if each["loc"])
            raise ProviderError(
                "{address} does not describe a provider: {names}", address, names
            ) from error
        if metadata.issuer != self.issuer:
            raise ProviderError(
                "{address} is of the issuer {issuer!r}; HYPERVISOR_OIDC_ISSUER is {expected!r}",
                address,
                metadata.issuer,
                self.issuer,
            )
        for endpoint in (
            *(metadata.authorization_endpoint, metadata.token_endpoint, metadata.jwks_uri),
            *(metadata.userinfo_endpoint, metadata.end_session_endpoint),
        ):
            _require_private(endpoint)
        with self._lock:
            self._metadata = (now, metadata)
        return metadata

    def read_keys(self, now: datetime, *, renew: bool = False) -> KeySet:
        """The keys with which the provider signs. `renew`: not the cached ones.

        Raises:
            ProviderError: there are none.
        """
        with self._lock:
            cached = self._keys
        if cached is not None and now - cached[0] < _FRESH and not renew:
            return cached[1]
        address = self.discover(now).jwks_uri
        answer = self._read_json("GET", address)
        try:
            keys = KeySet.import_key_set(answer)  # type: ignore[arg-type]  # it checks
        except (JoseError, KeyError, TypeError, ValueError) as error:
            raise ProviderError("{address} holds no keys: {error}", address, error) from error
        with self._lock:
            self._keys = (now, keys)
        return keys

    def build_authorization_url(
        self,
        pending: PendingSignIn,
        return_to: str,
        *,
        scopes: Sequence[str],
        acr: Sequence[str],
        now: datetime,
    ) -> str:
        """Where the browser goes to sign in; it comes back to `return_to`."""
        parameters = {
            "response_type": "code",
            "client_id": self._client,
            "redirect_uri": return_to,
            "scope": " ".join(dict.fromkeys(("openid", *scopes))),
            "state": pending.state,
            "nonce": pending.nonce,
            "code_challenge": pending.challenge,
            "code_challenge_method": "S256",
        }
        if acr:
            parameters["acr_values"] = " ".join(acr)
        return _extend(self.discover(now).authorization_endpoint, parameters)

    def redeem(
        self,
        answer: Answer,
        pending: PendingSignIn,
        return_to: str,
        *,
        acr: Sequence[str],
        now: datetime,
    ) -> Identity:
        """Who has signed in: the code's tokens, checked, and what userinfo adds.

        Raises:
            SignInRefusedError: the provider refused, or what it gave is not ours to believe.
        """
        metadata = self.discover(now)
        must_name_itself = metadata.authorization_response_iss_parameter_supported
        if (answer.issuer or must_name_itself) and answer.issuer != self.issuer:
            raise SignInRefusedError("this answer is not of our identity provider: sign in again")
        if answer.error or not answer.code:
            raise SignInRefusedError(
                "the identity provider refused: {reason}",
                answer.description[:200] or answer.error[:50] or "no code",
            )
        tokens = self._exchange(metadata, answer.code, pending, return_to)
        id_token = str(tokens.get("id_token", ""))
        claims = self._verify(id_token, now, exp={"essential": True}, sub={"essential": True},
                              nonce={"essential": True, "value": pending.nonce})  # fmt: skip
        _require_party(claims, self._client)
        if acr and claims.get("acr") not in acr:
            raise SignInRefusedError(
                "the identity provider's sign-in was not strong enough: acr is {level!r}, "
                "expected {levels}",
                str(claims.get("acr", "")),
                ", ".join(acr),
            )
        if metadata.userinfo_endpoint:
            userinfo = self._read_userinfo(
                metadata.userinfo_endpoint, str(tokens.get("access_token", "")), now
            )
            if userinfo.get("sub") != claims["sub"]:
                raise SignInRefusedError("the identity provider's answers name two people")
            claims = {**userinfo, **claims}
        return Identity(
            issuer=self.issuer,
            subject=claims["sub"],
            sid=_text(claims.get("sid")),
            id_token=id_token,
            claims=claims,
        )

    def read_logout_token(self, token: str, now: datetime) -> EndedSession:
        """What a logout token of the back channel ends.

        Raises:
            SignInRefusedError: it is none, or not for us.
        """
        claims = self._verify(token, now, trusted=False, exp={"essential": True})
        events = claims.get("events")
        subject, sid = _text(claims.get("sub")), _text(claims.get("sid"))
        event = events.get(_LOGOUT_EVENT) if isinstance(events, dict) else None
        if not isinstance(event, dict) or "nonce" in claims or not (subject or sid):
            raise SignInRefusedError("this is no logout token")
        age = now.timestamp() - max(claims["iat"], 0)
        return EndedSession(
            issuer=self.issuer,
            subject=subject,
            sid=sid,
            opened_before=now + timedelta(seconds=_SKEW - age),
        )

    def build_logout_url(
        self, id_token: str, return_to: str, state: str, now: datetime
    ) -> str | None:
        """Where the browser goes to sign out there, too; None: the provider has no such place."""
        address = self.discover(now).end_session_endpoint
        parameters = {
            "id_token_hint": id_token,
            "client_id": self._client,
            "post_logout_redirect_uri": return_to,
            "state": state,
        }
        return _extend(address, parameters) if address else None

    def _exchange(
        self, metadata: Metadata, code: str, pending: PendingSignIn, return_to: str
    ) -> Mapping[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": return_to,
            "code_verifier": pending.verifier,
        }
        offered = metadata.token_endpoint_auth_methods_supported
        for own, login in self._list_logins(offered):
            response = self._send(
                "POST", metadata.token_endpoint, data={**form, **own}, login=login
            )
            if response.status_code != httpx.codes.UNAUTHORIZED:
                break  # else it may want the secret in the other way, and the code is still good
        tokens = _parse(response)
        if response.status_code == httpx.codes.BAD_REQUEST and tokens.get("error"):
            raise SignInRefusedError(
                "the identity provider does not take this code ({reason}): sign in again",
                str(tokens["error"])[:50],
            )
        return _require_success(response, tokens)

    def _list_logins(self, offered: Collection[str]) -> list[_Login]:
        """The ways in which a client may show its secret, as fields or as Basic."""
        name = {"client_id": self._client}
        if not self._secret:
            return [(name, None)]
        ways: dict[str, _Login] = {
            "client_secret_basic": ({}, (_form_encode(self._client), _form_encode(self._secret))),
            "client_secret_post": ({**name, "client_secret": self._secret}, None),
        }
        return [way for key, way in ways.items() if key in offered] or [*ways.values()]

    def _read_userinfo(self, address: str, access_token: str, now: datetime) -> Mapping[str, Any]:
        """As JSON or, from ProConnect, as a signed JWT."""
        response = self._send("GET", address, bearer=access_token)
        if not response.headers.get("content-type", "").startswith("application/jwt"):
            return _require_success(response, _parse(response))
        _require_success(response, {"": ""})
        return self._verify(response.text, now)

    def _verify(
        self, token: str, now: datetime, *, trusted: bool = True, **wanted_claims: Any
    ) -> dict[str, Any]:
        """The claims of a token that the provider signed, for us, and that has not expired.

        `trusted`: the provider itself gave it to us, so that it may name a new key at any time.

        Raises:
            SignInRefusedError: it is not.
        """
        needed = bool(wanted_claims)
        registry = jwt.JWTClaimsRegistry(
            now=int(now.timestamp()),
            leeway=_SKEW,
            iss={"essential": needed, "value": self.issuer},
            aud={"essential": needed, "value": self._client},
            iat={"essential": needed},
            **wanted_claims,
        )
        try:
            claims = self._decode(token, now, trusted=trusted)
            registry.validate(claims)
        except (JoseError, ValueError) as error:
            raise SignInRefusedError(
                "what the identity provider signed is not valid: {reason}", str(error)
            ) from error
        return claims

    def _decode(self, token: str, now: datetime, *, trusted: bool) -> dict[str, Any]:
        keys = self.read_keys(now)
        try:
            claims = jwt.decode(token, keys, algorithms=_ALGORITHMS, registry=_REGISTRY).claims
        except (BadSignatureError, InvalidKeyIdError):
            read_at = self._keys[0] if self._keys else now
            if not trusted and now - read_at < _PAUSE:
                raise
            keys = self.read_keys(now, renew=True)
            claims = jwt.decode(token, keys, algorithms=_ALGORITHMS, registry=_REGISTRY).claims
        if not isinstance(claims, dict):
            raise InvalidPayloadError
        return claims

    def _read_json(self, method: str, address: str) -> Mapping[str, Any]:
        response = self._send(method, address)
        return _require_success(response, _parse(response))

    def _send(
        self,
        method: str,
        address: str,
        *,
        data: Mapping[str, str] | None = None,
        login: tuple[str, str] | None = None,
        bearer: str = "",
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        try:
            with (
                self._take_slot(),
                httpx.Client(verify=self._trust, timeout=_TIMEOUT, auth=login) as client,
            ):
                return client.request(method, address, data=data, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            host = urlsplit(address).netloc or address
            raise ProviderError(
                "the identity provider {host} does not answer: {error}", host, str(error)
            ) from error

    @contextmanager
    def _take_slot(self) -> Iterator[None]:
        if not self._slots.acquire(timeout=_TIMEOUT):
            raise ProviderError("too many sign in at once: try again in a moment")
        try:
            yield
        finally:
            self._slots.release()


def load_provider(settings: Settings | None) -> Provider | None:
    """The provider of the settings; None: there is none."""
    if settings is None or not settings.oidc_issuer or not settings.oidc_client_id:
        return None
    return Provider(settings.oidc_issuer, settings.oidc_client_id, settings.oidc_client_secret)


def _require_private(address: str) -> None:
    """Refuse what anybody between us and the provider could read or change."""
    where = urlsplit(address)
    if address and where.scheme != "https" and where.hostname not in _LOOPBACK:
        raise ProviderError("{address}: expected an address with https://", address)


def _require_party(claims: Mapping[str, Any], client: str) -> None:
    several = isinstance(claims.get("aud"), list) and len(claims["aud"]) > 1
    if claims.get("azp", None if several else client) != client:
        raise SignInRefusedError("the identity provider's token is for another program")


def _parse(response: httpx.Response) -> Mapping[str, Any]:
    """The object of an answer; empty: it is none."""
    try:
        parsed = response.json()
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _require_success(response: httpx.Response, parsed: Mapping[str, Any]) -> Mapping[str, Any]:
    if response.status_code != httpx.codes.OK or not parsed:
        raise ProviderError(
            "{address} answers {number}: {reason}",
            str(response.url.copy_with(query=None)),
            response.status_code,
            str(parsed.get("error", "nothing that can be read"))[:100],
        )
    return parsed


def _extend(address: str, parameters: Mapping[str, str]) -> str:
    return f"{address}{'&' if '?' in address else '?'}{urlencode(parameters)}"


def _form_encode(text: str) -> str:
    """As RFC 6749 wants name and secret of a client before they go into Basic."""
    return urlencode({"": text})[1:]


def _encode(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
