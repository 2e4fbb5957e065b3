"""ChirpStack v4's uplink event in JSON (its integration.UplinkEvent).

`time` is its own choice among a gateway's GPS time, a gateway's clock and its own. Fields that we
do not know are theirs to add.
"""

from typing import Any

from ingest.message import Reason
from ingest.reply import unusable
from ingest.uplink import (
    Uplink,
    check_object,
    get_path,
    parse_document,
    parse_payload,
    parse_port,
    parse_uplink_time,
)
from sensors._errors import Message

_EXPECTED = Message(
    'a ChirpStack v4 uplink event such as {"time": …, "deviceInfo": {"devEui": …}, "fPort": 2,'
    ' "data": …} (integration set to JSON)'
)


def read_chirpstack(payload: bytes) -> Uplink:
    """The uplink.

    Raises:
        UnusableError: it is none.
    """
    event = parse_document(payload, expected=_EXPECTED)
    address = get_path(event, "deviceInfo", "devEui")
    if not isinstance(address, str) or not address:
        raise unusable(Reason.WRONG_SHAPE, "no deviceInfo.devEui; expected {example}", _EXPECTED)
    data = parse_payload(event.get("data"), where="data")
    decoded = check_object(event.get("object"), where="object")
    port = parse_port(event.get("fPort"), where="fPort", carries=bool(data or decoded))
    return Uplink(
        addresses=(address,),
        time=parse_uplink_time(_time(event), where="time"),
        port=port,
        payload=data,
        object_=decoded,
    )


def _time(event: dict[str, Any]) -> object:
    """As the server says, or else when it says that it had it from a gateway."""
    if event.get("time") is not None:
        return event["time"]
    receipts = event.get("rxInfo")
    if isinstance(receipts, list):
        for name in ("nsTime", "gwTime"):
            for receipt in receipts:
                if get_path(receipt, name) is not None:
                    return get_path(receipt, name)
    return None
