"""Parse lighting plans: offsets from sunset and sunrise, spells of the night, months."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import time, timedelta

from hypervisor.base.scalars import ScalarError, duration, truth
from hypervisor.registry.field_reader import FieldReader, in_unit
from hypervisor.registry.inventory import Fact
from hypervisor.registry.tree import Items, Leaf
from sensors._nearest import did_you_mean
from sensors._plan import LightingPlan, Spell, plan_to_json

PLAN_FIELDS = (
    *("name", "title", "on", "off", "spells", "no_relighting", "withdrawn"),
    *("illustrative", "effective", "reason"),
)
SPELL_FIELDS = ("from", "to", "level", "weekdays", "months")
_SUN = {"on": ("sunset", "coucher"), "off": ("sunrise", "lever")}
_OFFSET = re.compile(r"(?P<sun>\S+?)\s*(?:(?P<sign>[+\-\u2212])\s*(?P<by>.+))?")
_FARTHEST = timedelta(hours=3)
_CLOCK = re.compile(r"(\d{1,2})[:hH](\d{2})")
_WEEKDAYS = (
    *(("mon", "monday", "lun", "lundi"), ("tue", "tuesday", "mar", "mardi")),
    *(("wed", "wednesday", "mer", "mercredi"), ("thu", "thursday", "jeu", "jeudi")),
    *(("fri", "friday", "ven", "vendredi"), ("sat", "saturday", "sam", "samedi")),
    ("sun", "sunday", "dim", "dimanche"),
)
_MONTHS = (
    *(("1", "jan", "january", "janvier"), ("2", "feb", "february", "fevrier", "fev")),
    *(("3", "mar", "march", "mars"), ("4", "apr", "april", "avril", "avr")),
    *(("5", "may", "mai"), ("6", "jun", "june", "juin"), ("7", "jul", "july", "juillet")),
    *(("8", "aug", "august", "aout"), ("9", "sep", "september", "septembre")),
    *(("10", "oct", "october", "octobre"), ("11", "nov", "november", "novembre")),
    ("12", "dec", "december", "decembre"),
)
DAYS = {word: day for day, words in enumerate(_WEEKDAYS) for word in words}
MONTHS = {word: month for month, words in enumerate(_MONTHS, start=1) for word in words}


def parse_plan(reader: FieldReader, *, illustrative: bool) -> Fact | None:
    """One plan as a fact; `withdrawn: true` withdraws it."""
    name = reader.name()
    gone = reader.take("withdrawn", truth)
    title = reader.text("title")
    on, off = (_parse_sun_offset(reader, field) for field in ("on", "off"))
    spells = [
        _parse_spell(spell_reader)
        for spell_reader in reader.read_mappings("spells", allowed=SPELL_FIELDS)
    ]
    read = LightingPlan(
        on_after=on,
        off_after=off,
        spells=tuple(spell for spell in spells if spell),
        no_relighting=_parse_words(reader, "no_relighting", MONTHS) or frozenset(),
    )
    value = None if gone else {"title": title or name, **plan_to_json(read)}
    fact = reader.fact("plan", name or "", value, illustrative=illustrative)
    return fact if name else None


def _parse_sun_offset(reader: FieldReader, field: str) -> timedelta:
    """`sunset + 10 min`: the offset from the sun, negative before it."""
    return reader.take(field, lambda text: _parse_offset(text, _SUN[field])) or timedelta()


def _parse_offset(text: str, suns: tuple[str, ...]) -> timedelta:
    match = _OFFSET.fullmatch(text.strip())
    if match is None or match["sun"].lower() not in suns:
        raise ScalarError(f"{text!r}: expected {suns[0]}, or such as '{suns[0]} + 10 min'")
    if match["by"] is None:
        return timedelta()
    by = timedelta(seconds=duration(match["by"]))
    if by > _FARTHEST:
        raise ScalarError(f"{text!r}: more than {_FARTHEST.seconds // 3600} h from {suns[0]}")
    return by if match["sign"] == "+" else -by


def _parse_spell(reader: FieldReader) -> Spell | None:
    begins, ends = reader.take("from", parse_clock), reader.take("to", parse_clock)
    level = reader.take("level", in_unit("%"))
    weekdays, months = (
        _parse_words(reader, "weekdays", DAYS),
        _parse_words(reader, "months", MONTHS),
    )
    for field in ("from", "to", "level"):
        if not reader.has(field):
            example = "0 %" if field == "level" else '"01:00"'
            reader.problem(f"a spell needs {field!r}, such as {example}", reader.at(field))
    if level is not None and not 0 <= level <= 100:
        reader.problem(f"{level:g} %: a level lies within 0…100 %", reader.at("level"))
    if begins is None or ends is None or level is None:
        return None
    if _minutes_since_noon(begins) >= _minutes_since_noon(ends):
        text = f"{begins:%H:%M} to {ends:%H:%M} runs backwards: a night goes from noon to noon"
        reader.problem(text, reader.at("to"))
    limits: Mapping[str, frozenset[int]] = {
        name: numbers
        for name, numbers in (("weekdays", weekdays), ("months", months))
        if numbers is not None
    }
    return Spell(begins=begins, ends=ends, level=level, **limits)


def _minutes_since_noon(at: time) -> int:
    """Minutes since noon, which order the times of one night."""
    return (at.hour * 60 + at.minute - 720) % 1440


def parse_clock(text: str) -> time:
    """A local time of day: 01:00, 23:30, 1h00."""
    match = _CLOCK.fullmatch(text.strip())
    try:
        if match is None:
            raise ValueError  # noqa: TRY301  one sentence for both mistakes
        return time(int(match[1]), int(match[2]))
    except ValueError:
        raise ScalarError(f"{text!r}: expected a local time such as 01:00") from None


def _parse_words(
    reader: FieldReader, field: str, numbers: Mapping[str, int]
) -> frozenset[int] | None:
    """Days or months by name: a list, or words separated by spaces."""
    node = reader.fields.get(field)
    if node is None or (isinstance(node, Leaf) and not node.text):
        return None
    leaves: Iterable[Leaf] = ()
    if isinstance(node, Leaf):
        words = re.split(r"[\s,]+", (node.text or "").strip())
        leaves = [Leaf(text=word, where=node.where) for word in words]
    elif isinstance(node, Items):
        leaves = [item for item in node.items if isinstance(item, Leaf)]
        if len(leaves) < len(node.items):
            reader.problem("expected a list of words", node.where)
    else:
        reader.problem("expected a list of words", node.where)
    values: set[int] = set()
    for leaf in leaves:
        word = _normalise(leaf.text or "")
        if word in numbers:
            values.add(numbers[word])
        else:
            singular = field.removesuffix("s").replace("no_relighting", "month")
            text = f"unknown {singular} {leaf.text!r}{did_you_mean(word, numbers)}"
            reader.problem(text, leaf.where)
    return frozenset(values)


def _normalise(word: str) -> str:
    """Without accents, capitals and a leading zero."""
    letters = unicodedata.normalize("NFD", word.strip().lower())
    return "".join(letter for letter in letters if not unicodedata.combining(letter)).lstrip("0")
