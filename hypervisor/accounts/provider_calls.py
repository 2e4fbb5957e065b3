"""What is said to the authority's identity provider, and how it answers.

Discovery and keys are cached, and keys read again when one is new. Every call may raise
ProviderError: it does not answer, or not as OpenID Connect says.
"""

import ssl
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from threading import BoundedSemaphore, Lock
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sensors._errors import TerritoryError

_FRESH = timedelta(hours=1)  # then discovery and keys are read again
_TIMEOUT = 5.0  # s
_AT_ONCE = 4  # conversations
_IN_LINE = 8  # with those that wait: a slow provider does not take the threads of all requests
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_Login = tuple[Mapping[str, str], tuple[str, str] | None]


class ProviderError(TerritoryError):
    """The provider does not answer, or not as OpenID Connect says."""


class SignInRefusedError(TerritoryError):
    """The sign-in is refused: says what is wrong or missing."""


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


class ProviderCalls:
    """The provider of one instance, as its client; shared by requests."""

    def __init__(self, issuer: str, client: str, secret: str) -> None:
        """Speak to `issuer` as `client`; without a secret, as a public client."""
        self.issuer, self.client, self._secret = issuer, client, secret
        self._lock = Lock()
        self._slots, self._line = BoundedSemaphore(_AT_ONCE), BoundedSemaphore(_IN_LINE)
        self._metadata: tuple[datetime, Metadata] | None = None
        self._keys: tuple[datetime, KeySet] | None = None
        self._trust = ssl.create_default_context()  # the system's, where an authority adds its own

    def discover(self, now: datetime) -> Metadata:
        """What the provider says of itself.

        Raises ProviderError: it does not, or it is another's.
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

        Raises ProviderError: there are none.
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

    @property
    def keys_read_at(self) -> datetime | None:
        return self._keys[0] if self._keys else None

    def exchange(
        self, metadata: Metadata, code: str, verifier: str, return_to: str
    ) -> Mapping[str, Any]:
        """The tokens of a code. Raises SignInRefusedError: it is not a good one."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": return_to,
            "code_verifier": verifier,
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

    def read_userinfo(self, address: str, access_token: str) -> Mapping[str, Any] | str:
        """What it says of a person; a text: a signed JWT, as from ProConnect."""
        response = self._send("GET", address, bearer=access_token)
        if response.headers.get("content-type", "").startswith("application/jwt"):
            _require_success(response, {"": ""})
            return response.text
        return _require_success(response, _parse(response))

    def _list_logins(self, offered: Collection[str]) -> list[_Login]:
        """The ways in which a client may show its secret, as fields or as Basic."""
        name = {"client_id": self.client}
        if not self._secret:
            return [(name, None)]
        ways: dict[str, _Login] = {
            "client_secret_basic": ({}, (_form_encode(self.client), _form_encode(self._secret))),
            "client_secret_post": ({**name, "client_secret": self._secret}, None),
        }
        return [way for key, way in ways.items() if key in offered] or [*ways.values()]

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
        with ExitStack() as held:
            for slots, patience in ((self._line, 0), (self._slots, _TIMEOUT)):
                if not slots.acquire(timeout=patience):
                    raise ProviderError("too many sign in at once: try again in a moment")
                held.callback(slots.release)
            yield


def _require_private(address: str) -> None:
    """Refuse addresses without TLS: traffic could be read or changed on its way."""
    where = urlsplit(address)
    if address and where.scheme != "https" and where.hostname not in _LOOPBACK:
        raise ProviderError("{address}: expected an address with https://", address)


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


def _form_encode(text: str) -> str:
    """As RFC 6749 wants name and secret of a client before they go into Basic."""
    return urlencode({"": text})[1:]
