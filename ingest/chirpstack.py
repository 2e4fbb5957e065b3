"""ChirpStack v4's uplink event in JSON (its integration.UplinkEvent).

`time` is its own choice among a gateway's GPS time, a gateway's clock and its own. Fields that we
do not know are theirs to add.
"""

from typing import Any

from ingest.message import Reason
from ingest.reply import unusable
from ingest.uplink import Uplink, at, document, moment, object_of, payload_of, port_of

_EXPECTED = (
    'a ChirpStack v4 uplink event such as {"time": …, "deviceInfo": {"devEui": …}, "fPort": 2,'
    ' "data": …} (integration set to JSON)'
)


def read_chirpstack(payload: bytes) -> Uplink:
    """The uplink.

    Raises:
        UnusableError: it is none.
    """
    found = document(payload, expected=_EXPECTED)
    address = at(found, "deviceInfo", "devEui")
    if not isinstance(address, str) or not address:
        raise unusable(Reason.WRONG_SHAPE, f"no deviceInfo.devEui; expected {_EXPECTED}")
    carried = payload_of(found.get("data"), where="data")
    made = object_of(found.get("object"), where="object")
    port = port_of(found.get("fPort"), where="fPort", carries=bool(carried or made))
    return Uplink(
        addresses=(address,),
        time=moment(_time(found), where="time"),
        port=port,
        payload=carried,
        object_=made,
    )


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
