"""The key of a map's states: Grafana's own legend shows steps only."""

from dashboards._colours import State
from dashboards._describe import Panel
from dashboards._views import Geomap, Words
from dashboards._widths import measure, room
from dashboards._words import Lang, Text, words

_ABOUT = Text("What the colours of the map mean.", "Ce que veulent dire les couleurs de la carte.")
_APART = 34  # px that a mark and the space between two words take
_LINE, _ROW = 22, 38  # px: a line of text, and of the grid


def key_of(panel: Panel) -> Panel | None:
    """What stands at the foot of a map of states; None of any other panel."""
    states = list_map_states(panel)
    if not states:
        return None
    lines = max(_count_lines(states, panel.width, lang) for lang in ("en", "fr"))
    return Panel(
        key=f"{panel.key}-key",
        title=Text("", ""),
        about=_ABOUT,
        view=Words(content=Text(_write(states, "en"), _write(states, "fr"))),
        width=panel.width,
        height=1 + -(-lines * _LINE // _ROW),
    )


def list_map_states(panel: Panel) -> tuple[State, ...]:
    """The states by which a map colours its marks, of a colour each."""
    if not isinstance(panel.view, Geomap):
        return ()
    name = panel.view.colour_by
    return next((each.states for each in panel.columns if each.name == name), panel.states)


def _write(states: tuple[State, ...], lang: Lang) -> str:
    """Markdown with the marks in their colours."""
    return "&emsp; ".join(
        f'<span style="color: {state.colour}">\N{BLACK CIRCLE}</span>\N{NO-BREAK SPACE}'
        + words(state.text, lang).replace(" ", "\N{NO-BREAK SPACE}")
        for state in states
    )


def _count_lines(states: tuple[State, ...], width: int, lang: Lang) -> int:
    lines, used = 1, 0
    for state in states:
        needed = measure(words(state.text, lang)) + _APART
        if used and used + needed > room(width):
            lines, used = lines + 1, 0
        used += needed
    return lines
