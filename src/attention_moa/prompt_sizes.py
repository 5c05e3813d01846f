"""How long prompts will be, before any of the texts that they quote exists.

Each shape of prompt is rendered once, with marks in the place of all texts; what the marks stand for is then added up,
as ``prompts/fit.py`` estimates it. Only where that is too much for a model's window is the prompt rendered with texts
of the expected lengths and fitted, as it would be in the run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from msgspec.structs import replace

from attention_moa.agents import AgentSpec
from attention_moa.answer_spec import PLAIN, AnswerSpec
from attention_moa.baseline_calls import BEFORE
from attention_moa.config import ATTENTION_MOA, EnsembleSpec, keep_of
from attention_moa.messages import Conversation, Message, Stage, TextPart
from attention_moa.planned_call import DIFFERENCE, PlannedCall
from attention_moa.prompts import (
    Desk,
    Output,
    Render,
    Seal,
    Templates,
    beside_tokens,
    estimate_tokens,
    fit,
    render_answer,
    render_compensate,
    render_critique,
    render_extract,
    render_panel,
    render_refine,
    render_residual,
    render_select,
    render_summary,
    room_tokens,
)
from attention_moa.schedule import has_verdict

_OWN, _PREVIOUS, _QUOTED = "\ue000", "\ue001", "\ue002"
_FIRST_REST = 0xF0000
_KEPT_CHARACTERS = 400
"""So much of each turn is rendered really: templates may show the beginning of the question."""

_OF_LAYERS = (Stage.RESIDUAL, Stage.SELECT, Stage.EXTRACT)
"""Stages whose prompts have another shape in every layer, or in the first that may stop."""

_WRITTEN_BY_WRITERS, _WRITTEN_BY_AGENTS = (Stage.SUMMARY, Stage.RESIDUAL), (Stage.ANSWER,)
"""Stages whose calls have the caller's tools and form of their own."""

_MESSAGE_TOKENS = 8
_NO_WINDOW = 1 << 40


class PromptSize(NamedTuple):
    """A prompt's tokens, estimated, and those of its beginning that the model will have read or written before."""

    tokens: float
    known_tokens: float


class _Skeleton(NamedTuple):
    """A prompt without the texts that it quotes, and how often each kind of them stands in it."""

    tokens: float
    own: int
    previous: int
    quoted: int


