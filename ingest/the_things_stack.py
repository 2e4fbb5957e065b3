"""The Things Stack v3's uplink message in JSON.

The time is `uplink_message.received_at`: when the network server had it; the outer `received_at`
is the application server's. Fields that we do not know are theirs to add.
"""

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
    'a The Things Stack v3 message such as {"end_device_ids": {"device_id": …, "dev_eui": …},'
    ' "uplink_message": {"f_port": 1, "frm_payload": …, "received_at": …}}'
)
# What else may come in the same envelope, and measures nothing.
_OTHERS = ("join_accept", "location_solved", "service_data", "uplink_normalized")


def read_the_things_stack(payload: bytes) -> Uplink | None:
    """The uplink; None where the message is about something else.

    Raises:
        UnusableError: it is none.
    """
    message = parse_document(payload, expected=_EXPECTED)
    uplink = message.get("uplink_message")
    if not isinstance(uplink, dict):
        if uplink is None and any(
            name in _OTHERS or name.startswith("downlink_") for name in message
        ):
            return None
        raise unusable(Reason.WRONG_SHAPE, "no uplink_message; expected {example}", _EXPECTED)
    names = [get_path(message, "end_device_ids", name) for name in ("dev_eui", "device_id")]
    addresses = tuple(name for name in names if isinstance(name, str) and name)
    if not addresses:
        raise unusable(
            Reason.WRONG_SHAPE, "end_device_ids has no dev_eui; expected {example}", _EXPECTED
        )
    if message.get("simulated") not in (None, False):
        raise unusable(
            Reason.SIMULATED, "made in the network server's console: nothing was measured"
        )
    when = uplink.get("received_at")
    data = parse_payload(uplink.get("frm_payload"), where="uplink_message.frm_payload")
    decoded = check_object(uplink.get("decoded_payload"), where="uplink_message.decoded_payload")
    port = parse_port(
        uplink.get("f_port"), where="uplink_message.f_port", carries=bool(data or decoded)
    )
    return Uplink(
        addresses=addresses,
        time=parse_uplink_time(
            message.get("received_at") if when is None else when, where="uplink_message.received_at"
        ),
        port=port,
        payload=data,
        object_=decoded,
    )
