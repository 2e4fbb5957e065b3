"""What was measured of a gauge's forecasts, kept with its model and read by people."""

from dataclasses import replace
from typing import Any

import msgspec

from hypervisor.forecast.fit import PERSISTENCE, TREND
from hypervisor.forecast.verification import CHOSEN, GaugeResult
from sensors._errors import Message

KEPT = (CHOSEN, TREND, PERSISTENCE)


def result_to_json(result: GaugeResult) -> Any:
    """A result as JSON, with what is issued and both baselines; µs as numbers."""
    kept = replace(
        result,
        horizons=tuple(
            replace(
                horizon,
                methods=tuple(each for each in horizon.methods if each.method in KEPT),
            )
            for horizon in result.horizons
        ),
    )
    return msgspec.to_builtins(kept, enc_hook="".join)


def result_from_json(value: Any) -> GaugeResult | None:
    """The result; None: another version wrote it, in a form that is not read any more."""
    try:
        return msgspec.convert(value, GaugeResult, dec_hook=_read_message)
    except msgspec.ValidationError:
        return None


def _read_message(kind: type, value: Any) -> Any:
    if kind is Message and isinstance(value, str):
        return Message(value)
    raise NotImplementedError
