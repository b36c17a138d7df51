"""What can be clicked in the frame of the traffic pane: windows of time, views, and what is done to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.content import Content
from textual.style import Style

WINDOWS = {"10s": "10 s", "1m": "1 min", "5m": "5 min", "all": "all"}
# by the id of the widget
VIEWS = {"routes": "Routes", "latencies": "Latency", "workers": "Workers"}
FRAME = 6  # cells of the corners and the spaces beside a title


@dataclass(frozen=True, slots=True)
class Chip:
    """A word in the frame; with an ``action`` it can be clicked. The chosen one is in brackets."""

    text: str
    action: str = ""
    chosen: bool = False
    style: str = ""


def frame(chips: Sequence[Chip], width: int) -> Content:
    """The chips in a line, without the last ones that have no room in a pane of ``width`` cells."""
    line = Content("")
    for chip in chips:
        text = Content(f"[{chip.text}]" if chip.chosen else f" {chip.text} ")
        text = text.stylize("bold $text-primary" if chip.chosen else chip.style)
        if chip.action:
            text = text.stylize(Style.from_meta({"@click": chip.action}))
        longer = line + text if line else text[0 if chip.chosen else 1 :]
        if longer.rstrip().cell_length > width - FRAME:
            break
        line = longer
    return line.rstrip()


def title_chips(window: str, *, paused: bool) -> list[Chip]:
    """The pane's name, the windows of time, and whether it stands still."""
    chips = [Chip("Traffic")]
    if paused:
        chips.append(Chip("‖ PAUSED", "pause", style="bold $text-warning"))
    chips += [Chip(text, f"window('{name}')", chosen=name == window) for name, text in WINDOWS.items()]
    return chips


def foot_chips(view: str, *, paused: bool) -> list[Chip]:
    """The views, none where ``view`` is empty as all are in sight; and what else there is to click."""
    views = VIEWS.items() if view else ()
    chips = [Chip(text, f"view('{name}')", chosen=name == view) for name, text in views]
    chips.append(Chip("k Resume" if paused else "k Pause", "pause"))
    chips.append(Chip("u Reset", "reset"))
    chips.append(Chip("/ Filter", "filter"))
    return chips
