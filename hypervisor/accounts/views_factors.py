"""What pages show of a key that somebody enrols: its code to scan, and its letters."""

from typing import Any

import segno

from hypervisor.access import totp
from hypervisor.base.instance import Instance
from hypervisor.base.person import Person


def describe_key(key: bytes | None, person: Person, instance: Instance) -> dict[str, Any]:
    """The key as letters, as a link, and as a QR code (SVG); empty: there is none."""
    if key is None:
        return {"key_text": "", "key_uri": "", "key_picture": ""}
    uri = totp.build_uri(key, account=person.name, issuer=instance.name or "Hypervisor")
    picture = segno.make(uri, error="m", micro=False).svg_inline(
        omitsize=True, border=4, dark="#000", light="#fff", svgclass="qr-code", lineclass=None
    )
    return {"key_text": totp.format_key(key), "key_uri": uri, "key_picture": picture}
