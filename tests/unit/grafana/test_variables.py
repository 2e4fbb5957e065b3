"""Variables are put in as Grafana's front end does: All, one, many, and apostrophes."""

import pytest

from hypervisor.grafana.emulation import (
    Selection,
    VariableError,
    default_selections,
    interpolate,
    list_fields,
    list_names,
)

IN = "site IN (${site:sqlstring})"
ALL = Selection(every=True, all_value="'*'")
FORMS = {
    "all": (IN, ALL, "site IN ('*')"),
    "one": (IN, Selection(values=("a",)), "site IN ('a')"),
    "many": (IN, Selection(values=("a", "b")), "site IN ('a','b')"),
    "an apostrophe": (IN, Selection(values=("L'Haÿ",)), "site IN ('L''Haÿ')"),
    "none": (IN, Selection(), "site IN ()"),
    "one of one": ("'$site'", Selection(values=("L'Haÿ",), multi=False), "'L''Haÿ'"),
    "the source's own form": ("IN ($site)", Selection(values=("a", "b'")), "IN ('a','b''')"),
    "raw": ("${site:raw}", Selection(values=("a", "b")), "a,b"),
    "the old form": ("[[site:sqlstring]]", Selection(values=("a",)), "'a'"),
}


@pytest.mark.parametrize(("text", "chosen", "sent"), FORMS.values(), ids=FORMS)
def test_what_is_chosen_is_put_in(text: str, chosen: Selection, sent: str) -> None:
    assert interpolate(text, {"site": chosen}) == sent


def test_what_no_variable_is_called_stays() -> None:
    assert interpolate("$other ${__data.fields.a} $1", {"site": ALL}) == (
        "$other ${__data.fields.a} $1"
    )


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(VariableError, match="expected the format sqlstring"):
        interpolate("${site:sqlstrng}", {"site": Selection(values=("a",))})


def test_names_are_found_without_grafanas_own() -> None:
    text = "$site ${river:sqlstring} [[bank]] $__interval ${__data.fields.x} $__timeFrom() $1"
    assert list_names(text) == {"site", "river", "bank"}
    assert list_fields("${__data.fields.site} ${__data.fields.alarm:raw}") == {"site", "alarm"}


def test_a_dashboard_opens_with_all_of_what_has_all() -> None:
    listed = [
        {"name": "site", "allValue": "'*'", "current": {"value": ["$__all"]}, "multi": True},
        {"name": "kind", "current": {"value": "a"}, "includeAll": False},
    ]
    assert default_selections({"templating": {"list": listed}}) == {
        "site": Selection(values=("$__all",), every=True, all_value="'*'", multi=True),
        "kind": Selection(values=("a",), multi=False),
    }
