"""Passkeys (WebAuthn): a challenge for this session, and what an authenticator signs of it."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

import webauthn
from webauthn.helpers import exceptions, parse_authentication_credential_json
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from hypervisor.access import factors, queries_factors, queries_passkeys
from hypervisor.access.errors import AccountError
from hypervisor.access.service import Transaction
from hypervisor.base.person import Person
from hypervisor.database.connect import Connection

_ADD, _SHOW = "add passkey", "show passkey"
_INVALID = (exceptions.WebAuthnException, ValueError, KeyError, TypeError, RecursionError)
_LONGEST = 20_000  # characters of what an authenticator answers


@dataclass(frozen=True, kw_only=True)
class RelyingParty:
    """Whom passkeys are for: the origin of the console, and its host's name."""

    origin: str
    host: str

    @classmethod
    def at(cls, address: str) -> "RelyingParty":
        parts = urlsplit(address)
        return cls(origin=f"{parts.scheme}://{parts.netloc}", host=parts.hostname or "")


def begin_adding(
    connection: Connection, person: Person, party: RelyingParty, name: str, now: datetime
) -> str:
    """The options with which a browser makes a passkey (JSON)."""
    options = webauthn.generate_registration_options(
        rp_id=party.host,
        rp_name=name,
        user_id=str(person.account).encode(),
        user_name=person.name,
        user_display_name=person.title,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.DISCOURAGED,
            user_verification=UserVerificationRequirement.PREFERRED,
        ),
        exclude_credentials=_describe(connection, person),
    )
    _give(connection, person, _ADD, options.challenge, now)
    return webauthn.options_to_json(options)


def begin_showing(
    connection: Connection, person: Person, party: RelyingParty, now: datetime
) -> str:
    """The options with which a browser shows one of the account's passkeys; empty: it has none."""
    known_keys = _describe(connection, person)
    if not known_keys:
        return ""
    options = webauthn.generate_authentication_options(
        rp_id=party.host, allow_credentials=known_keys
    )
    _give(connection, person, _SHOW, options.challenge, now)
    return webauthn.options_to_json(options)


def add(
    writing: Transaction, person: Person, party: RelyingParty, answer: str, *, now: datetime
) -> list[str]:
    """Take a new passkey; other recovery codes. Raises AccountError: it is not valid."""
    challenge = _take(writing, person, _ADD, now)
    try:
        made = webauthn.verify_registration_response(
            credential=answer[:_LONGEST],
            expected_challenge=challenge,
            expected_rp_id=party.host,
            expected_origin=party.origin,
        )
    except _INVALID as error:
        raise AccountError("this passkey is not valid: begin again") from error
    with writing() as connection:
        if not queries_passkeys.insert_passkey(
            connection,
            person.account,
            made.credential_id,
            public_key=made.credential_public_key,
            count=made.sign_count,
            at=now,
        ):
            raise AccountError("this passkey is not valid: begin again")
        return factors.add_factor(connection, person, "passkey")


def check(
    writing: Transaction, person: Person, party: RelyingParty, answer: str, *, now: datetime
) -> str:
    """That the account's passkey signed this session's challenge, which is void from now on.

    Raises AccountError: it did not.
    """
    challenge = _take(writing, person, _SHOW, now)
    with writing() as connection:
        try:
            credential = parse_authentication_credential_json(answer[:_LONGEST])
            key = queries_passkeys.lock_passkey(connection, person.account, credential.raw_id)
            if key is None:
                raise AccountError("this passkey is not valid: begin again")
            shown = webauthn.verify_authentication_response(
                credential=credential,
                expected_challenge=challenge,
                expected_rp_id=party.host,
                expected_origin=party.origin,
                credential_public_key=key[0],
                credential_current_sign_count=key[1],
            )
        except _INVALID as error:
            raise AccountError("this passkey is not valid: begin again") from error
        queries_passkeys.record_use(
            connection, credential.raw_id, count=shown.new_sign_count, at=now
        )
    return "passkey"


def _describe(connection: Connection, person: Person) -> list[PublicKeyCredentialDescriptor]:
    keys = queries_passkeys.list_ids(connection, person.account)
    return [PublicKeyCredentialDescriptor(id=key) for key in keys]


def _give(
    connection: Connection, person: Person, act: str, challenge: bytes, now: datetime
) -> None:
    if person.session is not None:
        queries_factors.put_challenge(connection, person.session, act, challenge, now)


def _take(writing: Transaction, person: Person, act: str, now: datetime) -> bytes:
    """The challenge of this session, once: also an answer that is refused uses it up."""
    with writing() as connection:
        challenge = queries_factors.take_challenge(
            connection, person.session, act, since=now - factors.ENROLLING_FOR
        )
    if challenge is None:
        raise AccountError("this passkey is not valid: begin again")
    return challenge
