"""What is imported with the app: how long it took, and what the next process may import in advance.

Installed modules are imported in advance by the standby (``asgi_probe.standby``), where the user's code
has not run. So those are left out that might come out differently there: modules that import user code
themselves, and all that is first imported after user code changed ``os.environ``, ``sys.path`` or
``sys.meta_path``.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from importlib.machinery import ExtensionFileLoader, SourceFileLoader, SourcelessFileLoader

from .origin import is_user_file, libraries

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, Iterator, Sequence

# Bounds of what is told: modules, and slow imports.
MAX_MODULES = 10_000
MAX_SLOW = 10
# Milliseconds from which on an import is worth a word.
SLOW_MS = 1.0

# How this package is called in the app's process.
OURS = "_asgi_tui"

# As importlib's own code is called.
IMPORTLIB = "<frozen importlib._bootstrap>"

# These load one module each; others may be shared by many, or be the user's own.
_LOADERS = (SourceFileLoader, SourcelessFileLoader, ExtensionFileLoader)


class _Running:
    """A module whose code runs now."""

    def __init__(self, name: str, user: bool) -> None:
        self.name = name
        self.user = user
        self.started = time.perf_counter()
        self.inner = 0.0


class Record:
    """A finder that stands first on ``sys.meta_path`` while the app is imported, and changes nothing.

    What the other finders find passes through it. Between two of its looks ran the code of the module that
    is being imported, so it knows whose doing a change was.
    """

    def __init__(self) -> None:
        # What user code changed, in words: "os.environ NAME", "sys.path", "sys.meta_path".
        self.altered: set[str] = set()
        self.importers: set[str] = set()
        self.times: list[tuple[float, str, bool]] = []
        self._thread = 0
        self._running: list[_Running] = []
        # The modules there were when user code first changed something; None where it never did.
        self._before: set[str] | None = None
        self._environ: dict[Any, Any] = {}
        self._path: list[str] = []
        self._finders: list[Any] = []

    def __enter__(self) -> Record:
        self._thread = threading.get_ident()
        # Imports something itself, which must not happen while this is asked.
        libraries()
        self._remember()
        sys.meta_path.insert(0, self)
        return self

    def __exit__(self, *_: object) -> None:
        self._look()
        self._running.clear()
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    # -- importlib's side ----------------------------------------------------------------------------

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> Any:
        """What the other finders find, its loading timed."""
        if threading.get_ident() != self._thread:
            return None
        self._look()
        spec = find(self, name, path, target)
        if spec is None:
            return None
        try:
            user = is_users(spec)
            loader = spec.loader
        except Exception:
            # Other finders may give what they like, as long as importlib can use it.
            return spec
        if user:
            self.importers.update(importing())
        if type(loader) in _LOADERS:
            self._time(name, loader, user)
        return spec

    def _time(self, name: str, loader: Any, user: bool) -> None:
        execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            # As it was: whoever looks at the loader later finds nothing of ours.
            vars(loader).pop("exec_module", None)
            self._look()
            running = _Running(name, user)
            self._running.append(running)
            try:
                execute(module)
            finally:
                self._look()
                self._ended(running)

        # Tracebacks are cleared of importlib's frames (CPython, remove_importlib_frames), so of this one too.
        exec_module.__code__ = exec_module.__code__.replace(co_filename=IMPORTLIB)
        loader.exec_module = exec_module

    def _ended(self, running: _Running) -> None:
        if running not in self._running:
            return
        del self._running[self._running.index(running) :]
        elapsed = time.perf_counter() - running.started
        if self._running:
            self._running[-1].inner += elapsed
        own = (elapsed - running.inner) * 1000
        if own >= SLOW_MS:
            self.times.append((own, running.name, running.user))

    # -- what changed --------------------------------------------------------------------------------

    def _look(self) -> None:
        environ = _environ()
        # Finders of ours come and go.
        finders = [finder for finder in sys.meta_path if finder is not self]
        if environ == self._environ and sys.path == self._path and finders == self._finders:
            return
        # A library that changes something while it is imported does so in the standby too.
        if not self._running or self._running[-1].user:
            names = {key for key, _ in environ.items() ^ self._environ.items()}
            self.altered |= {f"os.environ {os.fsdecode(name)}" for name in names}
            self.altered |= {"sys.path"} if sys.path != self._path else set()
            self.altered |= {"sys.meta_path"} if finders != self._finders else set()
            if self._before is None:
                self._before = set(sys.modules)
        self._remember()

    def _remember(self) -> None:
        self._environ = dict(_environ())
        self._path = list(sys.path)
        self._finders = [finder for finder in sys.meta_path if finder is not self]

    # -- what was found ------------------------------------------------------------------------------

    def slowest(self) -> list[tuple[str, float, bool]]:
        """Module, its own milliseconds and whether it is the user's; the slowest first."""
        self.times.sort(reverse=True)
        return [(name, round(own, 1), user) for own, name, user in self.times[:MAX_SLOW]]

    def installed(self) -> list[str]:
        """The installed modules that can be imported in advance, in the order in which they were ready."""
        if self._before is None and (_environ() != self._environ or sys.path != self._path):
            # The app has changed something since it was imported.
            self._before = set(sys.modules)
        modules = list(sys.modules.items())[:MAX_MODULES]
        found = {
            name
            for name, module in modules
            if name not in self.importers
            and (self._before is None or name in self._before)
            and is_installed(name, module)
        }
        # A package is imported with what is in it: where it is left out, so is all below it.
        return [name for name, _ in modules if name in found and found.issuperset(_parents(name))]

    def told(self) -> dict[str, object]:
        """What the next standby needs: the modules to import and those to refuse."""
        return {"installed": self.installed(), "never": self.never()}

    def never(self) -> list[str]:
        """The modules that must not be imported in advance, whoever asks for them."""
        before = self._before
        late = set() if before is None else sys.modules.keys() - before
        return sorted(self.importers | late)[:MAX_MODULES]


