"""Names that say nothing are seen in Python and in scripts; texts and properties are no names."""

import ast

from tests.plain_words import BANNED, python_names, script_names

SCRIPT = """
const one = 1; // told
for (const row of [...asked]) row.dataset.one = "found" + row.said;
"""
PROGRAM = """
def told(wanted: int) -> None:
    found = wanted
class Body:
    said = old_key("text", str)
"""


def test_scripts() -> None:
    named = {name for _, name in script_names(SCRIPT)}
    assert named & BANNED == {"one", "asked"}


def test_programs() -> None:
    named = {name for _, name in python_names(ast.parse(PROGRAM))}
    assert named & BANNED == {"told", "wanted", "found"}
