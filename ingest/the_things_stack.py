"""The Things Stack v3's uplink message in JSON.

The time is `uplink_message.received_at`: when the network server had it; the outer `received_at`
is the application server's. Fields that we do not know are theirs to add.
"""

from ingest.message import Reason
from ingest.reply import unusable
from ingest.uplink import Uplink, at, document, moment, object_of, payload_of, port_of

_EXPECTED = (
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
    found = document(payload, expected=_EXPECTED)
    said = found.get("uplink_message")
    if not isinstance(said, dict):
        if said is None and any(name in _OTHERS or name.startswith("downlink_") for name in found):
            return None
        raise unusable(Reason.WRONG_SHAPE, f"no uplink_message; expected {_EXPECTED}")
    names = [at(found, "end_device_ids", name) for name in ("dev_eui", "device_id")]
    addresses = tuple(name for name in names if isinstance(name, str) and name)
    if not addresses:
        raise unusable(Reason.WRONG_SHAPE, f"end_device_ids has no dev_eui; expected {_EXPECTED}")
    if found.get("simulated") not in (None, False):
        raise unusable(
            Reason.SIMULATED, "made in the network server's console: nothing was measured"
        )
    when = said.get("received_at")
    carried = payload_of(said.get("frm_payload"), where="uplink_message.frm_payload")
    made = object_of(said.get("decoded_payload"), where="uplink_message.decoded_payload")
    port = port_of(said.get("f_port"), where="uplink_message.f_port", carries=bool(carried or made))
    return Uplink(
        addresses=addresses,
        time=moment(
            found.get("received_at") if when is None else when, where="uplink_message.received_at"
        ),
        port=port,
        payload=carried,
        object_=made,
    )
