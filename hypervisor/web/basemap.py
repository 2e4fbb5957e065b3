"""The picture under maps, where a setting names some: IGN's plan, tiles, or a file of one's own.

The console's map and Grafana's take the same setting; Grafana takes no file.
"""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from hypervisor.web.pmtiles import SUFFIX, Pmtiles, PmtilesError, read_pmtiles
from sensors._errors import TerritoryError

IGN = "ign"
FILE_ADDRESS = "/map/basemap.pmtiles"
_PLAN = (
    "https://data.geopf.fr/wmts?SERVICE=WMTS&REQUEST=GetTile&VERSION=1.0.0"
    "&LAYER=GEOGRAPHICALGRIDSYSTEMS.PLANIGNV2&STYLE=normal&FORMAT=image/png"
    "&TILEMATRIXSET=PM&TILEMATRIX={z}&TILEROW={y}&TILECOL={x}"
)
_PLACES = ("{z}", "{x}", "{y}")


class BasemapError(TerritoryError):
    """What was given names no tiles."""


@dataclass(frozen=True, kw_only=True)
class Basemap:
    """What the map's page needs. `address` empty: none; `problem`: why the file cannot be shown."""

    address: str = ""
    words: str = ""
    file: Pmtiles | None = None
    problem: PmtilesError | None = None


def describe(setting: str, folder: Path) -> Basemap:
    """The basemap that a setting names, in the instance's folder."""
    if not is_file(setting):
        return Basemap(address=template(setting), words=words(setting))
    try:
        file = read_pmtiles(folder, setting.strip())
    except PmtilesError as error:
        return Basemap(problem=error)
    return Basemap(address=f"{FILE_ADDRESS}?v={file.mark}", words=file.attribution, file=file)


def is_file(setting: str) -> bool:
    """Whether it names a file of the instance's folder."""
    return setting.strip().lower().endswith(SUFFIX) and not origin(setting)


def template(setting: str) -> str:
    """The address of a tile with {z} {x} {y}; empty: none is set, or what is set names none."""
    url = _PLAN if setting.strip().lower() == IGN else setting.strip()
    return url if origin(url) and all(place in url for place in _PLACES) else ""


def chosen(setting: str) -> str:
    """The same, of what somebody typed; empty for a file, which only the console shows.

    Raises BasemapError: it is something, and names no tiles.
    """
    address = template(setting)
    if setting.strip() and not address and not is_file(setting):
        raise BasemapError(
            "no tiles at {setting!r}: expected {ign} or https://host/{{z}}/{{x}}/{{y}}.png",
            setting,
            IGN,
        )
    return address


def words(setting: str) -> str:
    """Whose it is, as its licence asks."""
    if setting.strip().lower() == IGN:
        return "\N{COPYRIGHT SIGN} IGN, Plan IGN"
    host = urlsplit(setting.strip()).hostname or ""
    return "\N{COPYRIGHT SIGN} OpenStreetMap" if host.endswith("openstreetmap.org") else ""


def origin(address: str) -> str:
    """Scheme and host: what a content policy lets in; empty: none."""
    url = _PLAN if address.strip().lower() == IGN else address.strip()
    parts = urlsplit(url)
    plain = all(letter.isalnum() or letter in "-.:[]" for letter in parts.netloc)
    if parts.scheme not in {"http", "https"} or not parts.netloc or not plain:
        return ""
    return f"{parts.scheme}://{parts.netloc}"
