"""Fitting a prompt to what its model can take."""

from __future__ import annotations

import pytest

from attention_moa.agents import ModelSettings
from attention_moa.errors import ContextTooLongError
from attention_moa.messages import Conversation, ImagePart, Message, TextPart, ToolCall, assistant, system, user
from attention_moa.prompts import Prompt, Render, clip, estimate_tokens, fit
from tests.worlds import texts

PICTURE = ImagePart(media_type="image/png", data=b"png")


def a_model(context_tokens: int | None = None, *, system: bool = True, images: bool = True) -> ModelSettings:
    """Return a model that keeps 100 tokens of its window for the reply."""
    return ModelSettings(
        model="test:m", context_tokens=context_tokens, max_tokens=100, has_system_role=system, has_images=images
    )


def a_render(*before: Message, question: str = "Why?", quote: str = "", shared: int = 0) -> Render:
    """Return a prompt of some turns, a question and a quoted text."""

    def render(limit: int | None) -> Prompt:
        last = user(f"{question}\n{clip(quote, limit)}")
        return Prompt((*before, last), tail=1, shared=shared)

    return render


def test_a_prompt_that_fits_is_left_alone() -> None:
    """No note, no change."""
    render = a_render(system("s"), user("u"), assistant("a"), shared=3)
    for model in (a_model(), a_model(10_000)):
        fitted = fit(render, model)
        assert (fitted.messages, fitted.shared, fitted.notes) == (render(None).messages, 3, ())


@pytest.mark.parametrize(
    ("messages", "tokens"),
    [
        ((), 0),
        ((user(""),), 8),
        ((user("abcd"),), 10),
        ((user("äöü"),), 10),
        ((user("12,5"),), 12),
        ((user("{a}"),), 11),
        ((Message("user", (TextPart("abc"), PICTURE)),), 809),
        ((Message("assistant", (), None, (ToolCall("1", "f", "abcdef"),)),), 10),
    ],
)
def test_tokens_are_estimated_from_bytes_and_single_characters(messages: Conversation, tokens: int) -> None:
    """A third of the letters' bytes, all else singly, and some for every message and image: rather too many."""
    assert estimate_tokens(messages) == tokens


@pytest.mark.parametrize(("text", "large", "small"), [("abc", 9, 9), ("好", 9, 11), ("a好b", 10, 12), ("😀", 10, 12)])
def test_a_small_vocabulary_takes_other_alphabets_byte_by_byte(text: str, large: int, small: int) -> None:
    """So the embedded model does; it is told by the prefix of its name."""
    assert estimate_tokens((user(text),)) == large
    assert estimate_tokens((user(text),), has_small_vocabulary=True) == small
    assert ModelSettings(model="embedded:s").has_small_vocabulary
    assert not ModelSettings(model="test:s").has_small_vocabulary


@pytest.mark.parametrize(("text", "limit"), [("short", 5), ("short", None), ("", 0)])
def test_a_text_within_its_limit_is_not_clipped(text: str, limit: int | None) -> None:
    """None is no limit."""
    assert clip(text, limit) == text


def test_a_clipped_text_keeps_its_beginning_and_its_end() -> None:
    """The gap says how much is gone."""
    text = "".join(str(number % 10) for number in range(1000))
    clipped = clip(text, 300)
    assert clipped == f"{text[:200]}\n[… 700 characters left out …]\n{text[-100:]}"


def test_a_text_clipped_to_nothing_has_no_end() -> None:
    """The end of a text of no characters is not the whole text."""
    assert clip("abc", 1) == "\n[… 3 characters left out …]\n"


def test_a_model_without_a_system_role_reads_it_in_the_first_user_turn() -> None:
    """With a note, and one message less that is shared."""
    render = a_render(system("Be brief."), user("one"), assistant("two"), shared=3)
    fitted = fit(render, a_model(system=False))
    assert texts(fitted.messages)[0] == ("user", "Be brief.\n\n\n\none")
    assert [message.role for message in fitted.messages] == ["user", "assistant", "user"]
    assert fitted.shared == 2
    assert fitted.notes == ("the system prompt went into the first user turn: the model has no system role",)


def test_a_system_prompt_without_a_user_turn_becomes_one() -> None:
    """Nothing of it is lost."""
    messages = (system("Be brief."), assistant("Hello."))
    fitted = fit(lambda _: Prompt(messages, tail=1), a_model(system=False))
    assert texts(fitted.messages) == [("user", "Be brief."), ("assistant", "Hello.")]


