"""The private directory of one console: the probe, its socket and what a run needs on disk."""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import asgi_probe
from asgi_tui.domain.servers.base import PROBE_PACKAGE
from asgi_tui.domain.values import UDS_PATH_BYTES


@dataclass(frozen=True, slots=True)
class RunFile:
    """What the probe reads (``asgi_probe.run``); field names are the file's keys."""

    generation: int
    module: str
    attribute: str
    factory: bool
    app_dir: str
    telemetry: str
    token_path: str
    traces_per_second: int | None
    gunicorn_conf: str


class RuntimeDirectory:
    """A directory of mode 0700 that holds all that the child may import or open of ours.

    The only entry of ours on the child's ``sys.path``: the console's own packages stay out of the app.
    """

    def __init__(self) -> None:
        # mkdtemp gives mode 0700.
        self.path = Path(tempfile.mkdtemp(prefix="asgi-tui-"))
        if len(bytes(self.telemetry_socket)) > UDS_PATH_BYTES:
            # $TMPDIR is deep in some directory.
            self.path.rmdir()
            self.path = Path(tempfile.mkdtemp(prefix="asgi-tui-", dir="/tmp"))
        source = Path(asgi_probe.__file__).parent
        shutil.copytree(source, self.path / PROBE_PACKAGE, ignore=shutil.ignore_patterns("__pycache__"))

    @property
    def launcher(self) -> Path:
        """The script that the app's interpreter runs."""
        return self.path / PROBE_PACKAGE / "launch.py"

    @property
    def gunicorn_conf(self) -> Path:
        """The configuration file gunicorn is given."""
        return self.path / PROBE_PACKAGE / "gunicorn_conf.py"

    @property
    def telemetry_socket(self) -> Path:
        """Where the probe connects to."""
        return self.path / "t.sock"

    def write_run(self, run: RunFile) -> Path:
        """Writes a run's file and returns its path."""
        path = self.path / f"run-{run.generation}.json"
        path.write_text(json.dumps(asdict(run)), encoding="utf-8")
        return path

    def forget_run(self, generation: int) -> None:
        """Removes a run's file, which only its processes read."""
        (self.path / f"run-{generation}.json").unlink(missing_ok=True)

    def remove(self) -> None:
        """Takes the directory away; what is in use by a dying child goes with the guard."""
        shutil.rmtree(self.path, ignore_errors=True)
