"""Our units (UCUM codes of the catalogue) as Grafana writes them.

Grafana scales what it knows by SI prefixes (0.85 m would read 850 mm, 0.4 mm 400 µm): a river is
read in metres, rain in millimetres, so those are written as they are, with a suffix.
"""

from sensors._errors import TerritoryError
from sensors._units import UnitError, check

# Our code -> Grafana's. A suffix is a unit too: "suffix:m" reads "1.23 m". A unit that is missing
# here becomes a suffix by itself.
GRAFANA = {
    "m": "suffix:m",
    "cm": "suffix:cm",
    "mm": "suffix:mm",
    "km": "suffix:km",
    "m/h": "suffix:m/h",
    "cm/h": "suffix:cm/h",
    "mm/h": "suffix:mm/h",
    "m3/s": "suffix:m³/s",
    "(m3/s)/h": "suffix:m³/s/h",
    "m3": "suffix:m³",
    "m/s": "suffix:m/s",
    "km/h": "velocitykmh",
    "Cel": "celsius",
    "hPa": "pressurehpa",
    "%": "percent",
    "deg": "degree",
    "W": "suffix:W",
    "kW": "suffix:kW",
    "W.h": "suffix:Wh",
    "kW.h": "suffix:kWh",
    "V": "suffix:V",
    "A": "suffix:A",
    "mA": "suffix:mA",
    "lx": "lux",
    "J/m2": "suffix:J/m²",
    "W/m2": "Wm2",
    "s": "suffix:s",
    "min": "suffix:min",
    "h": "suffix:h",
    "d": "suffix:d",
    "mg/l": "suffix:mg/l",
    "{veh}": "suffix:veh",
    "{veh}/h": "suffix:veh/h",
    "{veh}/km": "suffix:veh/km",
    "1": "none",
    "code": "none",
    "bool": "none",
}
DATES = {"en": "time:YYYY-MM-DD HH:mm", "fr": "time:DD/MM/YYYY HH:mm"}  # as the axes have them
_PLAIN = str.maketrans("", "", "{}()")  # "{veh}/h" reads "veh/h"
# Words for columns that are no quantity.
EXTRA = {
    "count": "none",
    "number": "none",
    "text": "string",  # a name, which may wrap
    "short": "string",  # a word or two, which may not
    "date": DATES["en"],  # in SQL a timestamptz; Grafana's own may add .000
    "ago": "dateTimeFromNow",
    "duration": "dthms",  # in SQL seconds; reads 26:05:00 in any language
    "share": "percentunit",  # in SQL 0 to 1
    "bytes": "bytes",
    "per_second": "suffix:/s",
    "per_10min": "suffix:/10 min",
    "per_day": "suffix:/d",
    "EUR": "suffix:€",
}


class DashboardError(TerritoryError):
    """A dashboard's description contradicts itself or the catalogue."""


def grafana(unit: str) -> str:
    """Grafana's id of a unit of ours; one that is not listed is written as a suffix.

    Raises:
        DashboardError: it is no unit.
    """
    unit_id = EXTRA.get(unit) or GRAFANA.get(unit)
    if unit_id is not None:
        return unit_id
    try:
        check(unit)
    except UnitError as error:
        raise DashboardError(
            f"{error}; a column that is no quantity takes one of {', '.join(sorted(EXTRA))}"
            " (dashboards/_units.py)"
        ) from error
    return "suffix:" + unit.translate(_PLAIN)
