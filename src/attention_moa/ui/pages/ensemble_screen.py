"""The page of one ensemble: its file as a form and as TOML, one draft of both; checks, plans, trials, and saving."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Protocol

from markupsafe import Markup

from attention_moa.config import EnsembleSpec
from attention_moa.errors import ConfigError, describe
from attention_moa.schedule import count_calls
from attention_moa.ui.ensemble_form import edited, parts_of, with_agent
from attention_moa.ui.files import Files
from attention_moa.ui.form_faults import Fault, fault_of, field_id, part_id
from attention_moa.ui.html import render
from attention_moa.ui.markdown import to_html
from attention_moa.ui.names import error_html, name_html, plain_name
from attention_moa.ui.ops import Op
from attention_moa.ui.ports import RefusedError, Visitor
from attention_moa.ui.shelf import Draft, EnsembleFile, Shelf
from attention_moa.ui.visible import shown

_MOST_CHARACTERS = 256 * 1024
_ASKING = {
    "check": "Asking every model for a word …",
    "plan": "Planning …",
    "try": "Trying it on simulated models …",
    "save": "Saving …",
}

_GONE = "Its file is not there any more, or cannot be read. What the server began with is served until it ends."


class Sender(Protocol):
    """Sends changes to a browser."""

    def send(self, ops: list[Op]) -> None:
        """Send some."""
        ...


class EnsembleScreen:
    """A page of an ensemble that is open in some browser.

    Args:
        shelf: The server's ensembles.
        key: The visitor's; None where there are none. It is held here and nowhere else.
    """

    def __init__(self, shelf: Shelf, key: str | None) -> None:
        """Know nothing yet."""
        self.link: Sender | None = None
        self._shelf = shelf
        self._key = key
        self._visitor = Visitor(name="", is_admin=False)
        self._file: EnsembleFile | None = None
        self._text = ""
        self._question = ""
        self._is_busy = False
        self._faulty = ""

    @property
    def title(self) -> str:
        """What the browser's tab is called."""
        return plain_name(self._known.name)

    @property
    def _known(self) -> EnsembleFile:
        if self._file is None:
            raise RuntimeError("the page is not open")
        return self._file

    @property
    def _draft(self) -> Draft | None:
        """What is in the form; None for who may only look."""
        file = self._known
        return Draft(name=file.name, text=self._text, digest=file.digest) if file.may_edit else None

    async def open(self, name: str) -> None:
        """Look up who this is, and the ensemble.

        Raises:
            RefusedError: It is not there, or not for them.
        """
        self._visitor = await self._shelf.enter(self._key)
        self._file = await self._shelf.file(self._key, name)
        self._text = self._file.text

    def html(self) -> Markup:
        """Return the page as it is now."""
        return render(
            "ensemble.html",
            files=Files.address,
            here="ensembles",
            visitor=self._visitor,
            file=self._known,
            named=name_html,
            shown=_shown,
            calls=count_calls(self._known.spec),
            text=self._text,
            parts=self._parts(),
            status=_standing(self._known),
        )

    async def act(self, what: str, fields: Mapping[str, str]) -> None:
        """Do what a button or a field says; whoever may do it no more is sent to the form that asks for a key."""
        try:
            await self._act(what, fields)
        except RefusedError as refused:
            if refused.is_key_bad:
                self._send([["go", "/login"]])
            else:
                self._refuse(refused.message, refused.field, is_wanted=what in _ASKING)
        except ConfigError as error:
            self._refuse(describe(error), error.key, is_wanted=what in _ASKING)
        except RecursionError:
            self._refuse("the file has tables in tables in tables: too deep")

    async def _act(self, what: str, fields: Mapping[str, str]) -> None:
        if what == "question":
            self._question = fields.get("question", "")
        elif what in _ASKING:
            await self._do(what, fields)
        elif self._known.may_edit:
            await self._change(what, fields)

    async def _do(self, what: str, fields: Mapping[str, str]) -> None:
        """Do one thing at a time."""
        if self._is_busy:
            return
        self._is_busy = True
        self._question = fields.get("question", self._question)
        self._send([["html", "result", render("ensemble_busy.html", said=_ASKING[what])]])
        try:
            deeds = {"check": self._check, "plan": self._plan, "try": self._try, "save": self._save}
            self._send([["html", "result", await deeds[what]()], ["say", "Done."]])
        except BaseException:  # also where it is broken off: nothing may say that it is still at it
            self._send([["html", "result", ""]])
            raise
        finally:
            self._is_busy = False

    async def _check(self) -> Markup:
        if self._draft is None:
            return Markup()
        checked = await self._shelf.ask_models(self._key, self._draft)
        return render("ensemble_check.html", checked=checked, named=name_html, told=error_html)

    async def _plan(self) -> Markup:
        plan = await self._shelf.plan(self._key, self._known.name, self._draft, self._question)
        return render("ensemble_plan.html", plan=plan, named=name_html)

    async def _try(self) -> Markup:
        record = await self._shelf.try_out(self._key, self._known.name, self._draft, self._question)
        tokens = record.usage.input_tokens + record.usage.output_tokens
        answer = to_html(record.text or "")
        return render("ensemble_trial.html", record=record, tokens=tokens, answer=answer, told=error_html)

    async def _save(self) -> Markup:
        draft = self._draft
        if draft is None:
            return Markup()
        self._file = await self._shelf.save(self._key, draft)
        self._text = self._file.text
        self._send(
            [
                ["html", "parts", self._parts()],
                ["value", "toml", self._text],
                *_status(_standing(self._file)),
                *self._unmarked(),
            ]
        )
        return render("ensemble_saved.html", source=name_html(self._file.source))

    async def _change(self, what: str, fields: Mapping[str, str]) -> None:
        """Take a change of the draft, and say whether it checks."""
        changes: dict[str, Callable[[], str]] = {
            "draft": lambda: fields.get("toml", "").replace("\r\n", "\n"),
            "part": lambda: edited(self._text, fields.get("at", ""), fields),
            "add-agent": lambda: with_agent(self._text),
            "drop-agent": lambda: with_agent(self._text, int(fields.get("agent", "-1"))),
            "restore": lambda: self._known.text,
        }
        if what not in changes:
            return
        text = await asyncio.to_thread(changes[what])
        if len(text) > _MOST_CHARACTERS:
            raise ConfigError(f"longer than {_MOST_CHARACTERS:,} characters", key="ensemble")
        self._text = text
        ops: list[Op] = [] if what == "draft" else [["value", "toml", text]]
        if what != "part":  # whoever writes into the form has it as it should be
            ops.append(["html", "parts", await asyncio.to_thread(self._parts)])
        self._send(ops)
        await self._look()

    async def _look(self) -> None:
        """Say whether the draft checks."""
        draft = self._draft
        if draft is None:
            return
        spec = await self._shelf.read(self._key, draft)
        if self._text == draft.text:
            is_new = draft.text != self._known.text
            status = _status(_sound(spec, "changed, not saved" if is_new else "as in the file"))
            self._send([*status, *self._unmarked()])

    def _parts(self) -> Markup:
        file = self._known
        return render(
            "ensemble_parts.html",
            parts=parts_of(self._text),
            may_edit=file.may_edit,
            key_names=file.key_names,
            named=name_html,
            field_id=field_id,
            part_id=part_id,
        )

    def _refuse(self, message: str, key: str | None = None, *, is_wanted: bool = False) -> None:
        """Say what is wrong and mark the field that is at fault; the keyboard goes there where something was wanted."""
        fault = fault_of(message, key, parts_of(self._text), self._text)
        status = _status(render("ensemble_fault.html", message=error_html(fault.told)))
        self._send([*status, *self._unmarked(), *self._marked(fault, has_key=key is not None)])
        if is_wanted and self._faulty:
            self._send([["attr", f"{fault.part_id}-more", "open", ""], ["focus", self._faulty]])

    def _marked(self, fault: Fault, *, has_key: bool) -> list[Op]:
        """Return what marks the field at fault: the form's, else the file's."""
        self._faulty = fault.field_id or ("toml" if has_key else "")
        if not self._faulty:
            return []
        described = "status"
        ops: list[Op] = []
        if fault.field_id:
            described = f"{fault.field_id}-fault"
            note = render("ensemble_field_fault.html", id=described, message=error_html(fault.message))
            ops.append(["put", f"{fault.field_id}-field", described, note])
        return [
            *ops,
            ["attr", self._faulty, "aria-describedby", described],
            ["attr", self._faulty, "aria-invalid", "true"],
        ]

    def _unmarked(self) -> list[Op]:
        """Return what takes the mark from the field that was at fault."""
        was, self._faulty = self._faulty, ""
        marks = ("aria-invalid", "aria-describedby")
        return [*(["attr", was, mark, None] for mark in marks), ["drop", f"{was}-fault"]] if was else []

    def _send(self, ops: list[Op]) -> None:
        if self.link is not None:
            self.link.send(ops)


def _shown(text: str) -> Markup:
    return Markup(shown(text))  # noqa: S704 - escaped


def _status(html: Markup) -> list[Op]:
    return [["html", "status", html]]


def _standing(file: EnsembleFile) -> Markup:
    """Return how a file stands that nobody has changed here."""
    if not file.is_there:
        return render("ensemble_fault.html", message=_GONE)
    return _sound(file.spec, "served" if file.is_served else "the file says something else than what is served")


def _sound(spec: EnsembleSpec, word: str) -> Markup:
    return render("ensemble_sound.html", spec=spec, calls=count_calls(spec), word=word)
