"""A message is its English sentence and keeps what it was made of."""

import copy
import json
import pickle

import pytest

from hypervisor.base.errors import StaleError
from rules._errors import RuleError
from sensors._errors import Message, Place, TerritoryError, listed
from sensors._nearest import did_you_mean


def test_the_text_of_an_error_keeps_its_template() -> None:
    hint = Message("; did you mean {word!r}?", "level")
    message = str(TerritoryError("unknown series {name!r}{hint}", "levl", hint))
    assert message == "unknown series 'levl'; did you mean 'level'?"
    assert isinstance(message, Message)
    assert message.template == "unknown series {name!r}{hint}"
    assert message.parameters == {"name": "levl", "hint": hint}
    assert json.dumps([message]) == json.dumps(["unknown series 'levl'; did you mean 'level'?"])


def test_without_values_the_text_stands_as_it_is() -> None:
    message = Message("{lamp-1: null}")
    assert (message, message.template) == ("{lamp-1: null}", "{lamp-1: null}")
    assert str(TerritoryError(message)) is message


@pytest.mark.parametrize("values", [("a", "b"), ("a", "b", "c", "d")])
def test_each_name_has_its_value(values: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="argument 2"):
        Message("{name} {other} {name} {third}", *values)


def test_messages_are_put_together() -> None:
    both = "before " + Message("{n} more", 2) + " after"
    assert both == "before 2 more after"
    assert isinstance(both, Message)
    assert listed([Message("a"), "b"], "; ") == "a; b"


def test_a_message_survives_a_copy() -> None:
    message = Message("no site {name!r}{hint}", "x", did_you_mean("lvel", ["level"]))
    for other in (copy.deepcopy(message), pickle.loads(pickle.dumps(message))):  # noqa: S301  our own
        assert (other, other.template, other.values) == (message, message.template, message.values)


def test_errors_with_a_place_or_several_conflicts() -> None:
    error = RuleError(Place(file="a", line=1, column=2), "no {name!r}", "x")
    assert (str(error), error.problem) == ("a:1:2: no 'x'", "no 'x'")
    stale = StaleError([Message("{n} changed", 1), "b"], "look again")
    assert str(stale) == "1 changed\nb\nnothing was changed; look again"
