"""Signing in with the authority's identity provider: whom to believe, and what they said.

OpenID Connect, authorization code flow with PKCE. Every call may raise ProviderError.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from joserfc import jws, jwt
from joserfc.errors import BadSignatureError, InvalidKeyIdError, InvalidPayloadError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from hypervisor.access import secrets
from hypervisor.accounts.provider_calls import LIBRARY_ERRORS, ProviderCalls, SignInRefusedError
from hypervisor.base.settings import Settings
from sensors._foreign import ForeignError, make_excerpt, read_identifier, read_json

# Only signatures with a key that the provider alone has.
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
_REGISTRY = JWSRegistry(algorithms=_ALGORITHMS, strict_check_header=False)
_PAUSE = timedelta(seconds=10)  # between two readings of the keys, which any client can cause
_SKEW = 60  # s by which both clocks may differ
_LONGEST_TOKEN = 50_000  # characters
_LONGEST_CODE = 4_000  # characters
_LONGEST_SUBJECT = 255  # characters, as the standard has it; so are a session's
_NOT_VALID = "what the identity provider signed is not valid: {reason}"
_OLDEST = 7 * 24 * 3600  # s since they signed in at the provider, which then says when (auth_time)
_LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"


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
    """A person as the provider identifies them.

    `sid`: the provider's session, `acr`: how strong the sign-in was, `auth_time`: when they last
    showed the provider who they are, each if it says so.
    """

    issuer: str
    subject: str
    sid: str | None
    id_token: str
    acr: str | None = None
    auth_time: datetime | None = None
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


class Provider(ProviderCalls):
    """Sign-ins and sign-outs of one instance; shared by requests."""

    def build_authorization_url(  # noqa: PLR0913  what a sign-in is
        self,
        pending: PendingSignIn,
        return_to: str,
        *,
        scopes: Sequence[str],
        acr: Sequence[str],
        now: datetime,
        anew: bool = False,
    ) -> str:
        """Where the browser goes to sign in; it comes back to `return_to`.

        `anew`: even where the provider still has a session of theirs.
        """
        parameters = {
            "response_type": "code",
            "client_id": self.client,
            "redirect_uri": return_to,
            "scope": " ".join(dict.fromkeys(("openid", *scopes))),
            "state": pending.state,
            "nonce": pending.nonce,
            "code_challenge": pending.challenge,
            "code_challenge_method": "S256",
        }
        parameters["max_age"] = str(_OLDEST)
        if anew:
            parameters |= {"prompt": "login", "max_age": "0"}
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

        Raises SignInRefusedError: the provider refused, or what it gave is not ours to believe.
        """
        metadata = self.discover(now)
        must_name_itself = metadata.authorization_response_iss_parameter_supported
        if (answer.issuer or must_name_itself) and answer.issuer != self.issuer:
            raise SignInRefusedError("this answer is not of our identity provider: sign in again")
        if answer.error or not answer.code:
            raise SignInRefusedError(
                "the identity provider refused: {reason}",
                make_excerpt(answer.description, 200)
                or make_excerpt(answer.error, 50)
                or "no code",
            )
        code = _read_identifier({"code": answer.code}, "code", longest=_LONGEST_CODE)
        tokens = self.exchange(metadata, code, pending.verifier, return_to)
        id_token = tokens.get("id_token")
        claims = self._verify(id_token, now, exp={"essential": True}, sub={"essential": True},
                              nonce={"essential": True, "value": pending.nonce})  # fmt: skip
        _require_party(claims, self.client)
        if acr and claims.get("acr") not in acr:
            raise SignInRefusedError(
                "the identity provider's sign-in was not strong enough: acr is {level!r}, "
                "expected {levels}",
                make_excerpt(str(claims.get("acr", "")), 100),
                ", ".join(acr),
            )
        auth_time = _read_time(claims.get("auth_time"), now)
        if metadata.userinfo_endpoint:
            userinfo = self.read_userinfo(metadata.userinfo_endpoint, tokens.get("access_token"))
            if isinstance(userinfo, str):
                userinfo = self._verify(userinfo, now)
            if userinfo.get("sub") != claims["sub"]:
                raise SignInRefusedError("the identity provider's answers name two people")
            claims = {**userinfo, **claims}
        return Identity(
            issuer=self.issuer,
            subject=_read_identifier(claims, "sub"),
            sid=_read_identifier(claims, "sid") if _has(claims, "sid") else None,
            id_token=str(id_token),
            acr=_read_identifier(claims, "acr") if _has(claims, "acr") else None,
            auth_time=auth_time,
            claims=claims,
        )

    def read_logout_token(self, token: str, now: datetime) -> EndedSession:
        """What a logout token of the back channel ends.

        Raises SignInRefusedError: it is none, or not for us.
        """
        claims = self._verify(token, now, trusted=False, exp={"essential": True})
        events = claims.get("events")
        subject, sid = (
            _read_identifier(claims, name) if _has(claims, name) else None
            for name in ("sub", "sid")
        )
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
            "client_id": self.client,
            "post_logout_redirect_uri": return_to,
            "state": state,
        }
        return _extend(address, parameters) if address else None

    def _verify(
        self, token: object, now: datetime, *, trusted: bool = True, **wanted_claims: Any
    ) -> dict[str, Any]:
        """The claims of a token that the provider signed, for us, and that has not expired.

        `trusted`: the provider itself gave it to us, so that it may name a new key at any time.
        Raises SignInRefusedError: it is not.
        """
        needed = bool(wanted_claims)
        registry = jwt.JWTClaimsRegistry(
            now=int(now.timestamp()),
            leeway=_SKEW,
            iss={"essential": needed, "value": self.issuer},
            aud={"essential": needed, "value": self.client},
            iat={"essential": needed},
            **wanted_claims,
        )
        try:
            claims = self._decode(
                read_identifier(token, longest=_LONGEST_TOKEN), now, trusted=trusted
            )
            registry.validate(claims)
        except ForeignError as error:
            raise SignInRefusedError(_NOT_VALID, error) from error
        except LIBRARY_ERRORS as error:
            reason = make_excerpt(str(error), 200) or type(error).__name__
            raise SignInRefusedError(_NOT_VALID, reason) from error
        return claims

    def _decode(self, token: str, now: datetime, *, trusted: bool) -> dict[str, Any]:
        keys = self.read_keys(now)
        try:
            payload = _read_payload(token, keys)
        except (BadSignatureError, InvalidKeyIdError):
            if not trusted and now - (self.keys_read_at or now) < _PAUSE:
                raise
            payload = _read_payload(token, self.read_keys(now, renew=True))
        claims = read_json(payload)
        if not isinstance(claims, dict):
            raise InvalidPayloadError
        return claims


