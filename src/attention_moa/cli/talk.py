"""The loop of a chat: read a line, do what it says, keep what was said.

The event loop lives as long as the chat and runs only while an answer is under way: the models stay loaded and the
connections open between turns, and reading a line needs no thread.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path

from msgspec.structs import replace

from attention_moa.cli.account import count
from attention_moa.cli.conversations import render_conversation
from attention_moa.cli.exits import TERMINATED
from attention_moa.cli.output import complain, results_apart, tell
from attention_moa.cli.results import print_outcome
from attention_moa.cli.running import Outcome, run_watched
from attention_moa.cli.views import Form, choose_view
from attention_moa.errors import ConfigError
from attention_moa.journaling import RunWish
from attention_moa.messages import Conversation, assistant, system, user
from attention_moa.runtime import ANY_RUN, Ensemble

_HELP = """/help            this list
/system [TEXT]   show the system prompt, or set it; /system - takes it away
/layers [N]      show how many layers run at most, or set it
/undo            forget the last question and its answer
/save FILE       write the conversation as JSON; ask --file FILE goes on from there
/quit            leave (Ctrl-D does too)"""


class Talk:
    """A conversation with an ensemble.

    Args:
        ensemble: Who answers.
        system_prompt: For all agents; None for none.
        wish: Which run of the journal each question is.
    """

    def __init__(self, ensemble: Ensemble, system_prompt: str | None, *, wish: RunWish = ANY_RUN) -> None:
        """Begin without any turn."""
        self.turns: Conversation = ()
        self._ensemble = ensemble
        self._system = system_prompt
        self._wish = wish
        self._has_terminal = sys.stdin.isatty()
        self._is_over = False
        self._status = 0
        self._commands: dict[str, Callable[[str], None]] = {
            "/help": lambda _: tell(_HELP),
            "/layers": self._set_layers,
            "/quit": self._quit,
            "/save": self._save,
            "/system": self._set_system,
            "/undo": self._undo,
        }

    def run(self) -> int:
        """Return the exit code when the conversation is over: 0 for a person, the worst of all turns for a program."""
        if self._has_terminal:
            _prepare_line_editing()
            spec = self._ensemble.spec
            tell(
                f"{spec.name}: {count(len(spec.agents), 'agent')}, at most {count(spec.layers, 'layer')}. /help helps."
            )
        with asyncio.Runner() as loop:
            loop.run(self._ensemble.__aenter__())
            try:
                while not self._is_over:
                    self._next(loop)
            finally:
                loop.run(self._ensemble.aclose())
        return self._status

    def _next(self, loop: asyncio.Runner) -> None:
        """Read a line and do what it says; a Ctrl-C that meets no run under way changes nothing."""
        try:
            line = self._read()
            if line is None:
                self._is_over = True
            else:
                self._take(line.rstrip(), loop)
        except KeyboardInterrupt:
            if not self._has_terminal:
                raise
            tell("\n(/quit or Ctrl-D leaves)")

    def _read(self) -> str | None:
        """Return the next line; None at the end of the input."""
        if not self._has_terminal:
            line = sys.stdin.buffer.readline()
            try:
                return line.decode() if line else None
            except UnicodeDecodeError as error:
                raise ConfigError("not UTF-8: write the questions in UTF-8", key="standard input") from error
        try:
            return input("\n> ")
        except EOFError:
            tell("")
            return None

    def _take(self, line: str, loop: asyncio.Runner) -> None:
        if not line.strip():
            return
        word, _, rest = line.partition(" ")
        if not line.startswith("/"):
            self._ask(line.strip(), loop)
        elif word in self._commands:
            try:
                self._commands[word](rest.strip())
            except ConfigError as error:
                self._fail(error)
        else:
            self._fail(
                f"{word} is no command: /help lists them. A question that begins with / needs a space before it."
            )

    def _ask(self, question: str, loop: asyncio.Runner) -> None:
        asked = (*self.turns, user(question))
        with choose_view(self._ensemble.spec, Form.ANSWER) as view, results_apart():
            outcome: Outcome = loop.run(
                run_watched(self._ensemble, asked, system=self._system, view=view, wish=self._wish)
            )
        print_outcome(outcome, form=Form.ANSWER, has_table=False)
        if outcome.status == 0 and outcome.record.text is not None:
            self.turns = (*asked, assistant(outcome.record.text))
        else:
            tell("the question is not kept in the conversation")
            self._status = self._status if self._has_terminal else max(self._status, outcome.status)
        is_asked_to_end = outcome.signum == signal.SIGTERM
        self._is_over = is_asked_to_end or (outcome.signum is not None and not self._has_terminal)
        if is_asked_to_end:
            self._status = TERMINATED

    def _set_layers(self, text: str) -> None:
        if text:
            if not text.isdecimal():
                raise ConfigError(f"{text!r} is no number: write /layers 2", key="/layers")
            self._ensemble.spec = replace(self._ensemble.spec, layers=int(text))
        layers, calls = self._ensemble.spec.layers, self._ensemble.planned_calls
        tell(f"at most {count(layers, 'layer')} and {count(calls, 'call')} a question")

    def _set_system(self, text: str) -> None:
        if text:
            self._system = None if text == "-" else text
        tell(f"system prompt: {self._system}" if self._system else "no system prompt")

    def _undo(self, _: str) -> None:
        if not self.turns:
            tell("nothing to undo")
            return
        self.turns = self.turns[:-2]
        tell(f"left: {count(len(self.turns) // 2, 'question')}")

    def _save(self, text: str) -> None:
        if not text:
            raise ConfigError("no file: write /save FILE", key="/save")
        turns = (system(self._system), *self.turns) if self._system else self.turns
        try:
            Path(text).expanduser().write_text(render_conversation(turns), encoding="utf-8")
        except OSError as error:
            raise ConfigError(f"{text!r} cannot be written: {error.strerror}", key="/save") from error
        tell(f"{text}: {count(len(turns), 'turn')}")

    def _quit(self, _: str) -> None:
        self._is_over = True

    def _fail(self, problem: object) -> None:
        complain(problem)
        if not self._has_terminal:
            self._status = max(self._status, 2)


def _prepare_line_editing() -> None:
    """Give ``input`` the arrow keys and a history, where the interpreter was built with them."""
    with suppress(ImportError):
        import_module("readline")
