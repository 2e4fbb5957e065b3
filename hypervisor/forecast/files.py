"""Fitted models in a file: written where a record is at hand, stored by an instance later."""

import gzip
import json
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Any

from hypervisor.forecast.service import Fitted
from hypervisor.forecast.skill import result_from_json, result_to_json
from rules._forecast import model_from_json, model_to_json
from sensors._errors import TerritoryError
from sensors._foreign import ForeignError, read_file, read_text
from sensors._scalars import ScalarError, instant

EXAMPLE = "forecasts.json.gz"  # of an example's folder
_LARGEST = 256 * 2**20  # bytes of a file, unpacked
_LONGEST = 1_000  # characters of its author and its reason


class ModelFileError(TerritoryError):
    """A file holds no models that this version reads."""


@dataclass(frozen=True, kw_only=True)
class ModelFile:
    """Models with what was measured of them, in force from `effective` on."""

    effective: datetime
    author: str
    reason: str
    fitted: tuple[Fitted, ...]


def write_models(path: Path, models: ModelFile) -> None:
    """Write models as JSON; gzip if the name ends in .gz, the same bytes each time."""
    written = {
        "effective": models.effective.isoformat(),
        "author": models.author,
        "reason": models.reason,
        "gauges": [_to_json(fitted) for fitted in models.fitted],
    }
    content = json.dumps(written, ensure_ascii=False).encode()
    path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)


def read_models(name: str) -> ModelFile:
    """Models of a file, or those shipped with an example.

    Raises:
        ModelFileError: there is no such file, or it is none of `forecast fit --output`.
    """
    example = resources.files("hypervisor.examples") / name / EXAMPLE
    file = Path(name)
    try:
        with (file if file.is_file() else example).open("rb") as opened:
            content = read_file(opened, _LARGEST)
    except ForeignError as error:
        raise ModelFileError("{file} cannot be read: {problem}", name, error) from error
    except OSError as error:
        raise ModelFileError(
            "{file}: no such file, and no example of that name has forecasts", name
        ) from error
    try:
        written = json.loads(content)
        return ModelFile(
            effective=instant(written["effective"]),
            author=read_text(written["author"], longest=_LONGEST),
            reason=read_text(written["reason"], longest=_LONGEST),
            fitted=tuple(_from_json(gauge) for gauge in written["gauges"]),
        )
    except (ScalarError, ForeignError) as error:
        raise ModelFileError("{file} cannot be read: {problem}", name, error) from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ModelFileError(
            "{file} holds no models of this version: write them again with `hypervisor forecast"
            " fit --output`",
            name,
        ) from error


def _to_json(fitted: Fitted) -> dict[str, Any]:
    return {
        "model": None if fitted.model is None else model_to_json(fitted.model),
        "result": result_to_json(fitted.result),
        "span": fitted.span,
        "readings": fitted.readings,
    }


def _from_json(written: Any) -> Fitted:
    result = result_from_json(written["result"])
    if result is None:
        raise ValueError("a result of another version")
    model = None if written["model"] is None else model_from_json(written["model"])
    if model is not None and (model.site, model.quantity) != (result.site, result.quantity):
        raise ValueError("a model of another gauge")
    return Fitted(
        site=result.site,
        quantity=result.quantity,
        model=model,
        result=result,
        span=None if written["span"] is None else tuple(written["span"]),
        readings=written["readings"],
    )
