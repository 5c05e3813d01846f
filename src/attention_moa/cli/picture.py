"""One picture of a run: who answers, criticises, refines, waits or failed, and how far it all is.

Every state has a symbol and a word, never a colour alone. Text of models is cleaned and never read as markup.
"""

from __future__ import annotations

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from attention_moa.call_plan import planned_calls
from attention_moa.cli.clean import clean, one_line
from attention_moa.cli.progress import CallView, LayerView, Progress, State
from attention_moa.config import ATTENTION_MOA, voices
from attention_moa.messages import Stage
from attention_moa.schedule import windows
from attention_moa.wording import without_decision

_SYMBOLS = {
    State.WAITS: "·.",
    State.QUEUED: "◦o",
    State.ASKED: "○?",
    State.WRITES: "▶>",
    State.RETRIES: "↻~",
    State.DONE: "✓+",
    State.FAILED: "✗x",
    State.SKIPPED: "∅-",
    State.STOPPED: "■#",
}
"""Of each state the symbol, and what stands for it where the terminal has no such character."""
_GREEN, _TEAL, _ORANGE, _RED, _PURPLE = (f"color({number})" for number in (28, 30, 130, 196, 133))
"""Of the colours that are the same on every terminal those that can be read on black and on white."""
STYLES = {
    State.WAITS: "dim",
    State.QUEUED: "default",
    State.ASKED: _TEAL,
    State.WRITES: f"bold {_TEAL}",
    State.RETRIES: f"bold {_ORANGE}",
    State.DONE: _GREEN,
    State.FAILED: f"bold {_RED}",
    State.SKIPPED: _ORANGE,
    State.STOPPED: _PURPLE,
}
"""How each state looks."""
_WRITTEN = (Stage.SELECT, Stage.EXTRACT, Stage.RESIDUAL, Stage.SUMMARY)
"""The stages of writers in a baseline, as they follow each other."""
_WIDE = 76
_OLD_LAYERS = 2
_LOW = 14
_AIRY = 24
_TEXT_LINES = 4


def render(
    progress: Progress,
    *,
    now_s: float,
    started_s: float,
    width: int,
    height: int,
    is_ascii: bool = False,
    is_stopping: bool = False,
) -> Group:
    """Return the picture of a run at one moment.

    What does not fit the height is left out: first the text under way, then the legend and the notices, then agents.

    Args:
        progress: The run so far.
        now_s: The viewer's clock.
        started_s: When the viewer began.
        width: Columns of the terminal.
        height: Lines of the terminal.
        is_ascii: Whether the terminal lacks the symbols.
        is_stopping: Whether the run is being ended.
    """
    look = _Look(progress, now_s, width, is_ascii=is_ascii)
    layer = progress.current
    lines: list[RenderableType] = [*look.head(now_s - started_s, is_stopping=is_stopping)]
    lines += look.old_layers(_OLD_LAYERS if height >= _LOW else 0)
    if layer is None:
        lines.append(look.line("loading the models", "dim"))
        return Group(*lines)
    writers = look.writers(layer)
    room = height - len(lines) - len(writers) - 2
    agents = min(len(voices(progress.spec)), max(1, room - 1))
    gap: list[RenderableType] = [Text()] if height >= _AIRY else []
    lines += [*gap, look.grid(layer, agents), *writers]
    room -= agents + len(gap)
    for block in (look.legend(layer), look.notices(), look.text_under_way()):
        if block and len(block) + len(gap) <= room:
            lines += [*gap, *block]
            room -= len(block) + len(gap)
    return Group(*lines)


