"""What pages show of a key that somebody enrols: its code to scan, and its letters."""

from typing import Any

import segno
from fastapi import Request

from hypervisor.access import totp
from hypervisor.access.passkeys import RelyingParty, begin_showing
from hypervisor.accounts.views_login import build_url
from hypervisor.base.instance import Instance
from hypervisor.base.person import Person
from hypervisor.database.pool import Pool


def find_party(request: Request) -> RelyingParty:
    """Whom passkeys are for: this console at its address."""
    return RelyingParty.at(build_url(request, "/"))


def offer_passkey(request: Request, person: Person) -> str:
    """The options with which this session shows a passkey; empty: the account has none."""
    pool: Pool = request.app.state.pool
    with pool.writing() as connection:
        return begin_showing(connection, person, find_party(request), request.app.state.clock())


def describe_key(key: bytes | None, person: Person, instance: Instance) -> dict[str, Any]:
    """The key as letters, as a link, and as a QR code (SVG); empty: there is none."""
    if key is None:
        return {"key_text": "", "key_uri": "", "key_picture": ""}
    uri = totp.build_uri(key, account=person.name, issuer=instance.name or "Hypervisor")
    picture = segno.make(uri, error="m", micro=False).svg_inline(
        omitsize=True, border=4, dark="#000", light="#fff", svgclass="qr-code", lineclass=None
    )
    return {"key_text": totp.format_key(key), "key_uri": uri, "key_picture": picture}
