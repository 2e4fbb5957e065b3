"""Units: our codes, what people write, exact decimals, and mistakes that name the cure."""

import numpy as np
import pytest

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


def test_a_reading_in_millimetres_is_the_same_reading_in_metres() -> None:
    millimetres = np.arange(-5000, 15_000, dtype=np.float64)
    metres = np.array([float(f"{value / 1000:.3f}") for value in millimetres])
    assert (converter("mm", "m")(millimetres) == metres).all()
    assert convert(4306, "mm", "m") == 4.306


@pytest.mark.parametrize(
    ("source", "target", "said"),
    [
        ("metr", "m", "unknown unit 'metr'; nearest known: 'metre'"),
        ("m3s", "m3/s", "nearest known: 'm3/s'"),
        ("M", "m", "nearest known: 'm'"),
        ("C", "Cel", "nearest known: '°C'"),
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


def test_a_device_that_makes_up_annotations_does_not_fill_the_memory() -> None:
    def understood(number: int) -> bool:
        try:
            return bool(dimension(f"{{made up {number}}}"))
        except UnitError:
            return False

    assert sum(understood(number) for number in range(1000)) < 250
    assert dimension("{veh}/h") == dimension("veh/min")
