"""Mode 1: pick a server, fill the form, start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Button, Input, Static

from asgi_tui.domain.concepts import CONCEPTS
from asgi_tui.domain.events import State
from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.servers import SERVERS
from asgi_tui.domain.target import Target
from asgi_tui.domain.text import sanitize
from asgi_tui.frontends.console import format as show
from asgi_tui.frontends.console.draft import PYTHON, TARGET, Draft, mended
from asgi_tui.frontends.console.launch_state import LOOKING, LaunchState
from asgi_tui.frontends.console.model import Part, SessionModel
from asgi_tui.frontends.console.screens.launch_tools import LaunchTools
from asgi_tui.frontends.console.screens.returned import Returned
from asgi_tui.frontends.console.widgets.choice import Choice
from asgi_tui.frontends.console.widgets.command_bar import CommandBar
from asgi_tui.frontends.console.widgets.form import FOUND, Form
from asgi_tui.frontends.console.widgets.keys import Keys
from asgi_tui.frontends.console.widgets.option_list import OptionsView
from asgi_tui.frontends.console.widgets.option_rows import OptionState
from asgi_tui.frontends.console.widgets.options_pane import OptionsPane
from asgi_tui.frontends.console.widgets.pick import Pick
from asgi_tui.frontends.console.widgets.server_list import ServerList, ServerRow
from asgi_tui.frontends.console.widgets.status_line import StatusLine
from asgi_tui.frontends.console.widgets.target_suggester import TargetSuggester
from asgi_tui.frontends.console.widgets.tool_bar import ToolBar

if TYPE_CHECKING:
    from asgi_tui.engine.knowledge import Knowledge
    from asgi_tui.engine.project import Project
    from asgi_tui.frontends.console.widgets.all_options import AllOptions

NO_APP = "No app found here. The bundled demo is filled in."
WIDE, TALL = 110, 38  # cells from which there is room to spare


def _place(python: Path) -> str:
    """The directory of an environment or installation says as much as the path of its Python, and fits."""
    prefix = python.parent.parent
    return str(python if str(prefix) in ("/", "/usr", "/usr/local") else prefix)


class LaunchScreen(LaunchTools):
    """The server list, the form and the command; asks the app to start its plan."""

    CSS_PATH = "launch.tcss"
    AUTO_FOCUS = ""
    HORIZONTAL_BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-narrow"), (WIDE, "-wide"), (170, "-huge")]  # noqa: RUF012 - as Screen declares it
    VERTICAL_BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-low"), (TALL, "-tall")]  # noqa: RUF012 - as Screen declares it
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("g", "start", "Start", tooltip="Start the server and watch it", id="launch.start"),
        Binding("m", "mend", "Mend", tooltip="Do what mends the first complaint", id="launch.mend"),
        Binding("c", "copy_command", "Copy", tooltip="Copy the native command", id="launch.copy"),
        Binding("s", "focus_servers", "Servers", tooltip="Go to the server list", id="launch.servers"),
        Binding("e", "focus_form", "Form", tooltip="Go to the form of common options", id="launch.form"),
        Binding("o", "all_options", "Options", tooltip="Every option of the server", id="launch.options"),
        Binding(
            "slash", "search", "Search options", show=False, tooltip="Search all options", id="launch.search"
        ),
        Binding("escape", "leave", "Leave field", tooltip="Leave the field", id="launch.leave"),
    ]

    class Start(Message):
        """The plan is to be started."""

        def __init__(self, plan: LaunchPlan) -> None:
            self.plan = plan
            super().__init__()

    class Opened(Message):
        """It stands, and can be told what was found out before."""

        def __init__(self, screen: LaunchScreen) -> None:
            self.screen = screen
            super().__init__()

    def __init__(self, plan: LaunchPlan | None, knowledge: Knowledge, note: str = "") -> None:
        """``note`` says where ``plan`` comes from, where that is worth a word."""
        base = plan or LaunchPlan(Target(), next(iter(SERVERS)), str(Path.cwd()))
        super().__init__(LaunchState(Draft.of(base)), knowledge)
        self._note = note
        self._given = plan is not None
        self._replaces = False
        self._started = ""
        self._offered: object = None  # what decides which keys mean something
        self._described = ""  # the server that the words below the list are about
        self._own: tuple[str, dict[str, str]] = "", {}  # a target found here, and what it needs

    def compose(self) -> ComposeResult:
        """Status, list and form, command, keys."""
        yield StatusLine("launch")
        with Horizontal(id="launch"):
            with Vertical(id="left"):
                yield ServerList()
                yield Static("", id="about", markup=False)
            yield OptionsPane()
        yield ToolBar()
        yield CommandBar()
        yield Keys()

    def on_screen_resume(self) -> None:
        """It has missed what happened meanwhile."""
        self.post_message(Returned())

    def on_mount(self) -> None:
        """Shows the draft at once; what the project holds comes when it is known."""
        suggester = TargetSuggester(self.complete)
        target = self._form.field(TARGET).editor
        assert isinstance(target, Input)
        target.suggester = suggester
        self.take_draft(self._state.draft)
        self.post_message(self.Opened(self))

    # -- what the app tells it ---------------------------------------------------------------------

    def show_model(self, model: SessionModel, changed: Part, now: float, *, quitting: bool = False) -> None:
        """Shows how the session stands."""
        self.query_one(StatusLine).show(model, now, quitting=quitting)
        if Part.STATUS in changed:
            self._replaces = model.state not in (State.STOPPED, State.CRASHED)
            self._started = model.server if self._replaces else ""
            self._show_servers()
            self._update()

    def show_project(self, project: Project) -> None:
        """Shows the servers and apps found; fills an untouched form with the best of them."""
        state = self._state
        first = state.project is None
        state.project, state.problem, state.python_problem = project, "", ""
        self.look_out_again()
        self._show_servers()
        found = project.interpreter.why
        python = self._form.field(PYTHON).editor
        assert isinstance(python, Input)
        python.placeholder = f"found by {found}" if found != "the console's own" else found
        self._form.field(PYTHON).set_note(
            sanitize(show.path(_place(project.interpreter.executable), str(Path.home())))
        )
        if first:
            self._form.show_found(project.candidates)
            if not self._given and not state.draft.target:
                self._fill(project)
            self._tell_demo(project)
        self._update()
        if first and self.focused is None and self.is_current:
            self.query_one("#start", Button).focus()

    def show_problem(self, sentence: str) -> None:
        """The project or the interpreter cannot be used."""
        state = self._state
        if state.project is None:
            state.problem = sentence
        if state.project is not None or state.draft.python.strip():
            state.python_problem = sentence
        self._update()

    def adopt(self, plan: LaunchPlan) -> None:
        """Follows a switch of the running server; what was typed stays."""
        self._state.draft.pick(plan.server)
        self._state.carried = ()
        self._servers.pick(plan.server)
        self._update()

    def show_found(self) -> None:
        """Shows what was looked up."""
        outlook = self._state.outlook
        if outlook is not None:
            self._options.know(outlook.table, asks=outlook.asks is not None)
        self._update()

    def take_draft(self, draft: Draft, said: Sequence[str] = ()) -> None:
        """Puts another draft into the form; ``said`` is what was made of it."""
        self._state.draft, self._state.carried = draft, said
        self._servers.pick(draft.server)
        self._form.show_draft(draft)
        self._update()

    @property
    def plan(self) -> LaunchPlan | None:
        """What would start now, None where something stands against it."""
        return self._state.plan

    # -- what its widgets tell it ------------------------------------------------------------------

    def on_server_list_picked(self, event: ServerList.Picked) -> None:
        """Another server: the form shows what it has."""
        draft = self._state.draft
        if event.name != draft.server:
            self._state.carried = draft.pick(event.name)
            self._update()

    def on_form_changed(self, event: Form.Changed) -> None:
        """Another text."""
        draft = self._state.draft
        draft.put(event.name, event.text)
        if event.name == PYTHON:
            self.name_python_soon()
        elif event.name in CONCEPTS and not SERVERS[draft.server].supports(event.name):
            self._form.adapt(draft)  # it had to be taken out
        self._update()

    def on_form_found_picked(self, event: Form.FoundPicked) -> None:
        """One of the apps found: target, directory and factory are its own."""
        if self._state.project is not None:
            self._take(self._state.project, event.number)
            self._update()

    def on_all_options_changed(self, event: AllOptions.Changed) -> None:
        """Another text in the list of all options."""
        self._state.draft.values[event.key] = event.text
        self._form.adapt(self._state.draft)
        self._update()

    def on_all_options_reset_all(self) -> None:
        """Every option as the server has it; what a target found here needs is part of the target."""
        draft = self._state.draft
        target, needed = self._own
        draft.values = dict(needed) if target == draft.target else {}
        self._form.adapt(draft)
        self._update()
        self.notify("Every option has the server's default again.", title="Reset")

    def on_input_submitted(self) -> None:
        """Enter in any field starts."""
        self.action_start()

    # -- actions -----------------------------------------------------------------------------------

    def action_start(self) -> None:
        """Starts the plan, or says what stands against it."""
        plan = self.plan
        if plan is not None:
            self.post_message(self.Start(plan))
        else:
            self.notify(self._state.blocker, title="Cannot start yet", severity="warning", markup=False)

    def action_copy_command(self) -> None:
        """Copies the native command."""
        plan = self._state.shown_plan
        if plan is not None:
            command = str(SERVERS[plan.server].command(plan))
            self.app.copy_to_clipboard(command)
            self.notify(command, title=show.copied(command), markup=False)

    def action_mend(self) -> None:
        """Does what would mend the first of what is said."""
        mend = self._state.mend
        if mend is not None:
            said = mended(self._state.draft, mend)
            self.take_draft(self._state.draft, said or self._state.carried)

    def action_focus_servers(self) -> None:
        """To the server list."""
        self._make_room(listing=False)
        self.set_focus(self._servers)  # at once: keys typed fast are meant for it

    def action_focus_form(self) -> None:
        """To the first field."""
        self._options.show_form()
        self._form.focus_field(TARGET)

    def on_options_pane_shown(self) -> None:
        """The other tab."""
        self._make_room(listing=self._options.shows_all)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Back from the servers to the list."""
        if self._options in event.widget.ancestors:
            self._make_room(listing=self._options.shows_all)

    def on_resize(self) -> None:
        """More room, or less."""
        self._make_room(listing=self._options.shows_all and not self._servers.has_focus)

    def _make_room(self, *, listing: bool) -> None:
        """Gives the list of all options the place of the servers and tools where there is little of it."""
        aside = listing and self.size.width < WIDE
        self.query_one("#left").display = not aside
        self.query_one(ToolBar).display = not (aside and self.size.height < TALL)

    async def action_all_options(self) -> None:
        """To the list of all options."""
        await self._options.show_all()

    async def action_search(self) -> None:
        """To the search of the list of all options."""
        await self._options.search()

    def action_leave(self) -> None:
        """Out of a field, so that the keys are keys again."""
        start = self.query_one("#start", Button)
        self.set_focus(self._servers if start.disabled else start)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leaving means something in a field only, mending where there is a mend."""
        match action:
            case "mend":
                return self._state.mend is not None
            case "all_options":
                return not isinstance(self.focused, OptionsView)
            case "leave":
                return isinstance(self.focused, Input | Choice | Pick | OptionsView)
            case _:
                return super().check_action(action, parameters)

    # -- inside ------------------------------------------------------------------------------------

    @property
    def _options(self) -> OptionsPane:
        return self.query_one(OptionsPane)

    @property
    def _form(self) -> Form:
        return self._options.form

    @property
    def _servers(self) -> ServerList:
        return self.query_one(ServerList)

    def _show_servers(self) -> None:
        if self._state.project is None:
            return
        self._servers.show_rows(
            ServerRow(info.name, info.version or "", info.installed, current=info.name == self._started)
            for info in self._state.project.servers
        )

    def _fill(self, project: Project) -> None:
        draft = self._state.draft
        draft.server = next((info.name for info in project.servers if info.installed), draft.server)
        self._servers.pick(draft.server)
        self._take(project, 0 if project.candidates else None)

    def _take(self, project: Project, number: int | None) -> None:
        from asgi_tui.engine.project import candidate_plan, demo_plan

        draft = self._state.draft
        server, cwd = draft.server, project.cwd
        if number is None:
            plan = demo_plan(server, cwd)
        else:
            plan = candidate_plan(project.candidates[number], server, cwd)
        kept = {name: text for name, text in draft.values.items() if name not in ("app_dir", "factory")}
        taken = Draft.of(plan)
        self._own = taken.target, taken.values
        base = replace(draft.base, cwd=plan.cwd)
        self._state.draft = replace(draft, base=base, target=taken.target, values=kept | taken.values)
        self._form.show_draft(self._state.draft)
        self._note = ""
        self._tell_demo(project)

    def _tell_demo(self, project: Project) -> None:
        """Says plainly that it is the demo where the project has no app of its own."""
        from asgi_tui.engine.project import DEMO_DIRECTORY, DEMO_TARGET

        draft = self._state.draft
        demo = draft.target == str(DEMO_TARGET) and draft.values.get("app_dir") == str(DEMO_DIRECTORY)
        note = NO_APP if demo and not project.candidates else ""
        self._form.field(FOUND).set_note(self._note or note)

    def _update(self) -> None:
        """Shows what the draft amounts to; called after every change."""
        state, draft = self._state, self._state.draft
        server = SERVERS[draft.server]
        table = self._options.table(draft.server)
        if table is not draft.table:
            draft.table = table
            self._form.adapt(draft)
        reading = state.read()
        if state.needs_resolving and state.resolved is None and reading.plan is not None:
            self.resolve_soon(reading.plan)
        self.look_out_soon()
        extra = {TARGET: state.target_problem, PYTHON: state.python_problem}
        problems = state.problems
        self._form.show_reading(replace(reading, problems=problems), extra)
        blocker = state.blocker
        self.query_one(CommandBar).show(
            state.command(), blocker, state.said, running=self._replaces, waiting=blocker == LOOKING
        )
        outlook = state.outlook
        offered = (state.mend is not None, outlook is not None and outlook.asks is not None, state.project)
        if offered != self._offered:
            # the footer is made anew by it
            self._offered = offered
            self.refresh_bindings()
        outside = outlook.ambient if outlook is not None and outlook.table.server == draft.server else {}
        self._options.show(
            OptionState(draft.table, (), dict(draft.values), problems, outside, str(draft.base.cwd))
        )
        if self._described != server.name:
            self._described = server.name
            about = "\n".join([server.summary, "", " · ".join(server.capabilities), "", server.docs])
            self.query_one("#about", Static).update(about)
