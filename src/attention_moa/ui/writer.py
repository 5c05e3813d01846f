"""HTML of Markdown's tokens. Every text of them is escaped and shown with all its characters; none of them is HTML."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from markdown_it.token import Token

from attention_moa.ui.code import code_block
from attention_moa.ui.formulas import to_mathml
from attention_moa.ui.links import opened
from attention_moa.ui.parsing import Room
from attention_moa.ui.visible import attribute, shown

_MOST_STYLES = 16
_MOST_TITLE = 2_000
_BLOCKS = {
    "paragraph_open": '<p dir="auto">',
    "paragraph_close": "</p>\n",
    "blockquote_open": '<blockquote dir="auto">\n',
    "blockquote_close": "</blockquote>\n",
    "bullet_list_open": "<ul>\n",
    "bullet_list_close": "</ul>\n",
    "ordered_list_close": "</ol>\n",
    "list_item_open": '<li dir="auto">',
    "list_item_close": "</li>\n",
    "table_open": '<div class="t-wide" tabindex="0" role="group" aria-label="Table"><table>\n',
    "table_close": "</table></div>\n",
    "thead_open": "<thead>",
    "thead_close": "</thead>\n",
    "tbody_open": "<tbody>",
    "tbody_close": "</tbody>",
    "tr_open": "<tr>",
    "tr_close": "</tr>\n",
    "th_close": "</th>",
    "td_close": "</td>",
    "hr": "<hr>\n",
}
_STYLES = {"em": "em", "strong": "strong", "s": "del"}


def html_of(tokens: Sequence[Token], room: Room) -> str:
    """Return the HTML of a text's tokens.

    Args:
        tokens: Of blocks, as ``parsing.py`` makes them.
        room: What the text may still take; what it takes is gone from it.
    """
    return _Writer(room).blocks(tokens)


def block_of(text: str) -> str:
    """Return a text as it was written, as a block's HTML."""
    return f'<pre class="t-plain" dir="auto" tabindex="0" role="group" aria-label="Text">{shown(text)}</pre>\n'


class _Writer:
    """HTML of tokens.

    Args:
        room: What the text may take.
    """

    def __init__(self, room: Room) -> None:
        """Keep it."""
        self._room = room
        self._own: dict[str, Callable[[Token], str]] = {
            "inline": lambda token: "".join(self._pieces(token.children or [])),
            "heading_open": lambda token: f'<{_heading(token)} dir="auto">',
            "heading_close": lambda token: f"</{_heading(token)}>\n",
            "ordered_list_open": _numbered,
            "th_open": _cell,
            "td_open": _cell,
            "fence": self._code,
            "code_block": self._code,
            "formula_block": self._formula_block,
            "definition": _definition,
            "rest": lambda token: block_of(token.content),
        }
        self._in_line: dict[str, Callable[[Token], str]] = {
            "softbreak": lambda _: "\n",
            "hardbreak": lambda _: "<br>\n",
            "code_inline": lambda token: f'<code dir="auto">{shown(token.content)}</code>',
            "formula": self._formula,
        }

    def blocks(self, tokens: Sequence[Token]) -> str:
        """Return the HTML of blocks."""
        return "".join(self._block(token) for token in tokens)

    def _block(self, token: Token) -> str:
        if token.hidden:  # the paragraph of an item in a tight list
            return "\n" if token.nesting < 0 else ""
        own = self._own.get(token.type)
        return own(token) if own is not None else _BLOCKS[token.type]

    def _code(self, token: Token) -> str:
        made, colours = code_block(token.content, token.info.strip(), self._room.colours)
        self._room.colours -= colours
        return made

    def _formula_block(self, token: Token) -> str:
        made = None if token.meta["is_open"] else self._mathml(token.content, is_block=True)
        if made is None:
            return block_of(token.meta["source"])
        return f'<div class="t-formula" tabindex="0" role="group" aria-label="Formula">{made}</div>\n'

    def _formula(self, token: Token) -> str:
        made = self._mathml(token.content, is_block=token.markup in {"$$", "\\["})
        return made or f'<code class="t-source" dir="ltr">{shown(token.meta["source"])}</code>'

    def _mathml(self, source: str, *, is_block: bool) -> str | None:
        self._room.formula_characters -= len(source) + 10
        return to_mathml(source, is_block=is_block) if self._room.formula_characters >= 0 else None

    def _pieces(self, tokens: Sequence[Token]) -> Iterator[str]:
        """Yield the HTML of what stands in a line."""
        depth = 0
        behind_link = ""
        for index, token in enumerate(tokens):
            name, _, end = token.type.rpartition("_")
            if name in _STYLES and end in {"open", "close"}:
                depth -= end == "close"
                yield _style(name, token) if depth < _MOST_STYLES else shown(token.markup)
                depth += end == "open"
            elif token.type == "link_open":
                is_told = token.info == "auto" and tokens[index + 1].content.isascii()
                before, behind_link = opened(*_address(token, "href"), is_told=is_told)
                yield before
            elif token.type == "link_close":
                yield behind_link
                behind_link = ""
            elif token.type == "image":
                yield _image(token, is_linked=bool(behind_link))
            else:
                write = self._in_line.get(token.type)
                yield write(token) if write is not None else shown(token.content)


def _style(name: str, token: Token) -> str:
    return f"<{'/' if token.nesting < 0 else ''}{_STYLES[name]}>"


def _address(token: Token, name: str) -> tuple[str, str]:
    """Return an address with what its writer calls it."""
    return str(token.attrGet(name) or ""), str(token.attrGet("title") or "")


def _image(token: Token, *, is_linked: bool) -> str:
    """Return an image as words that link to it: it is not loaded.

    Args:
        token: The image.
        is_linked: Whether it stands in a link already.
    """
    said = shown(f"Image: {token.content}" if token.content.strip() else "Image")
    address, title = _address(token, "src")
    if is_linked:
        about = f"{address}\n{title}"[:_MOST_TITLE].rstrip()
        return f'<span class="t-image" title="{attribute(about)}">{said}</span>'
    before, behind = opened(address, title)
    return f'{before}<span class="t-image">{said}</span>{behind}'


def _heading(token: Token) -> str:
    """Return a heading's tag: a text's own stand below those of the page."""
    return f"h{min(6, int(token.tag[1]) + 2)}"


def _numbered(token: Token) -> str:
    start = token.attrGet("start")
    return "<ol>\n" if start is None else f'<ol start="{int(start)}">\n'


def _cell(token: Token) -> str:
    side = str(token.attrGet("style") or "").removeprefix("text-align:")
    return f'<{token.tag} class="t-{side}" dir="auto">' if side in {"right", "center"} else f'<{token.tag} dir="auto">'


def _definition(token: Token) -> str:
    title = f' "{token.meta["title"]}"' if token.meta["title"] else ""
    said = f"[{token.meta['label']}]: {token.meta['url']}{title}"
    return f'<p class="t-definition" dir="auto">{shown(said)}</p>\n'
