"""Styles over a line that is drawn already."""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from textual.screen import Screen
from textual.strip import Strip


def over(strip: Strip, style: Style) -> Strip:
    """A strip with a style over those it has."""
    return Strip([Segment(text, (own or Style()) + style) for text, own, _ in strip], strip.cell_length)


def selected(strip: Strip, span: tuple[int, int], screen: Screen[object]) -> Strip:
    """A strip whose cells from and up to the ends of ``span``, -1 the last one, are in the selection."""
    start, end = span
    cells = strip.cell_length
    end = cells if end == -1 else min(end, cells)
    style = screen.get_component_rich_style("screen--selection", partial=True)
    return Strip.join([strip.crop(0, start), over(strip.crop(start, end), style), strip.crop(end, cells)])
