"""A page as a browser has it, without a browser: HTML, and the changes that the link sends.

screen = ScreenDom(player.html(visitor))
screen.change(ops)
assert screen.inside("replay-board") == ScreenDom(another.html(visitor)).inside("replay-board")
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from xml.etree.ElementTree import Element

import html5lib

from attention_moa.ui.ops import Op


class ScreenDom:
    """A page.

    Args:
        html: As it was sent.
    """

    def __init__(self, html: str) -> None:
        self.root: Element = html5lib.parse(html, namespaceHTMLElements=False)

    def find(self, name: str) -> Element:
        """Return the element with an id."""
        found = [one for one in self.root.iter() if one.get("id") == name]
        assert len(found) == 1, f"{len(found)} elements have the id {name}"
        return found[0]

    def inside(self, name: str) -> list[tuple[str, tuple[tuple[str, str], ...], str]]:
        """Return what is in an element, each part with its tag, its attributes and its own words."""
        parts = self.find(name).iter()
        return [(str(one.tag), tuple(sorted(one.items())), " ".join((one.text or "").split())) for one in parts]

    def words(self, name: str) -> str:
        """Return the text of an element."""
        return " ".join(" ".join(self.find(name).itertext()).split())

    def change(self, ops: Iterable[Op]) -> None:
        """Make the changes that are made to elements."""
        verbs: dict[str, Callable[..., None]] = {
            "html": self._html,
            "text": self._text,
            "attr": self._attr,
            "state": self._state,
            "before": self._before,
            "add": self._add,
            "put": self._put,
            "drop": self._drop,
        }
        for verb, *rest in ops:
            if verb in verbs:
                verbs[str(verb)](*rest)

    def _html(self, name: str, html: str) -> None:
        at = self.find(name)
        at[:] = []
        at.text, parts = _parts(html, str(at.tag))
        at.extend(parts)

    def _text(self, name: str, text: str) -> None:
        at = self.find(name)
        at[:] = []
        at.text = text

    def _attr(self, name: str, attribute: str, value: str) -> None:
        self.find(name).set(attribute, value)

    def _state(self, name: str, kind: str, *texts_of_it: str) -> None:
        sign, word, told, again = texts_of_it
        at = self.find(name)
        classes = [one for one in (at.get("class") or "").split() if not one.startswith("is-")]
        at.set("class", " ".join([*classes, kind]))
        texts = {"sign": sign, "word": word, "spoken": told, "again": again}
        for part in at.iter():
            for name_of_class in {*texts}.intersection((part.get("class") or "").split()):
                part.text = texts[name_of_class]
        if not len(at):
            at.text = sign
            at.set("aria-label", told)
        at.set("title", told)

    def _before(self, name: str, html: str) -> None:
        at = self.find(name)
        holder = next(one for one in self.root.iter() if at in list(one))
        _, parts = _parts(html, "div")
        place = list(holder).index(at)
        holder[place:place] = parts

    def _put(self, holder: str, name: str, html: str) -> None:
        at = self.find(holder)
        _, (part,) = _parts(html, str(at.tag))
        places = [place for place, one in enumerate(at) if one.get("id") == name]
        at[slice(*(places[0], places[0] + 1) if places else (len(at), len(at)))] = [part]

    def _drop(self, name: str) -> None:
        at = self.find(name)
        next(one for one in self.root.iter() if at in list(one)).remove(at)

    def _add(self, name: str, text: str) -> None:
        at = self.find(name)
        if len(at):
            at[-1].tail = (at[-1].tail or "") + text
        else:
            at.text = (at.text or "") + text


def _parts(html: str, within: str) -> tuple[str | None, list[Element]]:
    holder: Element = html5lib.parseFragment(html, container=within, namespaceHTMLElements=False)
    return holder.text, list(holder)
