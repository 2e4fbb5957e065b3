"""Parse areas and sites."""

import re
from typing import Any

from hypervisor.base.scalars import ScalarError, number, truth, whole
from hypervisor.registry.field_reader import Convert, FieldReader
from hypervisor.registry.geometry import is_exchanged
from hypervisor.registry.inventory import Entry
from sensors._nearest import did_you_mean

KINDS = ("departement", "epci", "commune")
AREA_FIELDS = ("code", "kind", "name", "parent", "population", "lon", "lat")
SITE_FIELDS = (
    *("name", "title", "domain", "commune", "lon", "lat", "river", "river_order"),
    *("illustrative", "properties", "devices", "thresholds", "datum"),
)
_SUBJECTS = ("device", "group")  # what rules call devices and groups: no site is called so
_INSEE = re.compile(r"(?:\d{2}|2[AB])\d{3}")
_CODES = {
    "departement": (re.compile(r"\d{2,3}|2[AB]"), "two or three digits, or 2A, 2B"),
    "epci": (re.compile(r"\d{9}"), "a SIREN of nine digits"),
    "commune": (_INSEE, "an INSEE code of five characters such as 91228"),
}


def parse_insee(text: str) -> str:
    """A commune's INSEE code."""
    if not _INSEE.fullmatch(text):
        lost = " (a spreadsheet ate its leading zero?)" if re.fullmatch(r"\d{4}", text) else ""
        raise ScalarError(
            f"{text!r} is no INSEE code: five characters such as 91228{lost};"
            " a postal code is not one"
        )
    return text


def _parse_longitude(text: str) -> float:
    return _parse_within(text, 180.0, "longitude")


def _parse_latitude(text: str) -> float:
    return _parse_within(text, 90.0, "latitude")


def _parse_within(text: str, limit: float, what: str) -> float:
    value = number(text)
    if abs(value) > limit:
        raise ScalarError(f"{text}: a {what} in degrees (WGS 84) lies within ±{limit:g}")
    return value


COORDINATES: dict[str, Convert] = {"lon": _parse_longitude, "lat": _parse_latitude}


def check_point(reader: FieldReader, given: dict[str, Any]) -> None:
    """A point has both coordinates, each in its own field."""
    lon, lat = given.get("lon"), given.get("lat")
    if (lon is None) != (lat is None) and ("lon" in given) != ("lat" in given):
        missing = "lat" if "lat" not in given else "lon"
        reader.problem(f"a point needs both lon and lat; {missing} is missing", reader.at(missing))
    if lon is None or lat is None:
        return
    if is_exchanged(lon, lat):
        reader.problem(
            f"lon {lon:g} and lat {lat:g} look exchanged: France lies at lat 41…51, lon -5…10",
            reader.at("lat"),
        )


def parse_area(reader: FieldReader) -> Entry | None:
    """One area."""
    code, kind = reader.text("code"), reader.text("kind")
    if code is None:
        reader.problem("needs a 'code'", reader.at("code"))
        return None
    if kind is not None and kind not in KINDS:
        reader.problem(f"unknown kind {kind!r}{did_you_mean(kind, KINDS)}", reader.at("kind"))
    elif kind is not None and not _CODES[kind][0].fullmatch(code):
        reader.problem(f"{code!r}: the code of a {kind} is {_CODES[kind][1]}", reader.at("code"))
    given = reader.given(
        {"kind": str, "name": str, "parent": str, "population": whole, **COORDINATES}
    )
    check_point(reader, given)
    return Entry(key=code, given=given, where=reader.where)


def parse_site(
    reader: FieldReader, *, illustrative: bool, domains: tuple[str, ...]
) -> Entry | None:
    """One site without its devices and thresholds."""
    name = reader.name()
    if name in _SUBJECTS:
        reader.problem(f"{name!r} is a word of the rules, no name of a site", reader.at("name"))
    given = reader.given(
        {
            "title": str,
            "domain": str,
            "commune": parse_insee,
            **COORDINATES,
            "river": str,
            "river_order": number,
            "illustrative": truth,
        }
    )
    check_point(reader, given)
    domain = given.get("domain")
    if domain is not None and domain not in domains:
        reader.problem(
            f"unknown domain {domain!r}{did_you_mean(domain, domains)}", reader.at("domain")
        )
    if illustrative and "lon" in given:
        given.setdefault("illustrative", True)
    if reader.has("properties"):
        given["properties"] = reader.properties()
    return Entry(key=name, given=given, where=reader.where) if name else None
