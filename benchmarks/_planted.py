"""Made-up cases in which it is known which critique a refinement followed, in six languages."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from benchmarks._languages import Language


class Case(NamedTuple):
    """A case.

    Args:
        answer: Before.
        refinement: After.
        critiques: By critic.
        planted: Of each critic that was followed, how many; each has to have more than any that was not.
    """

    answer: str
    refinement: str
    critiques: dict[str, str]
    planted: tuple[str, ...]


class Author:
    """Makes up texts in a language.

    Args:
        language: Which.
        chance: Where all that is random comes from.
    """

    def __init__(self, language: Language, chance: random.Random) -> None:
        """Begin with nothing said."""
        self.language = language
        self.chance = chance
        self._said: set[str] = set()

    def fact(self, forms: Sequence[str] = ()) -> str:
        """Return a sentence that was not said before; in one of some forms, where it has to be."""
        language, chance = self.language, self.chance
        while True:
            fact = chance.choice(forms or language.facts).format(
                name=chance.choice(language.names), thing=chance.choice(language.things), number=self.number()
            )
            if fact not in self._said:
                self._said.add(fact)
                return fact

    def number(self) -> int:
        """Return a number of three or four digits."""
        return self.chance.randrange(100, 9999)

    def text(self, facts: list[str]) -> str:
        """Return sentences as a text."""
        return self.language.space.join(facts)

    def quote(self, fact: str) -> str:
        """Return a sentence as somebody quotes it: the whole of it or its larger part, without the full stop."""
        whole = fact.rstrip(".。")
        parts = whole.split(" ") if self.language.space else list(whole)
        first = self.chance.randrange(0, len(parts) // 4 + 1)
        return (self.language.space or "").join(parts[first:])

    def praises(self, kept: list[str], count: int) -> list[str]:
        """Return critiques that ask for nothing; some of them quote what stays."""
        chosen = (self.chance.choice(self.language.praises) for _ in range(count))
        return [one.format(quote=self.quote(self.chance.choice(kept))) for one in chosen]

    def say(self, forms: tuple[str, ...], **what: str) -> str:
        """Return one of several ways to say something."""
        return self.chance.choice(forms).format(**what)


def _case(author: Author, texts: tuple[list[str], list[str]], asked: list[str], others: list[str]) -> Case:
    """Return a case whose first critiques were followed; critics in an order of chance."""
    names = [f"critic {number}" for number in range(len(asked) + len(others))]
    author.chance.shuffle(names)
    told = list(zip(names, [*asked, *others], strict=True))
    author.chance.shuffle(told)
    return Case(author.text(texts[0]), author.text(texts[1]), dict(told), tuple(names[: len(asked)]))


def added(author: Author) -> Case:
    """A critique asks for a sentence, word for word; it is added."""
    facts, new = [author.fact() for _ in range(6)], author.fact()
    after = [*facts]
    after.insert(author.chance.randrange(7), new)
    return _case(author, (facts, after), [author.say(author.language.demands, fact=new)], author.praises(facts, 3))


def in_other_words(author: Author) -> Case:
    """A critique asks for a sentence; another one with the same name, number and thing is added."""
    language, chance = author.language, author.chance
    facts = [author.fact() for _ in range(6)]
    asked, added_form = chance.sample(language.facts, 2)
    slots = {"name": chance.choice(language.names), "thing": chance.choice(language.things), "number": author.number()}
    demand = author.say(language.demands, fact=asked.format(**slots))
    return _case(author, (facts, [*facts, added_form.format(**slots)]), [demand], author.praises(facts, 3))


def corrected(author: Author) -> Case:
    """A critique names the right number; it takes the place of the wrong one."""
    facts = [author.fact() for _ in range(6)]
    place = author.chance.randrange(6)
    new = str(author.number())
    after = [*facts]
    after[place] = re.sub(r"[0-9]+", new, facts[place])
    kept = [fact for fact in facts if fact != facts[place]]
    return _case(author, (facts, after), [author.say(author.language.corrections, new=new)], author.praises(kept, 3))


def deleted(author: Author) -> Case:
    """A critique quotes a sentence as wrong; it is deleted."""
    facts = [author.fact() for _ in range(6)]
    gone = author.chance.choice(facts)
    after = [fact for fact in facts if fact != gone]
    objection = author.say(author.language.objections, quote=author.quote(gone))
    return _case(author, (facts, after), [objection], author.praises(after, 3))


def two_demands(author: Author) -> Case:
    """Two critiques ask for a sentence each; both are added, side by side as often as not."""
    facts, one, other = [author.fact() for _ in range(6)], author.fact(), author.fact()
    after = [*facts]
    after.insert(author.chance.randrange(7), one)
    after.insert(author.chance.randrange(8), other)
    asked = [author.say(author.language.demands, fact=fact) for fact in (one, other)]
    return _case(author, (facts, after), asked, author.praises(facts, 2))


def unheeded(author: Author) -> Case:
    """Every critique asks for a sentence about the same things; one of them is added."""
    facts, new = [author.fact() for _ in range(6)], author.fact()
    asked = author.say(author.language.demands, fact=new)
    others = [author.say(author.language.demands, fact=author.fact()) for _ in range(3)]
    return _case(author, (facts, [*facts, new]), [asked], others)


def own_doing(author: Author) -> Case:
    """A sentence that was asked for is added, and the author writes two others anew for reasons of its own."""
    facts, new = [author.fact() for _ in range(6)], author.fact()
    after = [author.fact(), *facts[1:3], author.fact(), *facts[4:], new]
    kept = [*facts[1:3], *facts[4:]]
    return _case(author, (facts, after), [author.say(author.language.demands, fact=new)], author.praises(kept, 3))


def told_anew(author: Author) -> Case:
    """Every critique asks for a sentence about the same things; what one asked for is added in other words."""
    language, chance = author.language, author.chance
    facts = [author.fact() for _ in range(6)]
    asked, added_form, *rest = chance.sample(language.facts, len(language.facts))
    slots = {"name": chance.choice(language.names), "thing": chance.choice(language.things), "number": author.number()}
    demand = author.say(language.demands, fact=asked.format(**slots))
    others = [author.say(language.demands, fact=author.fact(rest)) for _ in range(3)]
    return _case(author, (facts, [*facts, added_form.format(**slots)]), [demand], others)


def rewritten(author: Author) -> Case:
    """Nothing of the answer stays; of what four critiques ask for one sentence is in the new text, among six others."""
    forms = author.chance.sample(author.language.facts, len(author.language.facts))
    part = len(forms) // 3
    facts = [author.fact(forms[:part]) for _ in range(6)]
    after = [author.fact(forms[part : 2 * part]) for _ in range(6)]
    new, *rest = (author.fact(forms[2 * part :]) for _ in range(4))
    after.insert(author.chance.randrange(7), new)
    asked, *others = (author.say(author.language.demands, fact=fact) for fact in (new, *rest))
    return _case(author, (facts, after), [asked], others)


def praised(author: Author) -> Case:
    """A critique quotes half of a sentence as wrong, another one quotes all of it with praise; it is deleted."""
    facts = [author.fact() for _ in range(6)]
    gone = author.chance.choice(facts)
    after = [fact for fact in facts if fact != gone]
    whole = gone.rstrip(".。")
    objection = author.say(author.language.objections, quote=whole[len(whole) // 2 :])
    praise = next(form for form in author.language.praises if "{quote}" in form)
    return _case(author, (facts, after), [objection], [praise.format(quote=gone), *author.praises(after, 2)])


def moved(author: Author) -> Case:
    """A critique asks to begin with a sentence; it is moved to the front."""
    facts = [author.fact() for _ in range(6)]
    place = author.chance.randrange(2, 6)
    after = [facts[place], *(fact for fact in facts if fact != facts[place])]
    asked = author.say(author.language.moves, quote=facts[place])
    kept = [fact for fact in facts if fact != facts[place]]
    return _case(author, (facts, after), [asked], author.praises(kept, 3))


def long_text(author: Author) -> Case:
    """A text of 150 sentences, one of which is added because a long critique asks for it among other remarks."""
    facts, new = [author.fact() for _ in range(150)], author.fact()
    after = [*facts]
    after.insert(author.chance.randrange(151), new)
    asked = author.text(
        [*author.praises(facts, 5), author.say(author.language.demands, fact=new), *author.praises(facts, 5)]
    )
    others = [author.text(author.praises(facts, 12)) for _ in range(3)]
    return _case(author, (facts, after), [asked], others)


KINDS: Mapping[str, Callable[[Author], Case]] = {
    "added": added,
    "in other words": in_other_words,
    "corrected": corrected,
    "deleted": deleted,
    "two demands": two_demands,
    "unheeded demands": unheeded,
    "told anew": told_anew,
    "own doing beside": own_doing,
    "rewritten": rewritten,
    "moved": moved,
    "long text": long_text,
}

LIMITS: Mapping[str, Callable[[Author], Case]] = {"praised, deleted": praised}
"""What overlap of words cannot tell: these cases do not count."""
