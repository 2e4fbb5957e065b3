"""Hazards of the instance's file: what it changes, and what is wrong with it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from hypervisor.publications.hazards import (
    HazardsError,
    find_hazard,
    load_hazards,
    read_file,
    read_shipped,
    use_file,
)

DAM = """
flood: {instruction: {fr: Suivez le plan communal., en: Follow the plan.}}
outage: null
dam:
  title: {fr: Rupture de barrage, en: Dam failure}
  category: Safety
  response: Evacuate
  hours: 12
  instruction: {fr: Montez., en: Climb.}
  rules: [flood-dam]
"""


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "hazards.yaml"
    use_file(None)


def test_a_file_changes_adds_and_takes_out(file: Path) -> None:
    file.write_text(DAM)
    hazards = read_file(file)
    assert set(hazards) == (set(read_shipped()) | {"dam"}) - {"outage"}
    assert hazards["flood"].instruction.fr == "Suivez le plan communal."
    assert hazards["flood"].title == read_shipped()["flood"].title
    assert hazards["dam"].hours == 12


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (DAM.replace("12", "soon"), r":8:10: dam\.hours: .*integer"),
        (DAM.replace("Evacuate", "Flee"), r":7:13: dam\.response: .*'Evacuate'"),
        (DAM.replace("hours", "hour"), r":8:3: hazard dam has no 'hour'; did you mean 'hours'\?"),
        (DAM.replace("dam:", "Dam!:"), r"small letters"),
        (DAM.replace("outage", "other"), r":3:8: alarms of no other kind take `other`"),
        (DAM.replace("instruction: {fr: Montez.,", "instruction: {"), r"dam\.instruction\.fr"),
        ("flood: {official: [tide]}", r":1:\d+: flood\.official\.0: .*'rain-flood'"),
        ("flood: {", r":1:\d+: this is not YAML"),
        ("- flood", "expected the file of hazards, a mapping"),
        ("", "the file is empty"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(file: Path, text: str, sentence: str) -> None:
    file.write_text(text)
    with pytest.raises(HazardsError, match=sentence):
        read_file(file)


def test_a_file_is_read_again_and_a_bad_one_leaves_the_last_words(file: Path) -> None:
    use_file(file)
    assert load_hazards() == read_shipped()  # there is none yet
    file.write_text(DAM)
    assert find_hazard("flood-dam-level") == "dam"
    file.write_text("flood: {")
    os.utime(file, ns=(1, 1))
    assert load_hazards()["flood"].instruction.en == "Follow the plan."
    file.write_text("flood: {hours: 3}")
    os.utime(file, ns=(2, 2))
    assert load_hazards()["flood"].hours == 3
