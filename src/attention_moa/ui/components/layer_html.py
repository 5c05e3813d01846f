"""The inside of a layer as HTML, part by part: its head, its tabs, and what the chosen tab shows. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import quote, urlencode

from markupsafe import Markup

from attention_moa.reading import is_of_only_layer
from attention_moa.records import Answer, Loss, Residual, Verdict
from attention_moa.ui.components.layer_look import SIGNS, UNMEASURED, LayerLook, Received
from attention_moa.ui.components.layer_matrix import FEW, matrix_html
from attention_moa.ui.components.layer_measures import Measured
from attention_moa.ui.components.layer_quotes import moved_html, quoted_html
from attention_moa.ui.components.layer_wish import Wish
from attention_moa.ui.differences import colour_of, difference_html, legend_html, sign_of, sources_html
from attention_moa.ui.figures import number
from attention_moa.ui.html import render
from attention_moa.ui.markdown import to_html
from attention_moa.ui.names import error_html, isolated, name_html, names_html
from attention_moa.ui.words import one_line, percent
from attention_moa.wording import quoted

_VERDICTS = {True: ("■", "stop"), False: ("▸", "go on")}
_STRONGEST = 6
"""Most critiques that are named beside the matrix."""

_FEW = 4
"""Most critiques that are unfolded from the start."""


class Tab(NamedTuple):
    """A tab: its id, its address, its name, the agent's sign and colour, what is amiss, and whether it is open."""

    id: str
    href: str
    name: Markup | str
    sign: str
    colour: str
    amiss: str
    is_open: bool


