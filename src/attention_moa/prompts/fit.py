"""Making a prompt fit its model: a missing system role, blindness, a small context window.

What has to give way is what was quoted, first; then the oldest turns; never the question. Whatever is changed is said
in a note that the record keeps.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple, TypeAlias

import msgspec
from msgspec import Struct

from attention_moa.agents import ModelSettings
from attention_moa.errors import ContextTooLongError
from attention_moa.messages import Conversation, ImagePart, Message, Part, TextPart
from attention_moa.tokens import count_tokens

_TOKENS_A_MESSAGE = 8
_TOKENS_AN_IMAGE = 800
_REPLY_TOKENS = 256
_SHORTEST_QUOTE = 160


class Prompt(NamedTuple):
    """A rendered prompt.

    Args:
        messages: What is sent.
        tail: How many messages there are from the user's last question to the end: these are never left out.
        shared: How many of the first messages later calls of the same agent will begin with again.
        tags: The words that fence quoted text in it.
    """

    messages: Conversation
    tail: int
    shared: int = 0
    tags: tuple[str, ...] = ()


Render: TypeAlias = Callable[[int | None], Prompt]
"""Renders a prompt; the argument is the most characters of any quoted text, None for no limit."""


_Count: TypeAlias = Callable[[Conversation], int]


class Fitted(NamedTuple):
    """A prompt as its model can take it, what had to be changed, and the rest as in ``Prompt``."""

    messages: Conversation
    shared: int
    tags: tuple[str, ...]
    notes: tuple[str, ...]


def estimate_tokens(messages: Conversation, *, has_small_vocabulary: bool = False) -> int:
    """Return an upper estimate of a prompt's tokens; only random letters (base64, keys) make more.

    Args:
        messages: The prompt.
        has_small_vocabulary: Whether letters beyond ASCII are a token a byte to the model, else a third of that.

    Source: ours, held against the tokenizer of SmolLM2 with its 49,152 tokens: it takes digits one by one, English at
        4.7 bytes a token, Chinese at 1.9, Thai at 1.5, emoji at 1.3, and half to all of other ASCII characters singly.
    """
    count = partial(count_tokens, has_small_vocabulary=has_small_vocabulary)
    total = 0
    for message in messages:
        total += _TOKENS_A_MESSAGE
        for part in message.content:
            total += count(part.text) if isinstance(part, TextPart) else _TOKENS_AN_IMAGE
        total += sum(count(call.arguments) for call in message.tool_calls)
    return total


def beside_tokens(*parts: Struct | None, has_small_vocabulary: bool = False) -> int:
    """Return an upper estimate of what stands in a model's window beside the messages: tools, the form of the reply.

    Args:
        parts: None for what is not there.
        has_small_vocabulary: As in ``estimate_tokens``.
    """
    told = (msgspec.json.encode(part).decode() for part in parts if part is not None)
    return sum(count_tokens(text, has_small_vocabulary=has_small_vocabulary) for text in told)


def clip(text: str, limit: int | None) -> str:
    """Return a text of at most about ``limit`` characters: its beginning and its end, with a labelled gap between.

    Args:
        text: Any text.
        limit: Most characters; None for no limit.
    """
    if limit is None or len(text) <= limit:
        return text
    head, tail = limit * 2 // 3, limit // 3
    return f"{text[:head]}\n[… {len(text) - head - tail} characters left out …]\n{text[len(text) - tail :]}"


def fit(render: Render, model: ModelSettings, *, refusals: int = 0, beside: int = 0) -> Fitted:
    """Return the prompt in a form that the model can take.

    Args:
        render: The prompt at a given length of quotes.
        model: What the model can take; an unknown context window is taken for large enough.
        refusals: How often the model has refused this prompt as too long: each halves the room, since the estimate was
            too low or the window is smaller than the settings say.
        beside: Tokens of the window that something else than the messages takes.

    Raises:
        ContextTooLongError: Not even the question and the shortest quotes fit.
    """
    notes: list[str] = []
    prompt = render(None)
    if not model.sees_images and any(message.has_images for message in prompt.messages):
        render, prompt = _blind(render), _blind(render)(None)
        notes.append("images were left out: the model takes none")

    def count(messages: Conversation) -> int:
        return estimate_tokens(messages, has_small_vocabulary=model.has_small_vocabulary)

    needed, room = count(prompt.messages), room_tokens(model)
    room = None if room is None else room - beside
    if refusals:
        room = (needed if room is None else min(room, needed)) >> refusals
    if room is not None and needed > room:
        why = f"the window leaves {room} prompt tokens" if not refusals else "the model refused a longer prompt"
        prompt, cuts = _shrink(render, prompt, count, room)
        notes += (f"{cut}: {why}" for cut in cuts)
    if not model.takes_system_role and any(message.role == "system" for message in prompt.messages):
        prompt = prompt._replace(messages=_without_system(prompt.messages), shared=max(prompt.shared - 1, 0))
        notes.append("the system prompt went into the first user turn: the model has no system role")
    return Fitted(prompt.messages, prompt.shared, prompt.tags, tuple(notes))


def room_tokens(model: ModelSettings) -> int | None:
    """Return the most tokens of a prompt: the window less the reply; None where the window is unknown."""
    window = model.window_tokens
    return None if window is None else window - (model.max_tokens or min(_REPLY_TOKENS, window // 4))


def _shrink(render: Render, prompt: Prompt, count: _Count, room: int) -> tuple[Prompt, list[str]]:
    """Return the prompt with shorter quotes, then with fewer turns, until it fits; and what was done to it."""
    whole = prompt.messages
    texts = (part.text for message in whole for part in message.content if isinstance(part, TextPart))
    limit = max(map(len, texts), default=0)
    while limit > _SHORTEST_QUOTE and count(prompt.messages) > room:
        limit = max(limit * 3 // 4, _SHORTEST_QUOTE)
        prompt = render(limit)
    kept = list(prompt.messages)
    while (needed := count(tuple(kept))) > room:
        _drop_oldest_turn(kept, prompt.tail, needed, room)
    dropped = len(prompt.messages) - len(kept)
    cuts = [f"quoted texts were cut to {limit} characters"] if prompt.messages != whole else []
    if dropped:
        cuts.append(f"the {dropped} oldest messages were left out")
    return prompt._replace(messages=tuple(kept), shared=max(prompt.shared - dropped, 0)), cuts


def _drop_oldest_turn(kept: list[Message], tail: int, needed: int, room: int) -> None:
    """Take the oldest user turn and what answered it out of ``kept``.

    Raises:
        ContextTooLongError: Only the system prompt and the last question with what follows are left.
    """
    last = len(kept) - tail
    first = next((place for place in range(last) if kept[place].role != "system"), last)
    if first >= last:
        raise ContextTooLongError(
            f"the prompt needs about {needed} tokens and the model has room for {room}: "
            "shorten the question, or raise context_tokens if the model can take more"
        )
    following = next((place for place in range(first + 1, last) if kept[place].role == "user"), last)
    del kept[first:following]


def _blind(render: Render) -> Render:
    def without_images(limit: int | None) -> Prompt:
        prompt = render(limit)
        return prompt._replace(messages=tuple(map(_without_images, prompt.messages)))

    return without_images


def _without_images(message: Message) -> Message:
    def seen(part: Part) -> Part:
        return TextPart("[an image that this model cannot see]") if isinstance(part, ImagePart) else part

    return Message(
        message.role, tuple(map(seen, message.content)), message.name, message.tool_calls, message.tool_call_id
    )


def _without_system(messages: Conversation) -> Conversation:
    text = "\n\n".join(message.text for message in messages if message.role == "system")
    rest = [message for message in messages if message.role != "system"]
    place = next((place for place, message in enumerate(rest) if message.role == "user"), None)
    if place is None:
        return (Message("user", (TextPart(text),)), *rest)
    first = rest[place]
    rest[place] = Message(first.role, (TextPart(f"{text}\n\n"), *first.content), first.name)
    return tuple(rest)
