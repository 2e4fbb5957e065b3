"""Units: our codes, what people write, exact decimals, and mistakes that name the cure."""

import numpy as np
import pytest

from sensors._unit_names import SPELLINGS
from sensors._units import UnitError, conversion, convert, converter, dimension


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("mm", "m", (0.001, 0.0)),
        ("l/s", "m3/s", (0.001, 0.0)),
        ("m³/s", "m3/s", (1.0, 0.0)),
        ("m3.s-1", "m^3/s", (1.0, 0.0)),
        ("(l/s)/h", "(m3/s)/h", (0.001, 0.0)),
        ("m3/s/h", "(m3/s)/h", (1.0, 0.0)),
        ("cm/h", "m/h", (0.01, 0.0)),
        ("Cel", "K", (1.0, 273.15)),
        ("°C", "K", (1.0, 273.15)),
        ("Cel/h", "K/h", (1.0, 0.0)),
        ("Pa", "hPa", (0.01, 0.0)),
        ("1", "%", (100.0, 0.0)),
        ("{veh}/h", "veh/h", (1.0, 0.0)),
        ("kW.h", "kWh", (1.0, 0.0)),
        ("h", "min", (60.0, 0.0)),
        ("mg/l", "g/m3", (1.0, 0.0)),
        ("code", "code", (1.0, 0.0)),
    ],
)
def test_conversion(source: str, target: str, expected: tuple[float, float]) -> None:
    assert conversion(source, target) == pytest.approx(expected, rel=1e-12)


# Each spelling with what one of it is in UCUM's code for the same, from the definitions of the SI.
SPELLED = (
    "m 1 m|mm 0.001 m|cm 0.01 m|dm 0.1 m|km 1000 m|metre 1 m|metres 1 m|mètre 1 m|mètres 1 m"
    "|l 0.001 m3|L 0.001 m3|litre 0.001 m3|litres 0.001 m3|ha 10000 m2|g 0.000001 t|t 1000000 g"
    "|s 1 s|sec 1 s|seconde 1 s|secondes 1 s|min 60 s|mn 60 s|h 3600 s|heure 3600 s|heures 3600 s"
    "|d 86400 s|j 86400 s|jour 86400 s|jours 86400 s|Pa 0.01 hPa|hPa 100 Pa|mbar 1 hPa|% 0.01 1"
    "|deg 1 °|° 1 deg|J 1 J|W 0.001 kW|kW 1000 W|Wh 3600 J|kWh 1 kW.h|V 1 V|A 1 A|N 1 kg.m/s2"
    "|lx 1 lx|code 1 code|bool 1 bool|veh 1 {veh}|m/s 3.6 km/h|mm/h 0.001 m/h|m3/h 1000 l/h"
    "|J/m2 0.001 kJ/m2|km2 1000000 m2|mg/l 1 g/m3|kPa 10 hPa"
)


@pytest.mark.parametrize("spelled", SPELLED.split("|"))
def test_every_spelling_has_its_factor(spelled: str) -> None:
    source, factor, target = spelled.split()
    assert conversion(source, target) == pytest.approx((float(factor), 0.0), rel=1e-12)
    assert convert(7.0, source, target) * convert(1.0, target, source) == pytest.approx(7.0)


def test_every_spelling_is_held() -> None:
    there = {each.split()[0] for each in SPELLED.split("|")}
    assert SPELLINGS.keys() - there == {"Cel", "°C", "degC", "K", "°F", "degF"}


@pytest.mark.parametrize(
    ("value", "source", "target", "expected"),
    [
        (-40, "°F", "Cel", -40),
        (212, "degF", "°C", 100),
        (32, "°F", "K", 273.15),
        (0, "degC", "K", 273.15),
        (273.15, "K", "Cel", 0),
        (20, "Cel", "degC", 20),
        (9, "°F/h", "Cel/h", 5),
    ],
)
def test_temperatures_have_a_zero_of_their_own(
    value: float, source: str, target: str, expected: float
) -> None:
    assert convert(value, source, target) == pytest.approx(expected, abs=1e-9)


def test_a_reading_in_millimetres_is_the_same_reading_in_metres() -> None:
    millimetres = np.arange(-5000, 15_000, dtype=np.float64)
    metres = np.array([float(f"{value / 1000:.3f}") for value in millimetres])
    assert (converter("mm", "m")(millimetres) == metres).all()
    assert convert(4306, "mm", "m") == 4.306


@pytest.mark.parametrize(
    ("source", "target", "said"),
    [
        ("metr", "m", "unknown unit 'metr'; did you mean 'metre'?"),
        ("m3s", "m3/s", "did you mean 'm3/s'?"),
        ("M", "m", "did you mean 'm'?"),
        ("C", "Cel", "did you mean '°C'?"),
        ("min", "m", r"'min' \(duration\) cannot be converted into 'm' \(length\)"),
        ("code", "bool", "cannot be converted"),
        ("{a}", "{b}", "cannot be converted"),
        ("{meter}", "m", "cannot be converted"),
    ],
)
def test_what_is_wrong_is_named(source: str, target: str, said: str) -> None:
    with pytest.raises(UnitError, match=said):
        conversion(source, target)


@pytest.mark.parametrize(
    "unit",
    ["", "m/", "/s", "m//s", "3 m", "m m", "(m", "m)", "$", "c", "x" * 41, "__import__('os')"],
)
def test_what_is_no_unit_is_refused(unit: str) -> None:
    with pytest.raises(UnitError, match="unknown unit"):
        dimension(unit)


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("°F2/°F", "Cel"),
        ("%2.Cel", "Cel"),
        *(
            (f"{unit}{power}/m{power - 1}", "m")
            for unit in ("km", "mm")
            for power in (99, 400, 9999)
        ),
    ],
)
def test_what_no_number_converts_is_an_error_that_is_read(source: str, target: str) -> None:
    """Devices send us units: whatever they make up, a sentence comes of it and no defect."""
    with pytest.raises(UnitError, match=r"cannot be converted|too far apart"):
        conversion(source, target)


def test_a_device_that_makes_up_annotations_does_not_fill_the_memory() -> None:
    def understood(number: int) -> bool:
        try:
            return bool(dimension(f"{{made up {number}}}"))
        except UnitError:
            return False

    assert sum(understood(number) for number in range(1000)) < 250
    assert dimension("{veh}/h") == dimension("veh/min")
