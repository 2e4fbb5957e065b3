"""The pictures under the map, where a setting names some: IGN's plan, or any tiles of one's own."""

from urllib.parse import urlsplit

IGN = "ign"
_PLAN = (
    "https://data.geopf.fr/wmts?SERVICE=WMTS&REQUEST=GetTile&VERSION=1.0.0"
    "&LAYER=GEOGRAPHICALGRIDSYSTEMS.PLANIGNV2&STYLE=normal&FORMAT=image/png"
    "&TILEMATRIXSET=PM&TILEMATRIX={z}&TILEROW={y}&TILECOL={x}"
)
_PLACES = ("{z}", "{x}", "{y}")


def template(setting: str) -> str:
    """The address of a tile with {z} {x} {y}; empty: none is set, or what is set names none."""
    said = _PLAN if setting.strip().lower() == IGN else setting.strip()
    return said if origin(said) and all(place in said for place in _PLACES) else ""


def words(setting: str) -> str:
    """Whose it is, as its licence asks."""
    return "\N{COPYRIGHT SIGN} IGN, Plan IGN" if setting.strip().lower() == IGN else ""


def origin(address: str) -> str:
    """Scheme and host: what a content policy lets in; empty: none."""
    said = _PLAN if address.strip().lower() == IGN else address.strip()
    parts = urlsplit(said)
    plain = all(letter.isalnum() or letter in "-.:[]" for letter in parts.netloc)
    if parts.scheme not in {"http", "https"} or not parts.netloc or not plain:
        return ""
    return f"{parts.scheme}://{parts.netloc}"
