"""The command palette: every action that means something now."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider

if TYPE_CHECKING:
    from asgi_tui.frontends.console.app import ConsoleApp

SAID = 0.01  # what a hit in the help counts, less than any in the title

Command = tuple[str, str, Callable[[], Any]]  # Any: what Textual lets a command return


class ConsoleCommands(Provider):
    """Offers the active bindings of the screen below, the servers to switch to, and the modes."""

    def commands(self) -> Iterator[Command]:
        """Title, help and what to do."""
        app = cast("ConsoleApp", self.app)
        offered: list[Command] = []
        hidden: list[Command] = []
        seen = set()
        for active in self.screen.active_bindings.values():
            binding = active.binding
            named = binding.id and "." in binding.id
            if not named or not active.enabled or binding.action in seen:
                continue
            seen.add(binding.action)
            run = partial(app.run_action, binding.action, active.node)
            help_text = f"{binding.tooltip} (key {app.get_key_display(binding)})"
            (offered if binding.show else hidden).append((binding.description, help_text, run))
        # what the footer offers comes first
        yield from offered
        for name in app.switchable():
            yield f"Switch to {name}", "Move the running app there", partial(app.switch_to, name)
        yield from hidden

    async def discover(self) -> Hits:
        """Everything, before anything is typed."""
        for title, help_text, run in self.commands():
            yield DiscoveryHit(title, run, help=help_text)

    async def search(self, query: str) -> Hits:
        """What matches."""
        matcher, words = self.matcher(query), query.casefold().split()
        for title, help_text, run in self.commands():
            said = help_text.casefold()
            # of a sentence nearly every query matches some letters
            score = matcher.match(title) or SAID * all(word in said for word in words)
            if score > 0:
                yield Hit(score, matcher.highlight(title), run, help=help_text)