class _Look:
    """How the parts of one picture look."""

    def __init__(self, progress: Progress, now_s: float, width: int, *, is_ascii: bool) -> None:
        self._progress = progress
        self._now_s = now_s
        self._width = width
        self._is_ascii = is_ascii
        self._dot = " | " if is_ascii else " · "

    def line(self, text: str, style: str = "") -> Text:
        """Return one line of untrusted text; what is too long is cut."""
        plain = one_line(text)
        line = Text(plain.encode("ascii", "replace").decode() if self._is_ascii else plain, style, no_wrap=True)
        line.truncate(self._width, overflow="crop" if self._is_ascii else "ellipsis")
        return line

    def head(self, elapsed_s: float, *, is_stopping: bool) -> list[Text]:
        """Return the two lines on top: what runs and how far it is."""
        run, layer = self._progress, self._progress.current
        where = f"layer {layer.layer} of {run.spec.layers}" if layer else f"up to {run.spec.layers} layers"
        first = self.line(self._dot.join((run.spec.name, where, f"{elapsed_s:.0f} s")), "bold")
        if is_stopping:
            first.append(f"{self._dot}stopping (Ctrl-C again kills)", f"bold {_PURPLE}")
        read, cached, written = map(_short, (run.input_tokens, run.cached_tokens, run.output_tokens))
        most = "at least " if run.has_unknown_tokens else ""
        tokens = f"{most}{read} tokens in ({cached} cached), {written} out"
        if run.has_unknown_tokens and not run.input_tokens + run.output_tokens:
            tokens = "tokens not told"
        replayed = f" ({run.replayed_calls} from the journal)" if run.replayed_calls else ""
        calls = f"{run.calls_over} of {run.planned_calls} calls{replayed}"
        room = self._width - len(calls) - len(tokens) - 5
        bar = self._bar(min(24, room)) if room >= 6 else Text()
        second = Text.assemble(bar, " " if bar else "", calls, self._dot, tokens, no_wrap=True)
        second.truncate(self._width, overflow="crop")
        return [first, second]

    def _bar(self, width: int) -> Text:
        full = round(width * min(1.0, self._progress.calls_over / self._progress.planned_calls))
        return Text.assemble(
            ("#" * full if self._is_ascii else "━" * full, _GREEN), ("-" if self._is_ascii else "─") * (width - full)
        )

    def old_layers(self, most: int) -> list[RenderableType]:
        """Return a line for each of the latest finished layers, and one for all before them.

        Args:
            most: How many layers have a line of their own.
        """
        old = [layer for layer in self._progress.layers.values() if layer is not self._progress.current]
        shown: list[RenderableType] = []
        earlier, latest = old[: max(0, len(old) - most)], old[max(0, len(old) - most) :]
        if earlier:
            which = "layer 1" if len(earlier) == 1 else f"layers 1 to {len(earlier)}"
            shown.append(self.line(f"{self._symbol(State.DONE)} {which} done", "dim"))
        for layer in latest:
            took = f"{(layer.ended_s or self._now_s) - layer.since_s:.0f} s"
            made = sum(call.state is State.DONE for call in layer.calls.values())
            words = self._dot.join((f"layer {layer.layer} done", f"{made} calls", took, layer.reason))
            shown.append(self.line(f"{self._symbol(State.DONE)} {words}", "dim"))
        return shown

    def grid(self, layer: LayerView, most: int) -> Table:
        """Return who answers, criticises and refines: a row an agent, a column a stage."""
        is_baseline = self._progress.spec.strategy != ATTENTION_MOA
        names = self._names(layer)
        table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, expand=False, header_style="dim")
        widths = (8, 16, 16, 16) if self._width >= _WIDE else (8, 9, 10, 9)  # steady while the words change
        titles = ("agent", "answer") if is_baseline else ("agent", "answer", "criticises", "refinement")
        for title, width in zip(titles, widths, strict=False):
            table.add_column(title, no_wrap=True, min_width=width)
        shown = names if len(names) <= most else names[: most - 1]
        for number, name in enumerate(shown, 1):
            label = self.line(f"{number} {one_line(name, 12 if self._width < _WIDE else 20)}")
            row = [self._cell(layer.call(Stage.ANSWER, name))]
            if not is_baseline:
                refined = self._cell(layer.call(Stage.REFINE, name)) if layer.pairs else Text("none", "dim")
                row += [self._critiques(layer, name, names), refined]
            table.add_row(label, *row)
        if len(shown) < len(names):
            table.add_row(Text(f"and {len(names) - len(shown)} more", "dim"))
        return table

    def _names(self, layer: LayerView) -> list[str]:
        """Return who answers in a layer."""
        spec = self._progress.spec
        agents = windows(spec)[layer.layer - 1] if spec.strategy == "self-moa-seq" else voices(spec)
        is_aggregator_s = spec.strategy == "moa" and layer.layer == spec.layers
        return [] if is_aggregator_s else [agent.name for agent in agents]

    def _critiques(self, layer: LayerView, critic: str, names: list[str]) -> Text:
        """Return the critiques of one critic: each author's number with the state's symbol."""
        authors = [pair.author for pair in layer.pairs if pair.critic == critic]
        if not authors:
            return Text("none", "dim")
        if self._progress.spec.attention.mode == "panel":
            return self._cell(layer.call(Stage.CRITIQUE, critic))
        cells = [(names.index(author) + 1, layer.call(Stage.CRITIQUE, critic, author)) for author in authors]
        text = Text(no_wrap=True)
        for number, call in cells:
            text.append(f"{number}{self._symbol(call.state)} ", STYLES[call.state])
        if self._width >= _WIDE:
            text.append(f"{sum(call.state is State.DONE for _, call in cells)}/{len(cells)}", "dim")
        return text

    def writers(self, layer: LayerView) -> list[RenderableType]:
        """Return a line for each stage of a writer: the summary, and from layer 2 on the residual; or a baseline's."""
        if self._progress.spec.strategy != ATTENTION_MOA:
            found = {call.stage for call in planned_calls(self._progress.spec) if call.layer == layer.layer}
            found |= {call.stage for call in layer.calls.values()}
            return [self._writer(layer, stage) for stage in _WRITTEN if stage in found]
        has_residual = layer.layer > 1 and self._progress.spec.residual.enabled
        stages = [Stage.SUMMARY, Stage.RESIDUAL] if has_residual else [Stage.SUMMARY]
        return [self._writer(layer, stage) for stage in stages]

    def _writer(self, layer: LayerView, stage: Stage) -> Text:
        calls = layer.writers(stage) or [CallView(layer.layer, stage, "")]
        text = Text(f"{stage.value:<9}", no_wrap=True)
        for call in calls:
            text.append(" ").append_text(self._cell(call))
            if call.agent:
                text.append(f" by {one_line(call.agent, 20)}", "dim")
        text.truncate(self._width, overflow="ellipsis")
        return text

    def notices(self) -> list[RenderableType]:
        """Return the latest losses, retries and stand-ins."""
        return [self.line(f"! {notice}", _ORANGE) for notice in self._progress.notices[-2:]]

    def legend(self, layer: LayerView) -> list[RenderableType]:
        """Return what the symbols in the critiques mean, for those that are there."""
        present = {layer.call(Stage.CRITIQUE, *pair).state for pair in layer.pairs}
        states = [state for state in State if state in present]
        if not states or self._progress.spec.attention.mode == "panel":
            return []
        return [self.line(self._dot.join(f"{self._symbol(state)} {state}" for state in states), "dim")]

    def text_under_way(self) -> list[RenderableType]:
        """Return the last lines of a text that is being written."""
        call = self._progress.writing
        if call is None:
            return []
        shown = without_decision(clean(call.tail)) if call.stage in _WRITTEN[:3] else clean(call.tail)
        if self._is_ascii:
            shown = shown.encode("ascii", "replace").decode()
        rows = Text(" ".join(shown.split())).wrap(Console(width=self._width), self._width - 2)
        title = self.line(f"{call.agent} writes ({call.stage.value}):", "dim")
        return [title, *(Text("  ").append_text(row) for row in rows[-_TEXT_LINES:])]

    def _cell(self, call: CallView) -> Text:
        """Return a call's symbol, word and seconds."""
        words = f"{self._symbol(call.state)} {call.state}"
        if self._width >= _WIDE and (call.state.is_under_way or call.ended_s is not None):
            words += f" {call.seconds(self._now_s):.0f}s"
        return Text(
            words + (" (cut)" if call.is_cut and self._width >= _WIDE else ""), STYLES[call.state], no_wrap=True
        )

    def _symbol(self, state: State) -> str:
        return _SYMBOLS[state][1 if self._is_ascii else 0]


def _short(count: int) -> str:
    """Return a count in at most five characters."""
    for size, letter in ((1_000_000, "M"), (1_000, "k")):
        if count >= size * 10:
            return f"{count // size}{letter}"
        if count >= size:
            return f"{count / size:.1f}{letter}"
    return str(count)
