"""The Things Stack v3's uplink message in JSON.

The time is `uplink_message.received_at`: when the network server had it; the outer `received_at`
is the application server's. Fields that we do not know are theirs to add.
"""

from ingest.message import Reason
from ingest.reply import Refusal
from ingest.uplink import Uplink, at, document, moment, payload_of, port_of

_EXPECTED = (
    'a The Things Stack v3 message such as {"end_device_ids": {"device_id": …, "dev_eui": …},'
    ' "uplink_message": {"f_port": 1, "frm_payload": …, "received_at": …}}'
)
# What else comes in the same envelope, and measures nothing.
_OTHERS = ("join_accept", "location_solved", "service_data", "uplink_normalized")


def read_the_things_stack(payload: bytes) -> Uplink | Refusal | None:
    """The uplink; None where there is nothing to store in it."""
    found = document(payload, expected=_EXPECTED)
    if isinstance(found, Refusal):
        return found
    said = found.get("uplink_message")
    if not isinstance(said, dict):
        if any(name in _OTHERS or name.startswith("downlink_") for name in found):
            return None
        return Refusal(reason=Reason.WRONG_SHAPE, detail=f"no uplink_message; expected {_EXPECTED}")
    names = [at(found, "end_device_ids", name) for name in ("dev_eui", "device_id")]
    addresses = tuple(name for name in names if isinstance(name, str) and name)
    if not addresses:
        detail = f"no end_device_ids.dev_eui and no device_id there; expected {_EXPECTED}"
        return Refusal(reason=Reason.WRONG_SHAPE, detail=detail)
    if found.get("simulated") is True or at(said, "settings", "simulated") is True:
        detail = "the network server's console made this message; it was never measured"
        return Refusal(reason=Reason.SIMULATED, detail=detail)
    when = said.get("received_at") or found.get("received_at")
    time = moment(when, where="uplink_message.received_at")
    port = port_of(said.get("f_port"), where="uplink_message.f_port")
    data = payload_of(said.get("frm_payload"), where="uplink_message.frm_payload")
    for part in (time, port, data):
        if isinstance(part, Refusal):
            return part
    made = said.get("decoded_payload")
    uplink = Uplink(
        addresses=addresses,
        time=time,  # type: ignore[arg-type]  no Refusal, as seen above
        port=port,  # type: ignore[arg-type]
        payload=data,  # type: ignore[arg-type]
        object_=made if isinstance(made, dict) else None,
    )
    return None if uplink.silent else uplink