def _parents(name: str) -> Iterator[str]:
    while "." in name:
        name = name.rpartition(".")[0]
        yield name


def _environ() -> dict[Any, Any]:
    # Any: bytes or text, as the platform has it. Private, but its copy would be slow to make and compare.
    data = getattr(os.environ, "_data", None)
    return data if isinstance(data, dict) else dict(os.environ)


def find(me: object, name: str, path: Any, target: Any) -> Any:
    """The first spec that another finder on ``sys.meta_path`` has (importlib, ``_find_spec``)."""
    for finder in list(sys.meta_path):
        if finder is me:
            continue
        find_spec = getattr(finder, "find_spec", None)
        if find_spec is None:
            # A finder of the old kind (before Python 3.12): importlib knows how to ask it.
            return None
        spec = find_spec(name, path, target)
        if spec is not None:
            return spec
    return None


def is_users(spec: Any) -> bool:
    """Whether a spec is of user code; a namespace package is if any part of it lies outside."""
    if spec.origin is None or spec.loader is None:
        places = spec.submodule_search_locations
        return places is not None and any(is_user_file(os.path.join(place, "")) for place in places)
    return bool(spec.has_location) and is_user_file(spec.origin)


def is_installed(name: str, module: Any) -> bool:
    """Whether a loaded module is one of the interpreter or of an installed package, under its own name."""
    names = getattr(module, "__dict__", None)
    if not isinstance(names, dict):
        return False
    spec = names.get("__spec__")
    if spec is None or getattr(spec, "name", None) != name or name.startswith(OURS):
        return False
    origin = getattr(spec, "origin", None)
    # Built-in and frozen modules are there anyway.
    placed = getattr(spec, "has_location", False) if origin else names.get("__path__")
    return bool(placed) and not is_users(spec)


def importing() -> set[str]:
    """The installed modules whose own code is running up the stack."""
    names = set()
    frame: Any = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_name == "<module>" and not is_user_file(frame.f_code.co_filename):
            name = frame.f_globals.get("__name__")
            if isinstance(name, str) and name != "__main__" and not name.startswith(OURS):
                names.add(name)
        frame = frame.f_back
    return names


RECORD = Record()
