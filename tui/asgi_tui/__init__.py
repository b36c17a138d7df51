"""asgi-tui: the terminal console for ASGI servers."""

__version__ = "0.1.0"
