"""What a chart is made of: plain shapes of SVG, styled by classes alone. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Anchor = Literal["start", "middle", "end"]


@dataclass(frozen=True, kw_only=True)
class Shape:
    """One element: a tag, its classes, its attributes and, of a text, its words."""

    tag: str
    css: str
    attributes: Mapping[str, str | float] = field(default_factory=dict)
    words: str = ""
    tooltip: str = ""  # a title, for those who hover or listen


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
    return Shape(tag="path", css=css, attributes={"d": d, **_dashed(more)})


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
    """A level line."""
    return path(
        css, f"M{_r(left)} {_r(y)}H{_r(right)}", **({"stroke_dasharray": dashes} if dashes else {})
    )


def vertical(css: str, x: float, top: float, bottom: float) -> Shape:
    """A plumb line."""
    return path(css, f"M{_r(x)} {_r(top)}V{_r(bottom)}")


def line(css: str, points: Sequence[tuple[float, float]]) -> Shape:
    """A broken line through points; one point alone is a dot of its own width."""
    if len(points) == 1:
        (x, y) = points[0]
        return path(css, f"M{x} {y}h.1")
    return path(css, "M" + "L".join(f"{x} {y}" for x, y in points))


def area(
    css: str, upper: Sequence[tuple[float, float]], lower: Sequence[tuple[float, float]]
) -> Shape:
    """What lies between two lines."""
    way = [*upper, *reversed(lower)]
    return path(css, "M" + "L".join(f"{x} {y}" for x, y in way) + "Z")


def staircase(points: Sequence[tuple[float, float]], right: float) -> list[tuple[float, float]]:
    """The points of a value that holds until the next."""
    corners: list[tuple[float, float]] = []
    for x, y in points:
        if corners:
            corners.append((x, corners[-1][1]))
        corners.append((x, y))
    if corners:
        corners.append((right, corners[-1][1]))
    return corners


def _dashed(more: Mapping[str, str | float]) -> dict[str, str | float]:
    return {name.replace("_", "-"): value for name, value in more.items()}


def _r(value: float) -> float:
    return round(value, 1)
