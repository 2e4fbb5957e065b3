"""Sandre's XML `hydrometrie` (1.1 and 2): its simulations, in mm and l/s, times in UTC.

Version 1.1 has tendencies (`Prev`: ResMinPrev, ResMoyPrev, ResMaxPrev) and probabilities
(`ProbPrev`); version 2 has members of ensembles (`PrevEnsemble`) besides.
"""

import math
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from xml.etree.ElementTree import Element

from hypervisor.base.xml_reader import XmlError, child_text, line_of, read_elements
from hypervisor.forecast.experts import (
    QUANTITIES,
    TENDENCIES,
    ExpertFile,
    ExpertFileError,
    ExpertForecast,
)
from sensors._errors import Message

_FACTOR = 0.001  # mm in m, l/s in m³/s
_MOST_TIMES = 20_000
_TENDENCY = re.compile(r"Res(Min|Moy|Max)Prev\w*")
_MARK = re.compile(r"\{/?\w+\}")

Row = dict[str, tuple[float | None, float]]  # by label: level, value


def read_xml(data: bytes) -> ExpertFile:
    """Read a file. Raises ExpertFileError: it is none, or holds no simulation of H or Q."""
    forecasts: list[ExpertForecast] = []
    notes: list[Message] = []
    issuer = ""
    try:
        for element in read_elements(data, {"Emetteur", "Simul"}, roots={"hydrometrie"}):
            if element.tag == "Emetteur":
                issuer = _read_party(element)
            elif child_text(element, "GrdSimul") in QUANTITIES:
                forecasts.append(_read_simulation(element))
                issuer = _read_party(element) or issuer
            else:
                notes.append(
                    Message("left out: quantity {name}", child_text(element, "GrdSimul")[:20])
                )
    except XmlError as error:
        raise ExpertFileError("{error}", error) from error
    if not forecasts:
        raise ExpertFileError("the file has no simulation (Simul) of H or Q")
    return ExpertFile(issuer=issuer, forecasts=forecasts, notes=notes)


def _read_party(element: Element) -> str:
    """Who made it: a name, else Sandre's code."""
    name = child_text(element, "NomIntervenant")
    code = child_text(element, "CdIntervenant")
    return name or (f"Sandre {code}" if code else "")


def _read_simulation(element: Element) -> ExpertForecast:
    code = child_text(element, "CdStationHydro") or child_text(element, "CdSiteHydro")
    if not code:
        raise ExpertFileError(
            "line {number}: a simulation has neither CdStationHydro nor CdSiteHydro",
            line_of(element),
        )
    produced = _read_time(element.find("DtProdSimul"))
    if produced is None:
        raise ExpertFileError(
            "line {number}: the simulation of {code} has no DtProdSimul", line_of(element), code
        )
    observed = _read_time(element.find("DtDerObsSimul"))
    rows: dict[datetime, Row] = {}
    for prediction in element.iter():
        time = _find_time(prediction)
        if time is not None:
            rows.setdefault(time, {}).update(_read_courses(prediction))
    rows = {time: rows[time] for time in sorted(rows) if rows[time]}
    if not rows or len(rows) > _MOST_TIMES:
        raise ExpertFileError(
            "line {number}: the simulation of {code} has {count} values: from 1 to {most}",
            line_of(element),
            code,
            len(rows),
            _MOST_TIMES,
        )
    labels, levels = _list_courses(rows.values())
    return ExpertForecast(
        code=code.upper(),
        grandeur=child_text(element, "GrdSimul"),
        model=child_text(element, "CdModelePrevision"),
        issued=observed or produced,
        produced=produced,
        labels=labels,
        levels=levels,
        times=list(rows),
        values=[
            [row[label][1] if label in row else None for label in labels] for row in rows.values()
        ],
        comment=_MARK.sub(" ", child_text(element, "ComSimul"))[:2_000].strip(),
    )


def _find_time(element: Element) -> datetime | None:
    """When a prediction is for; its element has a name such as DtPrev."""
    own = next((child for child in element if child.tag.startswith("DtPrev")), None)
    if own is None:
        return None
    time = _read_time(own)
    if time is None:
        raise ExpertFileError("line {number}: a value without a time", line_of(own))
    return time


def _read_courses(prediction: Element) -> Row:
    row: Row = {}
    for child in prediction:
        tendency = _TENDENCY.fullmatch(child.tag)
        if tendency:
            name = tendency[1].casefold()
            _add(row, name, TENDENCIES[name], child)
        elif child.tag.startswith("ResPrev"):
            _add(row, "", None, child)
    for part in prediction.iter("ProbPrev"):
        percent = _read_number(part.find("PProbPrev"))
        if percent is not None:
            _add(row, f"{percent:g} %", percent / 100, part.find("ResProbPrev"))
    for part in prediction.iter("MembrePrevEnsemble"):
        label = child_text(part, "LbMembrePrevEnsemble") or str(len(row))
        _add(row, label, None, part.find("ResMembrePrevEnsemble"))
    return row


def _add(row: Row, label: str, level: float | None, element: Element | None) -> None:
    value = _read_number(element)
    if value is not None:
        row[label] = (level, value * _FACTOR)


def _list_courses(rows: Iterable[Row]) -> tuple[list[str], list[float | None]]:
    levels: dict[str, float | None] = {}
    for row in rows:
        for label, (level, _value) in row.items():
            levels.setdefault(label, level)
    ordered = sorted(levels, key=lambda label: (levels[label] is None, levels[label] or 0, label))
    return ordered, [levels[label] for label in ordered]


def _read_time(element: Element | None) -> datetime | None:
    """Sandre's times are in UTC unless they say otherwise."""
    written = _text(element)
    if element is None or not written:
        return None
    try:
        time = datetime.fromisoformat(written)
    except ValueError as error:
        raise ExpertFileError(
            "line {number}: {text!r} is no time such as 2026-03-01T07:00:00",
            line_of(element),
            written[:40],
        ) from error
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)


def _read_number(element: Element | None) -> float | None:
    written = _text(element)
    if element is None or not written:
        return None
    try:
        value = float(written)
    except ValueError as error:
        raise ExpertFileError(
            "line {number}: {text!r} is no number", line_of(element), written[:40]
        ) from error
    return value if math.isfinite(value) else None


def _text(element: Element | None) -> str:
    return "" if element is None else (element.text or "").strip()
