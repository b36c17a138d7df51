"""The dialog that picks the app's file."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import ClassVar

from rich.text import Text, TextType
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import DirectoryTree, Static
from textual.widgets.directory_tree import DirEntry

from asgi_tui.frontends.console.format import path as shown_path
from asgi_tui.frontends.console.screens.launch_dialog import LaunchDialog, cut

MOST = 2_000  # entries of one directory that are looked at
_LEFT_OUT = frozenset({"__pycache__", "node_modules", "site-packages"})
_KEYS = "Enter opens a folder, takes a file · Esc closes"


class SourceTree(DirectoryTree):
    """Folders and Python files in one directory; links out of it are not followed."""

    ICON_NODE = "▸ "
    ICON_NODE_EXPANDED = "▾ "
    ICON_FILE = "  "
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right", "open(True)", "Open", show=False),
        Binding("left", "open(False)", "Close", show=False),
    ]

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.show_root = False
        self._top = root

    def filter_paths(self, paths: Iterable[Path]) -> Iterable[Path]:
        """Folders and .py files without what is hidden, generated or installed; runs in a thread."""
        return [path for path in islice(paths, MOST) if self._wanted(path)]

    def process_label(self, label: TextType) -> Text:
        """A name on one line; ``filter_paths`` let only printable ones through."""
        return label if isinstance(label, Text) else Text(label)

    def on_tree_node_expanded(self, event: DirectoryTree.NodeExpanded[DirEntry]) -> None:
        """The cursor comes with the first names."""
        if event.node is self.root:
            self.call_after_refresh(self._begin)

    def action_open(self, opened: bool) -> None:
        """Opens the folder, or closes it."""
        node = self.cursor_node
        if node is not None and node.allow_expand:
            if opened:
                node.expand()
            else:
                node.collapse()

    def _begin(self) -> None:
        if self.cursor_line < 0:
            self.action_cursor_down()

    def _wanted(self, path: Path) -> bool:
        name = path.name
        if name.startswith(".") or name in _LEFT_OUT or not name.isprintable():
            return False
        try:
            if path.is_dir():
                return not path.is_symlink() and not (path / "pyvenv.cfg").exists()
            return name.endswith(".py") and path.is_file() and path.resolve().is_relative_to(self._top)
        except (OSError, RuntimeError):  # not for us to read, or links in a circle
            return False


class FileDialog(LaunchDialog[str]):
    """The Python files in ``cwd`` and below; gives the path of the one picked, relative to ``cwd``.

    ``cwd`` is absolute and resolved; ``home`` is shown as ``~``.
    """

    def __init__(self, cwd: str, *, home: str) -> None:
        super().__init__()
        self._cwd = Path(cwd)
        self._home = home

    def compose(self) -> ComposeResult:
        """The tree."""
        with self.box("File of the app", _KEYS, fixed=True):
            yield Static(cut(shown_path(str(self._cwd), self._home)), classes="hint", markup=False)
            yield SourceTree(self._cwd)
            yield self.said()
            yield self.buttons(
                ("take", "Open", "Open the folder, or take the file (Enter)"),
                ("close", "Cancel", "Leave the form as it is (Esc)"),
            )

    def on_mount(self) -> None:
        """At the top."""
        self.query_one(SourceTree).focus()
        self.say("Folders and .py files, without what is hidden, generated or installed.")

    def action_take(self) -> None:
        """As Enter in the tree."""
        self.query_one(SourceTree).action_select_cursor()

    def on_directory_tree_file_selected(self, event: DirectoryTree.FileSelected) -> None:
        """Picked."""
        self.dismiss(str(event.path.relative_to(self._cwd)))
