"""ChirpStack v4's uplink event in JSON (its integration.UplinkEvent).

`time` is its own choice among a gateway's GPS time, a gateway's clock and its own. Fields that we
do not know are theirs to add.
"""

from typing import Any

from ingest.message import Reason
from ingest.reply import Refusal
from ingest.uplink import Uplink, at, document, moment, payload_of, port_of

_EXPECTED = (
    'a ChirpStack v4 uplink event such as {"time": …, "deviceInfo": {"devEui": …}, "fPort": 2,'
    ' "data": …} (integration set to JSON)'
)


def read_chirpstack(payload: bytes) -> Uplink | Refusal | None:
    """The uplink; None where there is nothing to store in it."""
    found = document(payload, expected=_EXPECTED)
    if isinstance(found, Refusal):
        return found
    address = at(found, "deviceInfo", "devEui")
    if not isinstance(address, str) or not address:
        detail = f"no deviceInfo.devEui; expected {_EXPECTED}"
        return Refusal(reason=Reason.WRONG_SHAPE, detail=detail)
    time = moment(_time(found), where="time")
    port = port_of(found.get("fPort"), where="fPort")
    data = payload_of(found.get("data"), where="data")
    for part in (time, port, data):
        if isinstance(part, Refusal):
            return part
    made = found.get("object")
    uplink = Uplink(
        addresses=(address,),
        time=time,  # type: ignore[arg-type]  no Refusal, as seen above
        port=port,  # type: ignore[arg-type]
        payload=data,  # type: ignore[arg-type]
        object_=made if isinstance(made, dict) else None,
    )
    return None if uplink.silent else uplink


def _time(found: dict[str, Any]) -> object:
    """As the server says, or else when it says that it had it from a gateway."""
    if found.get("time") is not None:
        return found["time"]
    receipts = found.get("rxInfo")
    if isinstance(receipts, list):
        for name in ("nsTime", "gwTime"):
            for each in receipts:
                if at(each, name) is not None:
                    return at(each, name)
    return None
