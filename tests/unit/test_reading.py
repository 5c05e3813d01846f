"""A run in reading order, from real runs of small worlds."""

from __future__ import annotations

from msgspec.structs import replace

from attention_moa.answer_spec import AnswerSpec
from attention_moa.messages import Message, Reply, Stage, TextPart, ToolCall, ToolSpec, ToolUse, user
from attention_moa.reading import Section, degradations, further_texts, reason_of, sections, title_of, told_of
from attention_moa.records import Choice, Degradation, Loss, RunRecord, Selection, Verdict
from tests.worlds import World, a_spec


def titles(record: RunRecord) -> list[str]:
    """Return the titles of a run's sections."""
    return [section.title for section in sections(record)]


def test_a_run_is_read_stage_by_stage() -> None:
    """The question, each layer's results in the order of the method, the verdict, the answer."""
    record = World(a_spec(2, layers=2)).run()
    assert titles(record)[:10] == [
        "Question",
        "User",
        "Layer 1",
        "Answer by a",
        "Answer by b",
        "Critique of itself by a",
        "Critique of b by a",
        "Critique of a by b",
        "Critique of itself by b",
        "Refinement by a",
    ]
    assert titles(record)[-4:] == ["Summary by a", "Residual by a", "Verdict", "Answer"]


def test_a_layer_in_which_the_run_was_interrupted_is_read_as_far_as_it_came() -> None:
    """What is not there yet is no section, and the answer says why there is none."""
    record = World(a_spec(2, layers=1)).run()
    layer = replace(record.layers[0], summary=None, residual=None, verdict=None, output=None)
    found = list(sections(replace(record, state="cancelled", text=None, error="interrupted", layers=(layer,))))
    assert [section.title for section in found[-2:]] == ["Refinement by b", "Answer"]
    assert (found[-1].text, found[-1].remark) == (None, "none: the run was cancelled")


def test_a_run_that_was_killed_is_read_call_by_call() -> None:
    """Its record has no layers yet: nothing of what it finished is hidden for that."""
    record = replace(World(a_spec(2, layers=1)).run(), layers=(), state="running", text=None)
    found = list(sections(record))
    assert "Layer 1, Critique of b by a" in [section.title for section in found]
    assert found[-1].remark == "none yet: the run is not over"
    assert list(sections(record, standing="interrupted"))[-1].remark == "none yet: the run is interrupted"


def test_what_was_chosen_is_read_with_who_chose_and_what_stood_in() -> None:
    """A choice that nobody made, as a rule's, names nobody."""
    record = World(a_spec(2, layers=1)).run()
    by_rule = Selection(chosen=("a", "b"), reason="the 2 least alike of 3")
    by_agent = Selection(chosen=("b",), reason="it is right", agent="a", stands_in="most like all others")
    layers = tuple(replace(record.layers[0], selection=one) for one in (by_rule, by_agent))
    found = [one for one in sections(replace(record, layers=layers)) if one.title.startswith("Selection")]
    assert [(one.title, one.remark) for one in found] == [
        ("Selection", "a, b: the 2 least alike of 3"),
        ("Selection by a", "b: it is right (stands in: most like all others)"),
    ]


def test_results_have_titles() -> None:
    """A panel's critiques of all have no author."""
    assert title_of(Stage.CRITIQUE, "a") == "Critiques by a"
    assert title_of(Stage.RESIDUAL, "a") == "Residual by a"


def test_what_stood_in_names_its_agent_once_and_equal_lines_are_one() -> None:
    """Where the text begins with the name it is not said twice; what came up three times says so."""
    lent = Degradation(layer=1, stage=Stage.CRITIQUE, agent="b", what="its reply may take 9 tokens, not 90", why="poor")
    late = Degradation(layer=2, stage=Stage.CRITIQUE, agent="a", what="a's critique of b was left out", why="late")
    record = replace(World(a_spec(2, layers=1)).run(), degraded=(lent, late, lent, lent))
    assert told_of(late) == "layer 2, critique: a's critique of b was left out"
    assert degradations(record) == [
        "layer 1, critique, b: its reply may take 9 tokens, not 90 (poor), 3 times",
        "layer 2, critique: a's critique of b was left out (late)",
    ]


LOOK = ToolCall("c1", "look", '{"q": 1}')
SHOWN = 'Call of the tool look: {"q": 1}'


def test_tool_calls_and_further_answers_are_read_as_text() -> None:
    """In the conversation, in each part and in the answers; one that is lost says why."""
    conversation = (
        user("Look."),
        Message("assistant", (), None, (LOOK,)),
        Message("tool", (TextPart("2"),), None, (), "c1"),
    )
    calls = Reply(text="", finish_reason="tool_calls", tool_calls=(LOOK,))
    wanted = AnswerSpec(tools=ToolUse((ToolSpec("look"),)))
    record = World(a_spec(2, layers=1), {"summary": calls}, conversation=conversation, wanted=wanted).run()
    further = Choice(text="so", finish_reason="length", call_id="1.summary.a#2", tool_calls=(LOOK,))
    lost = Loss(stage=Stage.SUMMARY, layer=1, agent="a", kind="ServerError", message="down")
    found = list(sections(replace(record, choices=(further, lost))))
    assert [section.text for section in found if section.title == "Assistant"] == [SHOWN]
    assert [section.text for section in found if section.title == "Summary by a"] == [SHOWN]
    assert [(section.title, section.text, section.remark) for section in found[-3:]] == [
        ("Answer", SHOWN, ""),
        ("Answer 2", f"so\n\n{SHOWN}", "cut at its token limit"),
        ("Answer 3", None, "lost: ServerError: down"),
    ]
    assert list(further_texts(replace(record, choices=(lost, further)))) == [(3, f"so\n\n{SHOWN}")]
    killed = replace(record, layers=(), state="running", text=None)
    assert SHOWN in [section.text for section in sections(killed)]


def test_a_further_answer_that_ended_by_itself_needs_no_remark() -> None:
    """As the first one does not."""
    record = World(a_spec(2, layers=1)).run()
    further = Choice(text="so", finish_reason="stop", call_id="1.summary.a#2")
    assert list(sections(replace(record, choices=(further,))))[-1] == Section(1, "Answer 2", "so")


def test_the_verdict_of_a_run_of_one_layer_is_a_plain_sentence() -> None:
    """Wherever it is read; the record keeps what was written."""
    record = World(a_spec(2, layers=1)).run()
    assert record.verdict is not None
    assert record.verdict.reason == "the one layer ran"
    assert reason_of(record.verdict) == "the run has one layer, and ends with it"
    assert Section(2, "Verdict", None, "the run has one layer, and ends with it") in list(sections(record))


def test_other_verdicts_are_told_as_they_are_stored() -> None:
    """Also that of a single layer in which something was chosen."""
    for rule, reason in (("last", "all 2 layers ran; a decided to go on"), ("last", "a: it is right"), ("none", "x")):
        verdict = Verdict(layer=1, is_stop=False, rule=rule, reason=reason)  # type: ignore[arg-type]  # three of them
        assert reason_of(verdict) == reason
