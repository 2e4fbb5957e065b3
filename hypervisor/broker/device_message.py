"""Send one message as a device, to try its account and its way to a reading."""

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime

from paho.mqtt import MQTTException, publish

from hypervisor.base.settings import Settings
from hypervisor.broker.errors import StackError


def send_reading(
    settings: Settings, device: str, password: str, values: Mapping[str, float | bool]
) -> None:
    """Publish values measured now, QoS 1, and wait for the broker's acknowledgement.

    Raises StackError: the broker does not answer, or refuses the name and the password.
    """
    logging.getLogger("paho").addHandler(logging.NullHandler())  # it reports its own farewell
    host, port = settings.broker_host, settings.broker_port
    try:
        publish.single(
            f"devices/{device}/readings",
            json.dumps({"time": datetime.now(UTC).isoformat(), "values": dict(values)}),
            qos=1,
            hostname=host,
            port=port,
            client_id=device,
            auth={"username": device, "password": password},
        )
    except MQTTException as error:
        raise StackError(
            "the broker at {host}:{port} refuses {device!r} and this password: {error};"
            " `hypervisor device rotate {device2}` gives a new password",
            *(host, port, device, str(error), device),
        ) from error
    except OSError as error:
        raise StackError(
            "no broker answers at {host}:{port}: {error}; `hypervisor up` starts one",
            *(host, port, error.strerror or str(error)),
        ) from error
