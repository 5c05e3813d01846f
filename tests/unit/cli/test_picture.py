"""One picture of a run: it fits, it says all in words and symbols, and no text of a model commands it."""

from __future__ import annotations

import io
from itertools import product

import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.style import Style

from attention_moa.cli.picture import STYLES, render
from attention_moa.cli.progress import Progress
from attention_moa.config import AttentionSpec
from attention_moa.errors import ServerError
from attention_moa.events import Event
from tests.worlds import World, a_spec


def pictures(
    world: World,
    *,
    width: int = 100,
    height: int = 30,
    is_ascii: bool = False,
    is_stopping: bool = False,
    every: int = 1,
) -> list[str]:
    """Return a picture after each event of a whole run, or after every so many."""
    world.run()
    progress = Progress(world.spec)
    shots = [picture(progress, 0.0, width, height, is_ascii=is_ascii, is_stopping=is_stopping)]
    for place, event in enumerate(world.events, 1):
        progress.apply(event, event.at_s)
        if place % every:
            continue
        shots.append(picture(progress, event.at_s, width, height, is_ascii=is_ascii, is_stopping=is_stopping))
    return shots


def picture(  # noqa: PLR0917 - a test's short hand
    progress: Progress, now_s: float, width: int, height: int, is_ascii: bool = False, is_stopping: bool = False
) -> str:
    """Return one picture as plain text."""
    file = io.StringIO()
    console = Console(file=file, width=width, height=height, color_system=None)
    console.print(
        render(
            progress,
            now_s=now_s,
            started_s=0.0,
            width=width,
            height=height,
            is_ascii=is_ascii,
            is_stopping=is_stopping,
        )
    )
    return file.getvalue()


def a_world(agents: int = 3, layers: int = 2, **fields: object) -> World:
    """Return a world whose calls take a second each."""
    spec = a_spec(agents, layers=layers, name="mine", **fields)
    return World(spec, latency_s=lambda _: 1.0, has_deltas=True, pieces=3)


def test_the_first_picture_says_what_runs() -> None:
    """Before any event: the ensemble, its layers, its calls, and that something is loading."""
    first = pictures(a_world())[0]
    assert "mine · up to 2 layers · 0 s" in first
    assert "0 of 33 calls" in first
    assert "loading the models" in first


def test_each_state_is_a_word_and_a_symbol() -> None:
    """In the course of a run, waiting, asked, writing and done all show as both."""
    shots = "".join(pictures(a_world()))
    for shown in ("· waits", "○ asked", "▶ writes", "✓ done"):
        assert shown in shots


def test_each_critique_has_a_cell_of_its_own() -> None:
    """A critic's row has each author's number with the state's symbol, and the legend says the word."""
    shots = pictures(a_world())
    assert any("1○ 2○ 3○ 0/3" in shot for shot in shots)
    assert any("1✓ 2✓ 3✓" in shot and "✓ done" in shot for shot in shots)


def test_a_failed_call_shows_in_its_cell_and_in_words() -> None:
    """The cross, the word, the reason."""
    world = World(a_spec(3, layers=1), {"1.critique.a.b": ServerError("it is down")})
    last = pictures(world)[-1]
    assert "2✗" in last
    assert "✗ failed" in last
    assert "a's critique of b: ServerError: it is down" in last


def test_finished_layers_collapse_to_a_line_each_and_old_ones_to_one() -> None:
    """However many layers there are, three lines hold them."""
    last = pictures(a_world(2, 6))[-1]
    assert "layers 1 to 3 done" in last
    assert "layer 4 done" in last
    assert "layer 5 done" in last
    assert "layer 6 of 6" in last


def test_the_text_under_way_shows_its_last_lines() -> None:
    """Who writes, for what, and what it says so far."""
    assert any("a writes (summary):" in shot and "  says 1" in shot for shot in pictures(a_world()))


def test_the_verdict_line_of_a_residual_is_not_shown() -> None:
    """It is no text for people, and its nonce is nobody's business."""
    assert not [shot for shot in pictures(a_world(), width=120) if "VERDICT" in shot]
    assert any("(residual):" in shot and "says 2.res" in shot for shot in pictures(a_world(), width=120))


@pytest.mark.parametrize("agents", [1, 8])
def test_no_picture_is_larger_than_the_terminal(agents: int) -> None:
    """At any size, with many agents and layers, in every part of a run."""
    world = a_world(agents, 4, attention=AttentionSpec(peers=min(agents - 1, 2)))
    world.run()
    progress = Progress(world.spec)
    for place, event in enumerate(world.events):
        progress.apply(event, event.at_s)
        if place % 50 and event is not world.events[-1]:
            continue
        for width, height in product((40, 60, 76, 100, 200), (8, 12, 24, 50)):
            shot = picture(progress, event.at_s, width, height)
            lines = shot.splitlines()
            assert len(lines) <= height, shot
            assert max(map(len, lines)) <= width, shot


