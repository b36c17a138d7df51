"""``python -m asgi_tui``."""

import sys

# -m puts the working directory first, where a project's own click.py or rich/ would be imported for ours.
if not sys.flags.safe_path:
    del sys.path[0]

from asgi_tui.cli import main

main()
