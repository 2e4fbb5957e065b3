"""CAP documents: each kind of message, both languages, areas; every one fits the schema."""

from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from capvalidator import check_schema
from hypothesis import given
from hypothesis import strategies as st

from hypervisor.publications.cap import write_alert, write_identifier, write_sender
from hypervisor.publications.model import (
    FrenchWords,
    MessageKind,
    PublishedArea,
    PublishedMessage,
    WarningContent,
    WarningWords,
)
from hypervisor.publications.official import OfficialColour
from hypervisor.web.schemas import Commune

SENT = datetime(2024, 1, 2, tzinfo=UTC)
OUTLINES: dict[str, Any] = {
    "91001": {
        "type": "Polygon",
        "coordinates": [[[2.2, 48.5], [2.4, 48.5], [2.4, 49], [2.2, 48.5]]],
    }
}
NORTH = PublishedArea(
    code="200000001", kind="epci", name="Nord", communes=(Commune(code="91001", name="Orge"),)
)


def content(**changed: Any) -> WarningContent:
    fields: dict[str, Any] = {
        "hazard": "flood",
        "severity": "major",
        "response": "Avoid",
        "areas": ("200000001",),
        "expires": datetime(2024, 1, 2, 12, tzinfo=UTC),
        "fr": FrenchWords(headline="Crue", description="L'eau <monte> & déborde"),
        "en": WarningWords(headline="Flood"),
        **changed,
    }
    return WarningContent(**fields)


def message(
    kind: MessageKind = MessageKind.ALERT, status: Any = "Actual", **changed: Any
) -> PublishedMessage:
    return PublishedMessage(
        id=1,
        publication=1,
        identifier=f"id-{kind.value}",
        sender="cap@essonne.example",
        kind=kind,
        status=status,
        sent=SENT,
        expires=datetime(2024, 1, 2, 12, tzinfo=UTC),
        content=content(**changed),
        areas=(NORTH,),
        communes=("91001",),
        concerned=("91001",),
    )


def write(written: PublishedMessage, *earlier: PublishedMessage, **changed: Any) -> str:
    fields: dict[str, Any] = {"publisher_name": "Préfecture", "address": "https://a.example"}
    return write_alert(written, earlier, outlines=OUTLINES, **{**fields, **changed})


def test_sender_and_identifier_hold_nothing_that_cap_forbids() -> None:
    assert write_sender("", "https://alerte.example:8443/x", "essonne") == "alerte.example"
    assert write_sender("", "", "l'Essonne, test & <co>") == "l'Essonne-test-co>"
    assert write_sender("cap@a.fr", "https://b.fr", "c") == "cap@a.fr"
    assert write_identifier("cap@a.fr", 3, 1).startswith("cap-a-fr-3-1-")
    assert write_identifier("a", 3, 1) != write_identifier("a", 3, 1)


def test_a_document_says_everything_in_both_languages() -> None:
    text = write(message())
    for part in (
        "<status>Actual</status>",
        "<msgType>Alert</msgType>",
        "<sent>2024-01-02T00:00:00-00:00</sent>",
        "<language>fr-FR</language>",
        "<language>en-GB</language>",
        "<event>Crue ou inondation</event>",
        "<severity>Severe</severity>",
        "<description>L'eau &lt;monte&gt; &amp; déborde</description>",
        "<web>https://a.example/public/id-Alert</web>",
        "<areaDesc>Nord</areaDesc>",
        "<polygon>48.5,2.2 48.5,2.4 49.0,2.4 48.5,2.2</polygon>",
        "<valueName>SIREN</valueName>",
        "<value>91001</value>",
    ):
        assert part in text, part
    assert "<note>" not in text
    assert "<references>" not in text
    assert "<instruction>" not in text, "an empty element"


def test_official_colours_stand_before_the_areas_of_each_language() -> None:
    colours = [
        OfficialColour(
            colour=colour, phenomenon="flood", place=place, source="Vigicrues", issued=SENT
        )
        for colour, place in ((3, "Orge aval; essai"), (1, "Yvette"))
    ]
    text = write(message(), official=colours)
    assert check_schema(text.encode()).passed
    for info in ET.fromstring(text).findall("{*}info"):  # noqa: S314
        values = [each.findtext("{*}value") for each in info.findall("{*}parameter")]
        assert values == [
            "3; orange; flood; Orge aval, essai; Vigicrues; 2024-01-02T00:00:00-00:00",
            "1; green; flood; Yvette; Vigicrues; 2024-01-02T00:00:00-00:00",
        ]
        names = {each.findtext("{*}valueName") for each in info.findall("{*}parameter")}
        assert names == {"OFFICIAL-COLOUR"}


def test_without_english_there_is_one_info() -> None:
    assert write(message(en=WarningWords())).count("<info>") == 1


@pytest.mark.parametrize(
    ("status", "note"), [("Exercise", "EXERCICE"), ("Test", "ESSAI"), ("Draft", "PROJET")]
)
def test_what_is_not_actual_says_so(status: str, note: str) -> None:
    text = write(message(), status=status)
    assert f"<status>{status}</status>" in text
    assert f"<note>{note}" in text


def test_later_messages_refer_to_all_earlier_ones() -> None:
    first, second = message(), message(MessageKind.UPDATE)
    text = write(message(MessageKind.CANCEL), first, second)
    sent = "2024-01-02T00:00:00-00:00"
    expected = f"cap@essonne.example,id-Alert,{sent} cap@essonne.example,id-Update,{sent}"
    assert f"<references>{expected}</references>" in text
    assert "<responseType>AllClear</responseType>" in text


@given(st.text(min_size=1, max_size=50))
def test_whatever_is_typed_stays_one_document(typed: str) -> None:
    words = WarningWords(headline=f"x{typed}", description=typed, instruction=typed)
    text = write(message(en=words))
    (read,) = ET.fromstring(text).findall(".//{*}info[2]/{*}headline")  # noqa: S314
    assert read.text == words.headline
