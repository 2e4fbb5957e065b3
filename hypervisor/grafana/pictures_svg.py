"""Plain marks of a picture, as text of SVG."""

from collections.abc import Iterable, Sequence
from html import escape

GRID = "var(--grid)"
SOFT = "var(--ink-3)"
LETTER = 6.8  # px of 12 px type


def text(x: float, y: float, words: str, anchor: str = "start", **more: str) -> str:
    said = "".join(f' {key.replace("_", "-")}="{value}"' for key, value in more.items())
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{said}>{escape(words)}</text>'


def rect(  # noqa: PLR0913, PLR0917  what a rectangle is
    x: float, y: float, width: float, height: float, fill: str, opacity: float = 1
) -> str:
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0.6):.1f}"'
        f' height="{max(height, 0):.1f}" style="fill:{fill}" fill-opacity="{opacity:.2f}"/>'
    )


def circle(x: float, y: float, radius: float, fill: str, opacity: float = 1) -> str:
    return (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" style="fill:{fill}"'
        f' fill-opacity="{opacity:.2f}"/>'
    )


def path(points: Sequence[tuple[float, float]], stroke: str, width: float, dash: str = "") -> str:
    if not points:
        return ""
    way = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    way += "h.1" if len(points) == 1 else ""
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<path d="{way}" fill="none" style="stroke:{stroke}" stroke-width="{width:.1f}"'
        f' stroke-linejoin="round"{dashed}/>'
    )


def area(points: Sequence[tuple[float, float]], fill: str, opacity: float) -> str:
    way = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return f'<path d="M{way}Z" style="fill:{fill}" fill-opacity="{opacity:.2f}"/>' if points else ""


def drawing(width: float, height: float, marks: Iterable[str]) -> str:
    return f'<svg width="{width:.0f}" height="{height:.0f}">{"".join(marks)}</svg>'


def cut(words: str, room: float) -> str:
    """The words as far as they have room, in 12 px type."""
    letters = max(int(room / LETTER), 2)
    return words if len(words) <= letters else f"{words[: letters - 1]}\N{HORIZONTAL ELLIPSIS}"


def legend(named: Sequence[tuple[str, str]], width: float, lines: int = 2) -> str:
    """Pieces of colour with their names, as many as there is room for, and how many more."""
    shown, used, room = [], 0.0, width * lines - 60
    for words, shade in named:
        used += min(len(words), 40) * LETTER + 34
        if used > room:
            break
        shown.append((cut(words, 40 * LETTER), shade))
    more = len(named) - len(shown)
    items = "".join(f'<i style="background:{shade}"></i>{escape(words)}' for words, shade in shown)
    return f'<p class="legend">{items}{f" + {more}" if more else ""}</p>' if named else ""