def load_provider(settings: Settings) -> Provider | None:
    """The provider of the settings; None: there is none."""
    if not settings.oidc_issuer or not settings.oidc_client_id:
        return None
    return Provider(settings.oidc_issuer, settings.oidc_client_id, settings.oidc_client_secret)


def _read_payload(token: str, keys: KeySet) -> bytes:
    signed = jws.deserialize_compact(token, keys, algorithms=_ALGORITHMS, registry=_REGISTRY)
    return signed.payload or b""


def _require_party(claims: Mapping[str, Any], client: str) -> None:
    several = isinstance(claims.get("aud"), list) and len(claims["aud"]) > 1
    if claims.get("azp", None if several else client) != client:
        raise SignInRefusedError("the identity provider's token is for another program")


def _read_time(at: object, now: datetime) -> datetime | None:
    if isinstance(at, bool) or not isinstance(at, int) or not 0 < at < now.timestamp() + _SKEW:
        return None
    return min(now, datetime.fromtimestamp(at, tz=now.tzinfo))


def _extend(address: str, parameters: Mapping[str, str]) -> str:
    return f"{address}{'&' if '?' in address else '?'}{urlencode(parameters)}"


def _encode(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _has(claims: Mapping[str, Any], name: str) -> bool:
    return claims.get(name) not in (None, "")


def _read_identifier(
    claims: Mapping[str, Any], name: str, *, longest: int = _LONGEST_SUBJECT
) -> str:
    """What is compared and stored as it is. Raises SignInRefusedError: it cannot be."""
    try:
        return read_identifier(claims.get(name), longest=longest)
    except ForeignError as error:
        raise SignInRefusedError(
            "what the identity provider calls {code} cannot be used: {problem}", name, error
        ) from error
