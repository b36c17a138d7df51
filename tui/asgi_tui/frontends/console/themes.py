"""The console's two themes: quiet greys, one accent for what has focus, colours only for meaning."""

from __future__ import annotations

from textual.theme import Theme

DARK = Theme(
    name="asgi-dark",
    dark=True,
    primary="#5aa9e6",
    secondary="#7d8fa3",
    accent="#5aa9e6",
    success="#6cc48a",
    warning="#e3b341",
    error="#f2777a",
    foreground="#d7dde5",
    background="#12161c",
    surface="#181d25",
    panel="#202732",
    variables={
        "border": "#5aa9e6",
        "border-blurred": "#343d4a",
        "text-muted": "#9aa6b5",
        "text-disabled": "#6b7787",
        "block-cursor-background": "#1d466b",
        "block-cursor-foreground": "#ffffff",
        "block-cursor-blurred-background": "#26313f",
        "block-cursor-blurred-foreground": "#d7dde5",
        "block-hover-background": "#232c38",
        "footer-background": "#202732",
        "footer-key-foreground": "#7cc0f2",
        "footer-description-foreground": "#b4bfcc",
        "scrollbar": "#3a4656",
        "scrollbar-hover": "#4a586b",
        "scrollbar-active": "#5aa9e6",
        "scrollbar-background": "#161b22",
        "scrollbar-corner-color": "#161b22",
        "text-success": "#6cc48a",
        "text-warning": "#e3b341",
        "text-error": "#f58b8d",
        "text-primary": "#7cc0f2",
        "text-accent": "#7cc0f2",
        "fault-background": "#5c2226",
        "fault-foreground": "#ffe3e3",
        "find-background": "#e3b341",
        "find-foreground": "#12161c",
        "button-color-foreground": "#0d1117",
    },
)

LIGHT = Theme(
    name="asgi-light",
    dark=False,
    primary="#0b63b0",
    secondary="#56657a",
    accent="#0b63b0",
    success="#1a7f45",
    warning="#8a5a00",
    error="#b3261e",
    foreground="#1c2430",
    background="#f4f6f8",
    surface="#ffffff",
    panel="#e4e9ef",
    variables={
        "border": "#0b63b0",
        "border-blurred": "#b9c3cf",
        "text-muted": "#566376",
        "text-disabled": "#7b8797",
        "block-cursor-background": "#c3dcf5",
        "block-cursor-foreground": "#0b1c2e",
        "block-cursor-blurred-background": "#e0e8f0",
        "block-cursor-blurred-foreground": "#1c2430",
        "block-hover-background": "#e6edf5",
        "footer-background": "#e4e9ef",
        "footer-key-foreground": "#0b63b0",
        "footer-description-foreground": "#3a4656",
        "scrollbar": "#b9c3cf",
        "scrollbar-hover": "#9aa7b6",
        "scrollbar-active": "#0b63b0",
        "scrollbar-background": "#eaeef2",
        "scrollbar-corner-color": "#eaeef2",
        "text-success": "#176b3b",
        "text-warning": "#7a5000",
        "text-error": "#a8201a",
        "text-primary": "#0b5aa0",
        "text-accent": "#0b5aa0",
        "fault-background": "#b3261e",
        "fault-foreground": "#ffffff",
        "find-background": "#ffd54a",
        "find-foreground": "#1c2430",
        "button-color-foreground": "#ffffff",
    },
)

THEMES = (DARK, LIGHT)
# Variables of ours that every other theme must have a value for too.
FALLBACKS = {
    name: str(DARK.variables[name])
    for name in ("fault-background", "fault-foreground", "find-background", "find-foreground")
}