def test_eight_agents_fit_sixty_columns() -> None:
    """All eight rows with all their cells."""
    shots = pictures(a_world(8, 1), width=60, height=24, every=10)
    assert any(all(f"\n{number} " in shot for number in range(1, 9)) and "8✓" in shot for shot in shots)


def test_agents_that_do_not_fit_are_counted() -> None:
    """A low terminal says how many rows are left out."""
    assert any("and 5 more" in shot for shot in pictures(a_world(8, 1), height=10, every=50))


@pytest.mark.parametrize(
    ("attention", "cell"),
    [(AttentionSpec(mode="panel"), "✓ done"), (AttentionSpec(own=False, peers=0), "none")],
)
def test_other_kinds_of_attention_have_their_own_cells(attention: AttentionSpec, cell: str) -> None:
    """A panel critic has one call; without attention there is none."""
    row = next(line for line in pictures(a_world(2, 1, attention=attention))[-1].splitlines() if line.startswith("1 a"))
    assert cell in row[20:]


def test_a_terminal_without_the_symbols_gets_others() -> None:
    """Every character of every picture is ASCII, and the states still differ."""
    shots = "".join(pictures(World(a_spec(2, layers=2), has_deltas=True, latency_s=lambda _: 1.0), is_ascii=True))
    assert shots.isascii()
    assert "> writes" in shots
    assert "+ done" in shots


def luminance(style: str) -> float | None:
    """Return how bright a style's colour is, from 0 to 1, as WCAG 2 measures it; None where it has none of its own."""
    color = Style.parse(style).color
    if color is None or color.is_default:
        return None
    assert not color.is_system_defined  # what those look like is the terminal's affair
    parts = (part / 255 for part in color.get_truecolor())
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_every_colour_can_be_read_on_black_and_on_white() -> None:
    """A contrast of nearly four to one or better."""
    for style in STYLES.values():
        if (light := luminance(style)) is not None:
            assert min((light + 0.05) / 0.05, 1.05 / (light + 0.05)) > 3.9, style


def test_the_refinement_of_an_agent_without_an_answer_is_not_waited_for() -> None:
    """It is skipped as soon as the answer is lost."""
    world = World(a_spec(3, layers=1), {"1.answer.b": ServerError("gone", retryable=False)}, latency_s=lambda _: 1.0)
    (row,) = {line for line in pictures(world)[-1].splitlines() if line.startswith("2 ")}
    assert row.split()[1:3] == ["b", "✗"]
    assert row.split()[-2:] == ["∅", "skipped"]


def test_wide_characters_do_not_break_a_line() -> None:
    """They take two columns each."""
    world = World(a_spec(2, layers=1), {"1.refine.a": ServerError("空" * 60, retryable=False)})
    shot = pictures(world, width=60)[-1]
    assert all(cell_len(line) <= 60 for line in shot.splitlines())
    assert "ServerError: 空空空" in shot


def test_a_run_that_is_being_ended_says_so() -> None:
    """After Ctrl-C, what a second one does."""
    assert "stopping (Ctrl-C again kills)" in pictures(a_world(1, 1), is_stopping=True)[-1]


def test_text_of_models_is_neither_markup_nor_command() -> None:
    """Brackets stay brackets, escapes vanish."""
    spec = a_spec(1, layers=1)
    hostile = "[bold red]x[/] \x1b[2J\x1b]0;pwned\x07 end"
    world = World(spec, {"summary": hostile, "1.refine.a": ServerError("[blink]\x1b[5mno")}, has_deltas=True)
    shots = "".join(pictures(world))
    assert "[bold red]x[/] end" in shots
    assert "[blink]no" in shots
    assert "\x1b" not in shots
    assert "pwned" not in shots


def test_unknown_tokens_show_as_a_lower_bound_or_as_not_told() -> None:
    """Zero is never shown for unknown."""
    progress = Progress(a_spec(1))
    progress.has_unknown_tokens = True
    assert "tokens not told" in picture(progress, 0.0, 100, 20)
    progress.input_tokens = 12_345
    assert "at least 12k tokens in" in picture(progress, 0.0, 100, 20)
    progress.input_tokens, progress.output_tokens = 1_234, 2_500_000
    assert "1.2k tokens in (0 cached), 2.5M out" in picture(progress, 0.0, 100, 20)


def test_events_of_no_call_change_nothing_that_is_shown() -> None:
    """A picture needs no more than the first call."""
    world = a_world(1, 1)
    world.run()
    started: Event = world.events[0]
    progress = Progress(world.spec)
    progress.apply(started, 0.0)
    assert progress.current is None
