"""Refusals in the reader's language, whatever part said them."""

from datetime import UTC, datetime
from string import Formatter
from zoneinfo import ZoneInfo

import pytest

from hypervisor.access.errors import NoAccountError
from hypervisor.base.reader import Reader, reading
from hypervisor.base.translation import read_messages, templates
from hypervisor.logbook.model import EntryKind, LogError, NewEntry, check_entry
from hypervisor.web.refusals import refusal
from rules._errors import RuleError
from sensors._errors import Message, Place

NOW = datetime(2024, 10, 10, 6, tzinfo=UTC)


def _told(language: str, error: object) -> str:
    with reading(Reader(language=language, zone=ZoneInfo("Europe/Paris"), now=NOW)):
        return refusal(error).replace("\N{NO-BREAK SPACE}", " ")


def test_a_refusal_says_its_case_in_french() -> None:
    with pytest.raises(LogError) as caught:
        check_entry(NewEntry(author="anne", kind=EntryKind.PROMISE, text="call back"))
    assert _told("en", caught.value) == "promise: a due time is required"
    assert (
        _told("fr", caught.value)
        == "promesse : l\N{RIGHT SINGLE QUOTATION MARK}échéance est obligatoire"
    )


def test_a_message_is_translated_by_its_template() -> None:
    hint = Message("; did you mean {word!r}?", "toulouse")
    assert _told("fr", NoAccountError("no account is named {name!r}", "it's")) == (
        "aucun compte ne s\N{RIGHT SINGLE QUOTATION MARK}appelle « it's »"
    )
    place = Place(file="rule", line=3, column=5)
    wrong = RuleError(place, "unknown series {name!r}{hint}", "unknown word 'x'", hint)
    assert _told("fr", wrong) == (
        "rule:3:5 : la série « unknown word 'x' » n\N{RIGHT SINGLE QUOTATION MARK}existe pas"
        " ; vouliez-vous dire « toulouse » ?"
    )


@pytest.mark.parametrize(
    ("said", "french"),
    [
        (
            "no site is named 'tolouse'; did you mean 'toulouse'?",
            "vouliez-vous dire « toulouse » ?",
        ),
        ("no site is named 'x'", "aucun site ne s\N{RIGHT SINGLE QUOTATION MARK}appelle « x »"),
        ("rule:3:5: unknown series 'levl'; did you mean 'level'?", "vouliez-vous dire « level » ?"),
        ("rise takes (a series, a duration); expected a duration", "prend (une série, une durée)"),
        ("expected steps, a list; found a mapping", "il faut des paliers (steps) en liste"),
        (
            "orge/alert: '12 km': expected a value in m; unknown unit 'kmm'; did you mean 'km'?",
            "pas connue ; vouliez-vous dire « km »",
        ),
        ("its severity steps changed: late reading of a/b at 2024-10-10T04:00:00Z", "a/b à 06:00"),
        ("its severity rose to major; it was acknowledged as minor", "comme mineure"),
        ("merged into alarm 3: what a person wrote", "alarme 3 : what a person wrote"),
        ("anne may not act here (operators do)", "anne ne peut pas agir ici"),
        ("hand-over 3 is taken: it cannot be withdrawn", "la relève 3 est prise"),
        ("a sentence that nobody translated", "a sentence that nobody translated"),
    ],
)
def test_the_longest_pattern_says_most(said: str, french: str) -> None:
    assert french in _told("fr", said)
    assert _told("en", said) == said


@pytest.mark.parametrize(
    "said",
    ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "2024-13-41T25:61Z", "2024-02-30T00:00Z"],
)
def test_what_only_looks_like_a_time_is_told_as_well(said: str) -> None:
    """Anybody may type it into an address."""
    french = _told("fr", f"no site is named '{said}'")
    assert french.startswith("aucun site ne s")
    assert _told("fr", f"alarm 7 has changed since {said}")
    assert _told("en", f"no site is named '{said}'") == f"no site is named '{said}'"


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "text",
    [
        "x" + (":  " + "  is not below  " + ", " + "  ") * 25,
        "x: " * 15 + "y" + "; did you mean 'x'?" * 15,
        "x:1:1: " * 1_000,
    ],
)
def test_a_text_that_fits_many_templates_in_many_ways_is_left_at_once(text: str) -> None:
    """The first took minutes, the second would have taken days; an operator writes such reasons."""
    assert refusal(text) == text


def _fill(template: str, quotes: tuple[str, str]) -> str:
    """A template with a word, or a number, in each place."""
    parts = []
    for before, name, spec, conversion in Formatter().parse(template):
        value = (
            ""
            if name in {None, "hint"}
            else "8"
            if spec or name in {"n", "number", "count"}
            else "zz"
        )
        parts += [before, f"{quotes[0]}{value}{quotes[1]}" if conversion else value]
    return "".join(parts)


INGEST = [
    (str(message.id), str(message.string))
    for file, message in read_messages("fr")
    if file == "messages_ingest.po" and str(message.id) in templates("fr")
]


@pytest.mark.parametrize(("template", "french"), INGEST, ids=[key for key, _ in INGEST])
def test_a_stored_reason_is_known_by_its_template(template: str, french: str) -> None:
    stored = str.__str__(_fill(template, ("'", "'")))
    assert _told("fr", stored) == _fill(french, ("« ", " »"))
    assert _told("fr", f"{stored}; and 3 more").endswith(" ; et 3 autres")
    grouped = _told("fr", f"{stored}; and 2 more objects of this message")
    assert grouped.endswith(" ; et 2 autres objets de ce message")
