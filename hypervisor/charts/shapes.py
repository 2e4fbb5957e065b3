"""SVG shapes, styled by classes alone. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

_ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
Anchor = Literal["start", "middle", "end"]


@dataclass(frozen=True, kw_only=True)
class Shape:
    """An element: tag, classes, attributes; `words`: the content of a text."""

    tag: str
    css: str
    attributes: Mapping[str, str | float] = field(default_factory=dict)
    words: str = ""
    tooltip: str = ""


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A priority mark: 1 to 4; full (un), hollow (ack), dashed (rtn) or grey (shv)."""

    priority: int
    state: str
    x: float
    y: float
    size: float
    tooltip: str = ""
    tag: str = "mark"


Drawn = Shape | Mark


def path(css: str, d: str, **more: str | float) -> Shape:
    attributes = {name.replace("_", "-"): value for name, value in more.items()}
    return Shape(tag="path", css=css, attributes={"d": d, **attributes})


def rect(  # noqa: PLR0913, PLR0917  what a rectangle is
    css: str, x: float, y: float, width: float, height: float, tooltip: str = ""
) -> Shape:
    box = {"x": _r(x), "y": _r(y), "width": max(_r(width), 0.5), "height": max(_r(height), 0)}
    return Shape(tag="rect", css=css, attributes=box, tooltip=tooltip)


def circle(css: str, x: float, y: float, radius: float, tooltip: str = "") -> Shape:
    return Shape(
        tag="circle", css=css, attributes={"cx": _r(x), "cy": _r(y), "r": radius}, tooltip=tooltip
    )


def text(css: str, x: float, y: float, words: str, anchor: Anchor = "start") -> Shape:
    place: dict[str, str | float] = {"x": _r(x), "y": _r(y)}
    if anchor != "start":
        place["text-anchor"] = anchor
    return Shape(tag="text", css=css, attributes=place, words=words)


def horizontal(css: str, left: float, right: float, y: float, dashes: str = "") -> Shape:
    """A horizontal line."""
    more = {"stroke_dasharray": dashes} if dashes else {}
    return path(css, f"M{_r(left)} {_r(y)}H{_r(right)}", **more)


def vertical(css: str, x: float, top: float, bottom: float) -> Shape:
    """A vertical line."""
    return path(css, f"M{_r(x)} {_r(top)}V{_r(bottom)}")


def line(css: str, points: Sequence[tuple[float, float]]) -> Shape:
    """A line through points; a single point becomes a dot."""
    if len(points) == 1:
        (x, y) = points[0]
        return path(css, f"M{x} {y}h.1")
    return path(css, "M" + "L".join(f"{x} {y}" for x, y in points))


def area(
    css: str, upper: Sequence[tuple[float, float]], lower: Sequence[tuple[float, float]]
) -> Shape:
    """The area between two lines."""
    way = [*upper, *reversed(lower)]
    return path(css, "M" + "L".join(f"{x} {y}" for x, y in way) + "Z")


def staircase(points: Sequence[tuple[float, float]], right: float) -> list[tuple[float, float]]:
    """The corners of a value that holds until the next one."""
    ends = [*(x for x, _y in points[1:]), right]
    return [
        corner for (x, y), end in zip(points, ends, strict=False) for corner in ((x, y), (end, y))
    ]


def cut(words: str, letters: int) -> str:
    """The words, shortened with an ellipsis if they have more letters."""
    return words if len(words) <= letters else words[: letters - 1].rstrip() + _ELLIPSIS


def _r(value: float) -> float:
    return round(value, 1)
