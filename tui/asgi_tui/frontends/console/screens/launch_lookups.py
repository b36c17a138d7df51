"""What the Launch screen has looked up in threads while its form is filled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from textual import work
from textual.message import Message
from textual.screen import Screen
from textual.timer import Timer

from asgi_tui.domain.errors import Problem
from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.target import Target
from asgi_tui.frontends.console.launch_state import LaunchState

if TYPE_CHECKING:
    from asgi_tui.engine.knowledge import Knowledge
    from asgi_tui.engine.outlook import Outlook
    from asgi_tui.engine.project import Project

ANY_TARGET = Target(module="app", attribute="app")  # for questions that no target bears on
SETTLE = 0.4  # seconds of no typing after which files and interpreters are looked at
AFTER_PAINT = 0.1  # seconds the first paint gets before a thread shares the interpreter with it


class LaunchLookups(Screen[None]):
    """Asks for targets, interpreters and outlooks, and puts the answers into the state."""

    class Look(Message):
        """The project is to be looked at again, ``python`` empty for the interpreter it chooses itself."""

        def __init__(self, cwd: str, python: str) -> None:
            self.cwd = cwd
            self.python = python
            super().__init__()

    def __init__(self, state: LaunchState, knowledge: Knowledge) -> None:
        super().__init__()
        self._state = state
        self._knowledge = knowledge
        self._settling: dict[str, Timer] = {}
        self._asked: object = None  # what the outlook was asked for last

    def show_found(self) -> None:
        """Shows the state anew. For the subclass to do."""
        raise NotImplementedError

    def draft_plan(self) -> LaunchPlan:
        """The draft as far as it can be read, also without a target."""
        draft = self._state.draft
        return self._state.reading.shown or replace(
            draft.base, target=ANY_TARGET, server=draft.server
        ).with_options({})

    def complete(self, text: str) -> Sequence[str]:
        """Targets that begin with a text; blocking."""
        draft = self._state.draft
        return self._knowledge.complete(Path(draft.base.cwd, draft.values.get("app_dir", "")), text)

    def name_python_soon(self) -> None:
        """Has the project looked at with the interpreter that is typed, once it is."""
        self._settle("python", self._name_python)

    def resolve_soon(self, plan: LaunchPlan) -> None:
        """Has the target of a plan found in the files."""
        self._settle("target", partial(self._resolve, plan))

    def look_out_soon(self) -> None:
        """Has the outlook looked up where something it depends on is another."""
        project, base = self._state.project, self._state.draft.base
        texts = tuple(sorted(self._state.draft.values.items()))
        asked = (project, self._state.draft.server, base.cwd, base.env, base.env_files, base.native, texts)
        if project is None or asked == self._asked:
            return
        self._asked = asked
        wait = AFTER_PAINT if self._state.outlook is None else SETTLE
        self._settle("outlook", partial(self._look_out, self.draft_plan(), project), wait)

    def look_out_again(self) -> None:
        """Whatever is known may be another: it is looked up anew with the next change."""
        self._asked = None

    # -- inside ------------------------------------------------------------------------------------

    def _settle(self, name: str, then: Callable[[], object], wait: float = SETTLE) -> None:
        """Calls ``then`` once nothing was typed for a while."""
        if name in self._settling:
            self._settling[name].stop()
        self._settling[name] = self.set_timer(wait, then)

    def _name_python(self) -> None:
        draft = self._state.draft
        self.post_message(self.Look(draft.base.cwd, draft.python.strip()))

    @work(thread=True, exclusive=True, group="outlook", exit_on_error=False)
    def _look_out(self, plan: LaunchPlan, project: Project) -> None:
        outlook = self._knowledge.outlook(plan, project)
        self.app.call_from_thread(self._show_outlook, outlook)

    def _show_outlook(self, outlook: Outlook) -> None:
        if outlook != self._state.outlook:
            self._state.outlook = outlook
            self.show_found()

    @work(thread=True, exclusive=True, group="resolve", exit_on_error=False)
    def _resolve(self, plan: LaunchPlan) -> None:
        from asgi_tui.engine.project import resolve_target

        resolved, problem = plan, ""
        try:
            resolved = resolve_target(plan)
        except Problem as found:
            problem = str(found)
        self.app.call_from_thread(self._show_resolved, plan, resolved, problem)

    def _show_resolved(self, plan: LaunchPlan, resolved: LaunchPlan, problem: str) -> None:
        if plan == self._state.reading.plan:
            self._state.resolved, self._state.target_problem = (plan, resolved), problem
            self.show_found()
