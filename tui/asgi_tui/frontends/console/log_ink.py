"""The colours of log text as Rich styles that can be read on the theme's background. Pure."""

from __future__ import annotations

from rich.color import Color
from rich.color_triplet import ColorTriplet
from rich.style import Style
from rich.terminal_theme import TerminalTheme

from asgi_tui.domain.log_entry import Ink

LEAST_CONTRAST = 2.0  # WCAG 2 ratio below which a colour is left out; black on black has 1


def ink_style(ink: Ink, background: ColorTriplet, palette: TerminalTheme) -> Style:
    """How a span is drawn over the text's own style.

    A foreground that is too close to ``background`` is left out where the span brings no background of its
    own; one that brings only a background is written in black or white. ``palette`` is what the 16 colours
    look like.
    """
    fore, back = _color(ink.fore), _color(ink.back)
    if fore is not None and back is None:
        if contrast(fore.get_truecolor(palette), background) < LEAST_CONTRAST:
            fore = None
    elif back is not None and fore is None:
        light = contrast(back.get_truecolor(palette, foreground=False), ColorTriplet(0, 0, 0)) > 4.5
        fore = Color.from_rgb(0, 0, 0) if light else Color.from_rgb(255, 255, 255)
    return Style(
        color=fore,
        bgcolor=back,
        bold=ink.bold or None,
        dim=ink.dim or None,
        italic=ink.italic or None,
        underline=ink.underline or bool(ink.link) or None,
        reverse=ink.reverse or None,
        strike=ink.strike or None,
        link=ink.link or None,
    )


def _color(name: str) -> Color | None:
    if not name:
        return None
    return Color.parse(name) if name.startswith("#") else Color.from_ansi(int(name))


def contrast(one: ColorTriplet, other: ColorTriplet) -> float:
    """The contrast of two colours, 1 to 21 (WCAG 2)."""
    first, second = sorted((_luminance(one), _luminance(other)))
    return (second + 0.05) / (first + 0.05)


def _luminance(color: ColorTriplet) -> float:
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in color.normalized
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
