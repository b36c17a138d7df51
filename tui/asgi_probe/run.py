"""What this run is: the file that the console wrote, named by an environment variable.

An environment variable, since it also reaches workers that are spawned by the server.
"""

import json
import os

VARIABLE = "ASGI_TUI_RUN"


def read_run():
    """The run's settings: generation, target, telemetry socket and token path."""
    with open(os.environ[VARIABLE], encoding="utf-8") as file:
        return json.load(file)


RUN = read_run()
