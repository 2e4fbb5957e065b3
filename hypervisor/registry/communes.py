"""A département's communes as the CSV that `inventory apply` reads.

The source is the data folder of the npm package @etalab/decoupage-administratif (Code officiel
géographique, Licence Ouverte), downloaded beforehand: nothing is downloaded here.
"""

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hypervisor.registry.departements import NAMES
from hypervisor.registry.parse_csv import COMMUNE_COLUMNS
from sensors._errors import TerritoryError
from sensors._nearest import did_you_mean


class SeedError(TerritoryError):
    """The source is not what was expected, or has no such département."""


def format_communes(departement: str, folder: Path) -> str:
    """The CSV: current communes by code, with EPCI and population, without coordinates.

    Raises SeedError: no such département, or the folder lacks its files.
    """
    if departement not in NAMES:
        raise SeedError(
            "{departement!r} is no département{hint}", departement, did_you_mean(departement, NAMES)
        )
    epci = {
        member["code"]: (group["code"], group["nom"])
        for group in _load(folder, "epci.json")
        for member in group["membres"]
    }
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\n")
    writer.writerow(COMMUNE_COLUMNS)
    for commune in sorted(_load(folder, "communes.json"), key=lambda entry: str(entry["code"])):
        if commune.get("departement") == departement and commune["type"] == "commune-actuelle":
            siren, name = epci.get(commune["code"], ("", ""))
            population = commune.get("population", "")
            writer.writerow([commune["code"], commune["nom"], siren, name, population, "", ""])
    return text.getvalue()


def _load(folder: Path, name: str) -> list[Mapping[str, Any]]:
    try:
        loads: list[Mapping[str, Any]] = json.loads((folder / name).read_text(encoding="utf-8"))
    except OSError as error:
        raise SeedError(
            "{folder} cannot be read ({reason}): expected the data folder of the npm "
            "package @etalab/decoupage-administratif",
            folder / name,
            error.strerror,
        ) from error
    except ValueError as error:
        raise SeedError("{folder} is not JSON: {error}", folder / name, error) from error
    return loads
