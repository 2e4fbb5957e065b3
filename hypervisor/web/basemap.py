"""The pictures under maps, where a setting names some: IGN's plan, or any tiles of one's own.

The console's map and Grafana's take the same setting.
"""

from urllib.parse import urlsplit

from sensors._errors import TerritoryError

IGN = "ign"
_PLAN = (
    "https://data.geopf.fr/wmts?SERVICE=WMTS&REQUEST=GetTile&VERSION=1.0.0"
    "&LAYER=GEOGRAPHICALGRIDSYSTEMS.PLANIGNV2&STYLE=normal&FORMAT=image/png"
    "&TILEMATRIXSET=PM&TILEMATRIX={z}&TILEROW={y}&TILECOL={x}"
)
_PLACES = ("{z}", "{x}", "{y}")


class BasemapError(TerritoryError):
    """What was given names no tiles."""


def template(setting: str) -> str:
    """The address of a tile with {z} {x} {y}; empty: none is set, or what is set names none."""
    url = _PLAN if setting.strip().lower() == IGN else setting.strip()
    return url if origin(url) and all(place in url for place in _PLACES) else ""


def chosen(setting: str) -> str:
    """The same, of what somebody typed.

    Raises BasemapError: it is something, and names no tiles.
    """
    address = template(setting)
    if setting.strip() and not address:
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
