"""A kind of command, described once: its parameters, how long it is valid, what confirms it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from sensors._errors import TerritoryError
from sensors._nearest import did_you_mean, nearest_hint

Value = float | str
Target = Literal["device", "group"]

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f\u2028\u2029\ud800-\udfff\ufffe\uffff]")


class CommandError(TerritoryError):
    """A command that cannot be given so: says what was expected."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One of the values that a parameter may have."""

    name: str
    label_en: str
    label_fr: str


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A number in `unit` from `low` to `high`, one of `choices`, or a text of up to `longest`."""

    name: str
    label_en: str
    label_fr: str
    unit: str = ""
    low: float = 0.0
    high: float = 0.0
    choices: tuple[Choice, ...] = ()
    longest: int = 0  # characters

    @property
    def is_number(self) -> bool:
        return not self.choices and not self.longest

    def parse(self, given: object) -> Value:
        """The value as it is sent. Raises CommandError: it is none that this parameter may have."""
        if self.choices:
            return self._parse_choice(given)
        return self._parse_text(given) if self.longest else self._parse_number(given)

    def _parse_choice(self, given: object) -> Value:
        names = [choice.name for choice in self.choices]
        if given in names:
            return str(given)
        raise CommandError(
            "{parameter} is {value!r}, expected one of {names}{hint}",
            *(self.name, str(given)[:60], ", ".join(names), nearest_hint(str(given), names)),
        )

    def _parse_text(self, given: object) -> Value:
        if not isinstance(given, str) or _UNPRINTABLE.search(given):
            raise CommandError("{parameter} must be one line of text", self.name)
        if len(given) > self.longest:
            raise CommandError(
                "{parameter} has {count} characters; at most {number} fit",
                *(self.name, len(given), self.longest),
            )
        return given

    def _parse_number(self, given: object) -> Value:
        try:
            number = float(given) if isinstance(given, int | float | str) else None
        except (ValueError, OverflowError):
            number = None
        if number is None or isinstance(given, bool) or not self.low <= number <= self.high:
            raise CommandError(
                "{parameter} is {value!r}, expected a number from {low} to {high} {unit}",
                *(self.name, str(given)[:60], f"{self.low:g}", f"{self.high:g}", self.unit),
            )
        return number


@dataclass(frozen=True, kw_only=True)
class Confirmation:
    """Which reading shows that the device has done it.

    Of a choice the range in `ranges`, both ends included (a choice that is not there is confirmed
    by no reading); of a number itself, give or take `tolerance`; of a text its check sum.
    """

    quantity: str
    parameter: str
    tolerance: float = 0.0
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def expect(self, value: Value) -> tuple[float, float] | None:
        """The range of a reading that confirms it; None: no reading does."""
        if isinstance(value, str):
            if self.ranges:
                return self.ranges.get(value)
            code = float(checksum(value))
            return code, code
        return value - self.tolerance, value + self.tolerance


@dataclass(frozen=True, kw_only=True)
class Interlock:
    """What must be true of the actuator's site for a command to be sent, in the rule language.

    `choice`: only of commands with this choice; empty: of all.
    """

    condition: str
    choice: str = ""


@dataclass(frozen=True, kw_only=True)
class CommandKind:
    """A command that a device understands.

    `actuator`: what of a device moves; a newer command supersedes an older one of the same.
    `valid_for`: after that it is not sent, and a device does not obey it. `within`: how long after
    its acknowledgement a reading may take to confirm it. `confirmed_by`: the first whose quantity
    the device measures. `signatures` 2: another person signs before it is sent. `interlocks`: where
    site and device have no others of their own.
    """

    name: str
    label_en: str
    label_fr: str
    actuator: str
    parameters: tuple[Parameter, ...]
    valid_for: timedelta
    within: timedelta
    confirmed_by: tuple[Confirmation, ...] = ()
    signatures: Literal[1, 2] = 1
    targets: tuple[Target, ...] = ("device",)
    interlocks: tuple[Interlock, ...] = ()

    def choice_of(self, parameters: Mapping[str, Value]) -> str:
        """The choice that a command makes; empty: its kind has none."""
        chosen = [str(parameters.get(each.name, "")) for each in self.parameters if each.choices]
        return chosen[0] if chosen else ""

    def parse(self, given: Mapping[str, object]) -> dict[str, Value]:
        """All parameters, as they are sent.

        Raises CommandError: one is missing, unknown or out of its bounds.
        """
        names = [parameter.name for parameter in self.parameters]
        unknown = [name for name in given if name not in names]
        if unknown:
            raise CommandError(
                "{kind} has no parameter {name!r}{hint}",
                *(self.name, unknown[0][:60], did_you_mean(unknown[0], names)),
            )
        missing = [name for name in names if name not in given]
        if missing:
            raise CommandError("{kind} needs the parameter {name!r}", self.name, missing[0])
        return {
            parameter.name: parameter.parse(given[parameter.name]) for parameter in self.parameters
        }

    def describe(self, parameters: Mapping[str, Value], language: str = "en") -> str:
        """What is to be done, in words: `Dim: 40 %`."""
        labels = [self.label_fr if language == "fr" else self.label_en]
        for parameter in self.parameters:
            value = parameters.get(parameter.name, "")
            choices = {each.name: each for each in parameter.choices}
            if value in choices:
                choice = choices[str(value)]
                labels.append(choice.label_fr if language == "fr" else choice.label_en)
            elif isinstance(value, str):
                labels.append(f"« {value} »" if language == "fr" else f"“{value}”")
            else:
                labels.append(f"{value:g} {parameter.unit}".rstrip())
        colon = " : " if language == "fr" else ": "
        return colon.join([labels[0], ", ".join(labels[1:])])


def checksum(text: str) -> int:
    """CRC-16 of ISO/IEC 3309 (as NTCIP 1203 has it for signs) of a text in UTF-8."""
    crc = 0xFFFF
    for byte in text.encode():
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0x8408 if crc & 1 else crc >> 1
    return crc ^ 0xFFFF
