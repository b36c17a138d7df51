"""``python -m asgi_tui``."""

from asgi_tui.cli import main

main()
