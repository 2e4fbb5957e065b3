"""Where panels stand: from left to right, then below; sections over the width."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from grafana_foundation_sdk.models.dashboard import GridPos

from dashboards._describe import Panel

WIDTH = 24


@dataclass
class Pen:
    """The place where the next panel goes."""

    x: int = 0
    y: int = 0
    height: int = 0

    def place(self, panel: Panel) -> GridPos:
        """Right of the last one where it fits, else at the beginning of a new line."""
        if self.x + panel.width > WIDTH:
            self.new_line()
        place = GridPos(x=self.x, y=self.y, w=panel.width, h=panel.height)
        self.x += panel.width
        self.height = max(self.height, panel.height)
        return place

    def new_line(self) -> None:
        """Below everything that stands on this line."""
        self.x, self.y, self.height = 0, self.y + self.height, 0

    def heading(self) -> GridPos:
        """A line of its own."""
        self.new_line()
        place = GridPos(x=0, y=self.y, w=WIDTH, h=1)
        self.y += 1
        return place


def place_panels(pen: Pen, panels: Iterable[Panel]) -> Iterator[tuple[Panel, GridPos]]:
    """Panels with their places."""
    for panel in panels:
        yield panel, pen.place(panel)
