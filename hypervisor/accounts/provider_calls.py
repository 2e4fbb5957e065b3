"""What is said to the authority's identity provider, and how it answers.

Discovery and keys are cached, and keys read again when one is new. Every call may raise
ProviderError: it does not answer, or not as OpenID Connect says. Whatever it answers is bounded in
size, depth and time.
"""

import asyncio
import ssl
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import BoundedSemaphore, Lock
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
from cryptography.exceptions import UnsupportedAlgorithm
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hypervisor.base.http_body import ACCEPTED, read_pieces
from sensors._errors import TerritoryError
from sensors._foreign import ForeignError, make_excerpt, read_identifier, read_json

_FRESH = timedelta(hours=1)  # then discovery and keys are read again
_TIMEOUT = 5.0  # s, for a whole answer, however slowly it drips
_LARGEST = 512 * 1024  # bytes of an answer, unpacked
_LONGEST_ADDRESS = 2_000  # characters
_LONGEST_TOKEN = 50_000  # characters
_MOST_KEYS = 100
_KINDS_OF_KEY = ("RSA", "EC")  # others sign in no way that we believe
_AT_ONCE = 4  # conversations
_IN_LINE = 8  # with those that wait: a slow provider does not take the threads of all requests
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_Login = tuple[Mapping[str, str], tuple[str, str] | None]
# What joserfc and the libraries below it raise where a key or a token has a shape of its own.
LIBRARY_ERRORS = (
    *(JoseError, UnsupportedAlgorithm, ValueError, TypeError, LookupError, AttributeError),
    *(ArithmeticError, RecursionError),
)


class ProviderError(TerritoryError):
    """The provider does not answer, or not as OpenID Connect says."""


class SignInRefusedError(TerritoryError):
    """The sign-in is refused: says what is wrong or missing."""


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What came back. `content`: its JSON object; empty: it is none."""

    address: str
    status: int
    kind: str
    body: bytes
    content: Mapping[str, Any]


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
                make_excerpt(metadata.issuer, 200),
                self.issuer,
            )
        for needed in (metadata.authorization_endpoint, metadata.token_endpoint, metadata.jwks_uri):
            _require_private(needed)
        for endpoint in (metadata.userinfo_endpoint, metadata.end_session_endpoint):
            if endpoint:
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
            if len(answer["keys"]) > _MOST_KEYS:
                raise ValueError(f"more than {_MOST_KEYS}")
            own = [key for key in answer["keys"] if key["kty"] in _KINDS_OF_KEY]
            keys = KeySet.import_key_set({"keys": own})
        except LIBRARY_ERRORS as error:
            reason = make_excerpt(str(error), 200) or type(error).__name__
            raise ProviderError("{address} holds no keys: {error}", address, reason) from error
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
            reply = self._send("POST", metadata.token_endpoint, data={**form, **own}, login=login)
            if reply.status != httpx.codes.UNAUTHORIZED:
                break  # else it may want the secret in the other way, and the code is still good
        if reply.status == httpx.codes.BAD_REQUEST and reply.content.get("error"):
            raise SignInRefusedError(
                "the identity provider does not take this code ({reason}): sign in again",
                make_excerpt(str(reply.content["error"]), 50),
            )
        return _require_success(reply)

    def read_userinfo(self, address: str, access_token: object) -> Mapping[str, Any] | str:
        """What it says of a person; a text: a signed JWT, as from ProConnect."""
        try:
            bearer = read_identifier(access_token, longest=_LONGEST_TOKEN)
        except ForeignError as error:
            raise ProviderError(
                "the identity provider's access token cannot be used: {problem}", error
            ) from error
        reply = self._send("GET", address, bearer=bearer)
        if reply.kind.startswith("application/jwt") and reply.status == httpx.codes.OK:
            return reply.body.decode("ascii", "replace")
        return _require_success(reply)

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
        return _require_success(self._send(method, address))

    def _send(
        self,
        method: str,
        address: str,
        *,
        data: Mapping[str, str] | None = None,
        login: tuple[str, str] | None = None,
        bearer: str = "",
    ) -> Reply:
        headers = {"Accept-Encoding": ACCEPTED}
        if bearer:
            headers["Authorization"] = f"Bearer {bearer}"
        host = urlsplit(address).netloc or address
        try:
            with self._take_slot():
                return asyncio.run(self._converse(method, address, headers, data, login))
        except TimeoutError as error:
            raise ProviderError(
                "the identity provider {host} does not answer within {count:g} s", host, _TIMEOUT
            ) from error
        except ForeignError as error:
            raise ProviderError(
                "the answer of the identity provider {host} cannot be used: {problem}", host, error
            ) from error
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            raise ProviderError(
                "the identity provider {host} does not answer: {error}",
                host,
                make_excerpt(str(error), 200),
            ) from error

    async def _converse(
        self,
        method: str,
        address: str,
        headers: Mapping[str, str],
        data: Mapping[str, str] | None,
        login: tuple[str, str] | None,
    ) -> Reply:
        """One request and its answer. Raises TimeoutError: it takes longer than we wait."""
        async with (
            asyncio.timeout(_TIMEOUT),
            httpx.AsyncClient(verify=self._trust, timeout=_TIMEOUT, auth=login) as client,
            client.stream(method, address, data=data, headers=headers) as response,
        ):
            body = b"".join([piece async for piece in read_pieces(response, _LARGEST)])
            kind = response.headers.get("content-type", "")
            return Reply(
                address=str(response.url.copy_with(query=None)),
                status=response.status_code,
                kind=kind,
                body=body,
                content={} if kind.startswith("application/jwt") else _parse(body),
            )

    @contextmanager
    def _take_slot(self) -> Iterator[None]:
        with ExitStack() as held:
            for slots, patience in ((self._line, 0), (self._slots, _TIMEOUT)):
                if not slots.acquire(timeout=patience):
                    raise ProviderError("too many sign in at once: try again in a moment")
                held.callback(slots.release)
            yield


def _require_private(address: str) -> None:
    """Refuse what is no address, and addresses without TLS: traffic could be read or changed."""
    try:
        where = urlsplit(read_identifier(address, longest=_LONGEST_ADDRESS))
        host = where.hostname if where.port != 0 else None
        httpx.URL(address)
    except (ForeignError, ValueError, httpx.InvalidURL):
        host = None
    if not host or not (where.scheme == "https" or (where.scheme == "http" and host in _LOOPBACK)):
        raise ProviderError(
            "{address}: expected an address with https://", make_excerpt(address, 200)
        )


def _parse(body: bytes) -> Mapping[str, Any]:
    """The object of an answer; empty: it is none. Raises ForeignError: it is nested too deep."""
    if not body.lstrip().startswith(b"{"):
        return {}
    parsed = read_json(body)
    return parsed if isinstance(parsed, dict) else {}


def _require_success(reply: Reply) -> Mapping[str, Any]:
    if reply.status != httpx.codes.OK or not reply.content:
        raise ProviderError(
            "{address} answers {number}: {reason}",
            reply.address,
            reply.status,
            make_excerpt(str(reply.content.get("error", "nothing that can be read")), 100),
        )
    return reply.content


def _form_encode(text: str) -> str:
    """As RFC 6749 wants name and secret of a client before they go into Basic."""
    return urlencode({"": text})[1:]