class LayerHtml:
    """A layer's HTML.

    Args:
        look: The layer.
        measured: What is measured of it.
        wish: What is to be seen.
    """

    def __init__(self, look: LayerLook, measured: Measured, wish: Wish) -> None:
        """Draw nothing yet."""
        self._look = look
        self._measured = measured
        self._wish = wish
        self._places = {agent: place for place, agent in enumerate(look.agents)}
        self._cells = measured.cells

    def parts(self) -> dict[str, Markup]:
        """Return all parts by their ids."""
        return {"layer-head": self._head(), "layer-tabs": self._tabs(), "layer-body": self._body()}

    # -------------------------------------------------------------------------------------------------- addresses

    def _address(self, number: int | None = None, **fields: str) -> str:
        run, layer = quote(self._look.record.run_id, safe=""), number or self._look.number
        return f"/runs/{run}/layers/{layer}" + (f"?{urlencode(fields)}" if fields else "")

    def _cell_address(self, critic: str, author: str) -> str:
        return f"{self._address(critic=critic, author=author)}#cell"

    def _agent_address(self, agent: str) -> str:
        return self._address(agent=agent)

    # ------------------------------------------------------------------------------------------------ head and tabs

    def _head(self) -> Markup:
        look, wish = self._look, self._wish
        fields = {"agent": wish.agent} if wish.kind == "agent" else {"view": wish.kind}
        fields = {"critic": wish.critic, "author": wish.agent} if wish.kind == "cell" else fields
        return render(
            "layer-head.html",
            look=look,
            others=[(number, self._address(number, **fields)) for number in look.numbers],
            verdict=_told(look.layer.verdict),
        )

    def _tabs(self) -> Markup:
        wish = self._wish
        agents = [self._agent_tab(agent) for agent in self._look.speakers]
        is_matrix = wish.kind in ("matrix", "cell")
        others = [Tab("tab-matrix", self._address(view="matrix"), "Who moved whom", "", "", "", is_matrix)]
        if self._look.has_writers:
            for kind, name in (("summary", "Summary"), ("residual", "Residual")):
                others.append(Tab(f"tab-{kind}", self._address(view=kind), name, "", "", "", wish.kind == kind))
        return render("layer-tabs.html", tabs=[*others, *agents], first=len(others))

    def _agent_tab(self, agent: str) -> Tab:
        place, layer = self._places[agent], self._look.layer
        answer, refined = layer.answers.get(agent), layer.refinements.get(agent)
        amiss = ""
        if isinstance(answer, Loss):
            amiss = "✕ lost"
        elif refined is not None and refined.stands_in is not None:
            amiss = "⇄ stand-in"
        elif answer is None and self._look.is_open:
            amiss = "◌ waiting"
        is_open = self._wish.kind == "agent" and self._wish.agent == agent
        name = name_html(agent, 24)
        return Tab(f"tab-{place}", self._agent_address(agent), name, sign_of(place), colour_of(place), amiss, is_open)

    # --------------------------------------------------------------------------------------------------------- body

    def _body(self) -> Markup:
        if not self._look.is_there:
            return render("layer-not-there.html", look=self._look)
        if self._look.loose_calls:
            return self._calls()
        wait = "" if self._measured.is_there or self._wish.kind == "residual" else render("layer-measuring.html")
        return Markup("{}{}").format(wait, self._view())

    def _view(self) -> Markup:
        match self._wish.kind:
            case "agent":
                return self._agent()
            case "summary":
                return self._summary()
            case "residual":
                return self._residual()
            case _:
                return self._matrix()

    def _calls(self) -> Markup:
        """Return the calls of a run of which no layers were made."""
        return render(
            "layer-calls.html",
            look=self._look,
            calls=self._look.loose_calls,
            text=_markdown,
            named=name_html,
            told=error_html,
        )

    def _received(self, critic: str, author: str) -> Received | None:
        column = self._measured.authors.get(author)
        found = self._look.received(critic, author, self._cells.get((critic, author)), column)
        if found is not None and found.fate == "unknown" and not self._measured.is_there:
            return found._replace(fate="measuring", about="what came of it is being measured")
        if found is not None and found.share and self._measured.is_by_chance(author):
            return found._replace(fate="by chance", about=self._doubt(found, found.share))
        return found

    def _doubt(self, one: Received, share: float) -> str:
        """Return what is said of a share that may be chance."""
        column, chance = self._measured.authors[one.author], self._measured.chance[one.author]
        changed = f"{percent(share)} of what {isolated(one.author)} changed"
        whole = f"{percent(1 - column.unattributed)} of it is traced to critiques, {percent(chance)} would be by chance"
        return f"no more than chance: {changed}; {whole}"

    def _agent(self) -> Markup:
        look, agent = self._look, self._wish.agent
        answer, refined = look.layer.answers.get(agent), look.layer.refinements.get(agent)
        column = self._measured.authors.get(agent)
        agents = look.agents
        received = [one for critic in agents if (one := self._received(critic, agent)) is not None]
        given = [one for author in agents if author != agent and (one := self._received(agent, author)) is not None]
        difference = None
        if column is not None and isinstance(answer, Answer) and refined is not None:
            difference = difference_html(answer.text, refined.text, column.changes, agents)
        return render(
            "layer-agent.html",
            agent=agent,
            look=look,
            answer=answer if isinstance(answer, Answer) else None,
            lost=answer if isinstance(answer, Loss) else None,
            answer_html=_markdown(quoted(answer.text, answer.tool_calls)) if isinstance(answer, Answer) else "",
            refined=refined,
            refined_html=_markdown(refined.text) if refined is not None and refined.stands_in is None else "",
            difference=difference,
            column=column,
            is_by_chance=self._measured.is_by_chance(agent),
            chance=self._measured.chance.get(agent),
            received=received,
            given=given,
            is_unfolded=len(received) <= _FEW,
            quoted=self._quoted,
            **self._signs(),
        )

    def _quoted(self, one: Received) -> Markup:
        """Return a critique with what was taken from it marked; nothing where there is no text."""
        text = "" if one.critique is None else one.critique.text
        return quoted_html(text, self._measured.authors.get(one.author), one.critic, self._places[one.critic])

    def _sign(self, agent: str) -> str:
        return sign_of(self._places[agent])

    def _colour(self, agent: str) -> str:
        return colour_of(self._places[agent])

    def _signs(self) -> dict[str, object]:
        """Return what all templates of agents ask for."""
        return {
            "named": name_html,
            "sign": self._sign,
            "colour": self._colour,
            "cell": self._cell_address,
            "page": self._agent_address,
            "percent": percent,
            "told": error_html,
            "place": self._places.__getitem__,
        }

    def _matrix(self) -> Markup:
        look = self._look
        if not look.has_critiques:
            return render(
                "layer-none.html",
                strategy=look.record.ensemble.strategy,
                is_begun=not look.is_open or bool(look.layer.answers),
            )
        wish = self._wish
        opened = (wish.critic, wish.agent) if wish.kind == "cell" else None
        rows = [[self._received(critic, author) for author in look.agents] for critic in look.agents]
        everything = [one for row in rows for one in row if one is not None]
        moved = self._moved(one for one in everything if not one.is_by_chance)
        doubted = dict.fromkeys(one.author for one in everything if one.is_by_chance)
        fates = {one.fate for one in everything}
        return render(
            "layer-matrix.html",
            table=matrix_html(look, self._measured, rows, opened, cell=self._cell_address, page=self._agent_address),
            detail=self._cell(*opened) if opened is not None else None,
            legend=legend_html(look.agents) if len(look.agents) > FEW else None,
            strongest=moved[:_STRONGEST],
            doubted=names_html(doubted),
            is_many_doubted=len(doubted) > 1,
            is_all_doubted=bool(doubted) and not moved,
            more=max(0, len(moved) - _STRONGEST),
            is_open=look.is_open,
            is_measured=self._measured.is_there,
            signs=[(SIGNS[fate], word) for fate, word in UNMEASURED.items() if fate in fates],
            **self._signs(),
        )

    def _moved(self, everything: Iterable[Received]) -> list[tuple[Received, int]]:
        """Return the critiques that moved somebody, with how many words were changed in all, the largest part first."""
        authors = self._measured.authors
        ranked = sorted((one for one in everything if one.share), key=lambda one: -(one.share or 0.0))
        return [(one, authors[one.author].size) for one in ranked]

    def _cell(self, critic: str, author: str) -> Markup:
        layer, place = self._look.layer, self._places[critic]
        one = self._received(critic, author)
        column = self._measured.authors.get(author)
        answer, refined = layer.answers.get(author), layer.refinements.get(author)
        moved, words = None, ""
        if one is not None and one.share and column is not None and isinstance(answer, Answer) and refined is not None:
            moved = moved_html((answer.text, refined.text), column, critic, place)
            words = number(one.share * column.size)
        text = None if one is None or one.critique is None else quoted_html(one.critique.text, column, critic, place)
        return render(
            "layer-cell.html",
            one=one,
            critic=critic,
            author=author,
            text=text,
            moved=moved,
            words=words,
            column=column,
            back=f"{self._address(view='matrix')}#cell-{place}-{self._places[author]}",
            **self._signs(),
        )

    def _summary(self) -> Markup:
        look = self._look
        summary = look.layer.summary
        there = None if summary is None or isinstance(summary, Loss) else summary
        what = "refinement" if look.layer.refinements else "answer"
        traced = None
        if there is not None and there.text and self._measured.is_there:
            traced = sources_html(there.text, self._measured.sources, look.agents, what=what)
        selection = look.layer.selection
        return render(
            "layer-summary.html",
            look=look,
            summary=there,
            lost=summary if isinstance(summary, Loss) else None,
            what=what,
            traced=traced,
            legend=legend_html(look.agents),
            mostly=self._mostly(),
            count=len(self._measured.sources),
            plain=_markdown(quoted(there.text, there.tool_calls)) if there is not None else "",
            selection=selection,
            chosen=names_html(selection.chosen) if selection is not None else "",
            strategy=look.record.ensemble.strategy,
            **self._signs(),
        )

    def _mostly(self) -> list[tuple[str, int]]:
        """Return how many of the summary's sentences come mostly from whom, most first; who has none is left out."""
        tops: dict[str, int] = {}
        for one in self._measured.sources:
            top = max(one.shares.items(), key=lambda item: item[1], default=("", 0.0))
            if top[1] > one.unattributed:
                tops[top[0]] = tops.get(top[0], 0) + 1
        return sorted(tops.items(), key=lambda item: -item[1])

    def _residual(self) -> Markup:
        look = self._look
        parts = (("The residual", look.layer.residual), ("What is new in this layer", look.layer.extract))
        shown = [(title, part, look.read_by(part)) for title, part in parts if part is not None]
        return render(
            "layer-residual.html",
            look=look,
            parts=shown,
            is_lost=_is_lost,
            verdict=look.layer.verdict,
            decision=_told(look.layer.verdict),
            text=_said,
            markdown=_markdown,
            why=_why_no_residual(look),
            **self._signs(),
        )


