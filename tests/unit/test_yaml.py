"""Scalars of YAML files, as version 1.2 has them: nothing turns into what nobody wrote."""

from typing import Any

import pytest
import yaml

from sensors import _yaml
from sensors._errors import TerritoryError
from sensors._yaml import Loader, Source


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("07", 7),
        ("-08", -8),
        ("010", 10),
        ("0", 0),
        ("+5", 5),
        ("0x1F", 31),
        ("0o17", 15),
        ("07.5", 7.5),
        ("1e3", 1000.0),
        ("1E-2", 0.01),
        (".5", 0.5),
        ("5.", 5.0),
        ("-.inf", float("-inf")),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
        ("0b11", "0b11"),
        ("1e", "1e"),
        ("on", "on"),
        ("Yes", "Yes"),
        ("off", "off"),
        ("true", True),
        ("FALSE", False),
        ("~", None),
        ("null", None),
        ("2024-01-01", "2024-01-01"),
        ("'07'", "07"),
    ],
)
def test_a_scalar(text: str, value: Any) -> None:
    read = yaml.load(f"x: {text}", Loader=Loader)["x"]  # noqa: S506  a safe loader
    assert (type(read), read) == (type(value), value)


def test_a_number_without_end_is_an_error_of_the_file() -> None:
    with pytest.raises(yaml.YAMLError, match="a number of 5000 digits"):
        yaml.load("9" * 5000, Loader=Loader)  # noqa: S506  a safe loader


@pytest.mark.parametrize(
    ("slip", "problem"),
    [
        ("\t- x", "a tab character"),
        ("- [a", "expected ',' or ']'"),
        ("- &x [a]\n- *x", "an alias; write it out"),
        ("- " + "[" * 13, "more than 12 nested lists or mappings"),
    ],
)
def test_a_slip_in_a_long_file_is_found_without_reading_it_slowly(
    slip: str, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A list of 190,000 words without its end took a minute."""

    def refuse(*_: object) -> None:
        raise AssertionError("read by PyYAML itself")

    monkeypatch.setattr(_yaml.Loader, "__init__", refuse)
    with pytest.raises(TerritoryError) as caught:
        Source("long").compose("- words\n" * 20_000 + slip)
    assert problem in str(caught.value)
    assert "long:2000" in str(caught.value)