class PromptSizes:
    """The lengths of one run's prompts.

    Args:
        spec: The ensemble.
        conversation: ``x``.
        templates: Its templates.
        wanted: What the answer is to be.
    """

    def __init__(
        self, spec: EnsembleSpec, conversation: Conversation, templates: Templates, wanted: AnswerSpec = PLAIN
    ) -> None:
        """Put the long turns aside."""
        self._desk = Desk(spec, conversation, templates, Seal(b"a plan has no secret", conversation[-1:]), wanted)
        self.choices = wanted.choices
        self._rests: dict[str, str] = {}
        short = tuple(map(self._shortened, conversation))
        self._short = self._desk._replace(conversation=short)
        self._rest_tokens: dict[tuple[str, bool], int] = {}
        self._skeletons: dict[object, _Skeleton] = {}
        self._bases: dict[object, float] = {}
        self._sizes: dict[str, PromptSize] = {}

    def size(self, call: PlannedCall, texts: Mapping[str, float]) -> PromptSize:
        """Return the length of a call's prompt; the answers of a layer come before what continues them.

        Args:
            call: Whose.
            texts: The tokens of the text that each call before it writes, as estimated in a prompt.

        Raises:
            ContextTooLongError: Not even the question fits the model's window.
        """
        own, quoted = texts.get(call.own or "", 0.0), [texts[name] for name in call.quoted.values()]
        previous = texts.get(call.previous or "", 0.0)
        bare = self._skeleton(call)
        each = bare.quoted / len(quoted) if quoted else 0.0
        beside = self._beside(call)
        tokens = beside + bare.tokens + own * bare.own + previous * bare.previous + each * sum(quoted)
        room = room_tokens(call.agent)
        if room is not None and tokens > room:
            fitted = fit(_render(self._desk, call, _stand_ins(call, texts)), call.agent, beside=beside)
            is_small = call.agent.has_small_vocabulary
            tokens = beside + estimate_tokens(fitted.messages, has_small_vocabulary=is_small)
        size = PromptSize(tokens, min(self._known(call, own, quoted), tokens))
        self._sizes[call.call_id] = size
        return size

    def _beside(self, call: PlannedCall) -> int:
        """Return the tokens that tools and form take, of a call that may write the answer."""
        desk = self._desk
        if call.stage not in (_WRITTEN_BY_AGENTS if desk.agents_write else _WRITTEN_BY_WRITERS):
            return 0
        form = None if call.stage is Stage.RESIDUAL and _may_stop(desk, call.layer) else desk.wanted.reply_format
        return beside_tokens(desk.wanted.tools, form, has_small_vocabulary=call.agent.has_small_vocabulary)

    def _known(self, call: PlannedCall, own: float, quoted: list[float]) -> float:
        """Return the tokens that the model has read or written before this call, from the prompt's beginning on."""
        spec = self._desk.spec
        if call.own is not None and spec.layout != "paper":
            if spec.layout == "continue" or call.layer == 1:
                return self._sizes[call.own].tokens + own + _MESSAGE_TOKENS
            if call.stage is Stage.REFINE:  # its critiques began so; its answer's prompt held o[l-1] as well
                return self._base(call.agent) + own + _MESSAGE_TOKENS
        has_read = call.layer > 1 or any(_is_same(call.agent, agent) for agent in spec.agents)
        if not has_read or (call.stage is Stage.ANSWER and not call.reads):
            return 0.0
        same = 1 if spec.residual.history == "summaries" else 2
        has_history = call.stage is Stage.RESIDUAL and spec.strategy == ATTENTION_MOA
        repeated = sum(quoted[:-same]) if has_history else 0.0
        return self._base(call.agent) + repeated

    def _base(self, agent: AgentSpec) -> float:
        """Return the tokens of the conversation as an agent gets it, its role included."""
        key = self._shape(agent)
        if key not in self._bases:
            self._bases[key] = self._bare(render_answer(self._short, agent, 1, None), agent).tokens
        return self._bases[key]

    def _skeleton(self, call: PlannedCall) -> _Skeleton:
        agent, names = call.agent, tuple(call.quoted)
        shown = names if self._desk.spec.attention.labels else len(names)
        is_own = call.peer == agent.name or agent.name in (*call.authors, *names)
        where = call.layer if call.stage in _OF_LAYERS else call.layer > 1
        key = (call.kind, self._shape(agent), shown, is_own, where)
        if key not in self._skeletons:
            self._skeletons[key] = self._bare(_render(self._short, call, _marks(call)), call.agent)
        return self._skeletons[key]

    def _shape(self, agent: AgentSpec) -> object:
        """Return what two agents whose prompts are equally long have in common."""
        flags = (agent.has_small_vocabulary, agent.sees_images, agent.takes_system_role)
        return (agent.name if agent.role else "", *flags)

    def _bare(self, render: Render, agent: AgentSpec) -> _Skeleton:
        whole = fit(render, replace(agent, max_tokens=None, context_tokens=_NO_WINDOW)).messages
        text = "".join(part.text for message in whole for part in message.content if isinstance(part, TextPart))
        table = dict.fromkeys(map(ord, (_OWN, _PREVIOUS, _QUOTED, *self._rests)))
        bare = tuple(_translated(message, table) for message in whole)
        tokens = estimate_tokens(bare, has_small_vocabulary=agent.has_small_vocabulary)
        is_small = agent.has_small_vocabulary
        tokens += sum(text.count(mark) * self._tokens_of_rest(mark, is_small=is_small) for mark in self._rests)
        return _Skeleton(tokens, text.count(_OWN), text.count(_PREVIOUS), text.count(_QUOTED))

    def _tokens_of_rest(self, mark: str, *, is_small: bool) -> int:
        if (mark, is_small) not in self._rest_tokens:
            message = Message("user", (TextPart(self._rests[mark]),))
            tokens = estimate_tokens((message,), has_small_vocabulary=is_small) - _MESSAGE_TOKENS
            self._rest_tokens[mark, is_small] = tokens
        return self._rest_tokens[mark, is_small]

    def _shortened(self, message: Message) -> Message:
        """Return a turn with a mark in the place of what is behind its first characters."""
        parts = tuple(self._cut(part) if isinstance(part, TextPart) else part for part in message.content)
        return replace(message, content=parts)

    def _cut(self, part: TextPart) -> TextPart:
        if len(part.text) <= _KEPT_CHARACTERS:
            return part
        mark = chr(_FIRST_REST + len(self._rests))
        self._rests[mark] = part.text[_KEPT_CHARACTERS:]
        return TextPart(part.text[:_KEPT_CHARACTERS] + mark)