def test_a_model_without_a_system_role_needs_no_note_without_a_system_prompt() -> None:
    """A note tells of a change."""
    assert fit(a_render(user("one")), a_model(system=False)).notes == ()


def test_a_blind_model_reads_that_there_was_an_image() -> None:
    """A labelled gap in its place; name, tool calls and order stay."""
    turn = Message("user", (TextPart("Look:"), PICTURE), "ann")
    fitted = fit(a_render(turn), a_model(images=False))
    assert fitted.messages[0].content == (TextPart("Look:"), TextPart("[an image that this model cannot see]"))
    assert fitted.messages[0].name == "ann"
    assert fitted.notes == ("images were left out: the model takes none",)


def test_a_blind_model_needs_no_note_without_images() -> None:
    """A note tells of a change."""
    assert fit(a_render(), a_model(images=False)).notes == ()


def test_images_that_a_model_cannot_see_take_no_room() -> None:
    """They are left out before the prompt is measured."""
    fitted = fit(a_render(Message("user", (PICTURE,))), a_model(200, images=False))
    assert len(fitted.notes) == 1


def test_quotes_are_clipped_first() -> None:
    """The question and all turns stay whole."""
    render = a_render(user("one"), assistant("two"), quote="q" * 3000, shared=1)
    fitted = fit(render, a_model(500))
    assert estimate_tokens(fitted.messages) <= 400
    assert texts(fitted.messages)[:2] == [("user", "one"), ("assistant", "two")]
    assert "characters left out" in fitted.messages[-1].text
    assert fitted.shared == 1
    (note,) = fitted.notes
    assert note.startswith("quoted texts were cut to ")
    assert note.endswith("characters: the window leaves 400 prompt tokens")


def test_the_oldest_turns_give_way_next() -> None:
    """With what answered them; the system prompt and the question stay, quotes are as short as they get."""
    old = [user("1" * 300), assistant("2" * 300), Message("tool", (TextPart("3" * 300),)), user("4"), assistant("5")]
    render = a_render(system("s"), *old, quote="q" * 3000, shared=4)
    fitted = fit(render, a_model(300))
    assert [text[:1] for _, text in texts(fitted.messages)] == ["s", "4", "5", "W"]
    assert fitted.shared == 1
    assert fitted.notes == (
        "quoted texts were cut to 160 characters: the window leaves 200 prompt tokens",
        "the 3 oldest messages were left out: the window leaves 200 prompt tokens",
    )


def test_turns_give_way_without_a_word_on_quotes_where_there_are_none() -> None:
    """A note tells only of what was changed."""
    render = a_render(user("1" * 900), assistant("2" * 900))
    fitted = fit(render, a_model(300))
    assert len(fitted.messages) == 1
    assert fitted.notes == ("the 2 oldest messages were left out: the window leaves 200 prompt tokens",)


def test_a_question_that_cannot_fit_is_an_error_before_any_call() -> None:
    """The text says how much is too much, and the mend."""
    with pytest.raises(ContextTooLongError, match=r"needs about \d+ tokens.*room for 200: shorten the question"):
        fit(a_render(system("s"), user("1"), assistant("2"), question="?" * 3000), a_model(300))


def test_a_model_that_sets_no_reply_length_keeps_a_quarter_of_a_small_window() -> None:
    """And 256 tokens of a large one."""
    for window, room in ((400, 300), (10_000, 9_744)):
        render = a_render(question="?" * 100_000)
        with pytest.raises(ContextTooLongError, match=f"room for {room}:"):
            fit(render, ModelSettings(model="test:m", context_tokens=window))


def test_a_prompt_that_was_refused_is_shortened_to_half_and_to_a_quarter() -> None:
    """Of the window where that was the larger one, else of the prompt; the note says why."""
    render = a_render(quote="q" * 3000)
    whole = estimate_tokens(render(None).messages)
    for model, room in ((a_model(500), 400), (a_model(100_000), whole), (a_model(), whole)):
        for refusals in (1, 2):
            fitted = fit(render, model, refusals=refusals)
            assert (room >> refusals) * 0.6 <= estimate_tokens(fitted.messages) <= room >> refusals
            (note,) = fitted.notes
            assert note.endswith("characters: the model refused a longer prompt")


def test_a_refused_prompt_without_quotes_and_turns_cannot_be_shortened() -> None:
    """The question stays whole."""
    with pytest.raises(ContextTooLongError):
        fit(a_render(question="?" * 300), a_model(), refusals=1)