def _markdown(text: str) -> Markup:
    return Markup('<div class="t-text" dir="auto">{}</div>').format(to_html(text))


def _said(part: Residual) -> Markup:
    return _markdown(quoted(part.text, part.tool_calls))


def _is_lost(part: Residual | Loss) -> bool:
    return isinstance(part, Loss)


def _told(verdict: Verdict | None) -> tuple[str, str, str] | None:
    """Return a verdict's sign, its word and its reason."""
    if verdict is None:
        return None
    if is_of_only_layer(verdict):
        return "▣", "only layer", "the run ends with it"
    sign, word = ("▣", "last layer") if verdict.rule == "last" else _VERDICTS[verdict.is_stop]
    return sign, word, one_line(verdict.reason)


def _why_no_residual(look: LayerLook) -> str:
    """Return why there is no residual."""
    layer, spec = look.layer, look.record.ensemble
    if spec.strategy not in ("attention-moa", "rmoa"):
        return f"A {spec.strategy} ensemble has no residual agent."
    if spec.strategy == "attention-moa" and not spec.residual.enabled:
        return "This ensemble has no residual agent: the layer's summary is its output."
    if look.number == 1:
        return "The first layer has no residual: there is nothing before it to merge with. Its summary is its output."
    if look.is_open:
        return "It is not there yet."
    if layer.verdict is not None and layer.verdict.is_stop:
        return "The run ended in this layer before it was asked for."
    return "It was not asked for."