class _Texts(NamedTuple):
    """What stands in the place of the texts of a prompt; quoted ones by who wrote them."""

    own: str
    quoted: dict[str, str]
    previous: str | None


def _marks(call: PlannedCall) -> _Texts:
    """Return a mark for each text."""
    return _Texts(_OWN, dict.fromkeys(call.quoted, _QUOTED), None if call.previous is None else _PREVIOUS)


def _stand_ins(call: PlannedCall, texts: Mapping[str, float]) -> _Texts:
    """Return a text of the right length for each text."""
    quoted = {name: _stand_in(texts[written]) for name, written in call.quoted.items()}
    previous = None if call.previous is None else _stand_in(texts[call.previous])
    return _Texts(_stand_in(texts.get(call.own or "", 0.0)), quoted, previous)


def _stand_in(tokens: float) -> str:
    """Return a text that is estimated at so many tokens."""
    return ("ab cd efg hij " * (round(tokens * 3) // 14 + 1))[: max(round(tokens * 3), 1)]


def _render(desk: Desk, call: PlannedCall, texts: _Texts) -> Render:
    render = _render_attention_moa if desk.spec.strategy == ATTENTION_MOA else _render_baseline
    return render(desk, call, texts)


def _render_attention_moa(desk: Desk, call: PlannedCall, texts: _Texts) -> Render:
    agent, layer, own, quoted, previous = call.agent, call.layer, texts.own, texts.quoted, texts.previous
    match call.kind:
        case "answer":
            return render_answer(desk, agent, layer, previous)
        case "panel":
            has_self = agent.name in call.authors
            return render_panel(desk, agent, layer, own, peers=quoted, has_self=has_self, previous=previous)[0]
        case "critique":
            author = call.peer or agent.name
            return render_critique(desk, agent, layer, own, peer=quoted.get(author), author=author, previous=previous)
        case "refine":
            return render_refine(desk, agent, layer, own, critiques=quoted, previous=previous)
        case "summary":
            return render_summary(desk, agent, layer, quoted)
        case _:
            outputs = [Output(int(number), text) for number, text in quoted.items()]
            return render_residual(desk, agent, layer, outputs, has_verdict=_may_stop(desk, layer))


def _render_baseline(desk: Desk, call: PlannedCall, texts: _Texts) -> Render:
    spec, agent, layer, quoted = desk.spec, call.agent, call.layer, texts.quoted
    may_stop = _may_stop(desk, layer)
    match call.stage:
        case Stage.ANSWER if not quoted:
            return render_answer(desk, agent, layer, None)
        case Stage.SELECT:
            is_one = spec.strategy == "best-of-n"
            count = 1 if is_one else min(keep_of(spec), len(quoted))
            may_stop &= layer < spec.layers
            return render_select(desk, agent, layer, quoted, count=count, may_stop=may_stop).render
        case Stage.EXTRACT:
            before = [text for name, text in quoted.items() if name.startswith(BEFORE)]
            now = [text for name, text in quoted.items() if not name.startswith(BEFORE)]
            return render_extract(desk, agent, layer, before=before, now=now, has_verdict=may_stop)
        case Stage.RESIDUAL:
            replies = {name: text for name, text in quoted.items() if name != DIFFERENCE}
            previous = texts.previous or ""
            return render_compensate(desk, agent, layer, previous, replies=replies, difference=quoted[DIFFERENCE])
        case _:
            return render_summary(desk, agent, layer, quoted, writes=call.stage is Stage.SUMMARY)


def _may_stop(desk: Desk, layer: int) -> bool:
    return has_verdict(desk.spec, layer, desk.wanted)


def _translated(message: Message, table: Mapping[int, None]) -> Message:
    parts = tuple(
        TextPart(part.text.translate(table)) if isinstance(part, TextPart) else part for part in message.content
    )
    return replace(message, content=parts)


def _is_same(one: AgentSpec, other: AgentSpec) -> bool:
    return (one.model, one.base_url) == (other.model, other.base_url)
