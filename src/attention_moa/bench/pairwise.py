"""Two answers to one question compared by a judge, in both orders; no answer can speak with the judge's voice.

A verdict counts only as a line of its own with the nonce that this one prompt holds. Whatever an answer, a user or a
document writes, it does not know the nonce.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Sequence
from enum import StrEnum
from functools import cache, partial
from importlib import resources
from typing import Literal, NamedTuple, TypeAlias

import msgspec
from msgspec import Struct

from attention_moa.bench.judgements import Judgement
from attention_moa.bench.judging import Case, Judge, judge_all
from attention_moa.bench.sums import Money, sum_of
from attention_moa.messages import Conversation, ImagePart, Message, TextPart
from attention_moa.prompts import Templates
from attention_moa.records import RunRecord

Winner: TypeAlias = Literal["A", "B", "tie"]

_TEMPLATE = "pairwise"
_ORDERS = ("ab", "ba")


class Choice(StrEnum):
    """Which reply a judge prefers."""

    FIRST = "FIRST"
    SECOND = "SECOND"
    NEITHER = "NEITHER"


class Pair(NamedTuple):
    """Two answers to one question.

    Args:
        key: Unique among the pairs, of letters, digits, ``.``, ``_`` and ``-``.
        conversation: The question, the last turn the one that was answered.
        a: One answer.
        b: The other one.
    """

    key: str
    conversation: Conversation
    a: str
    b: str


class Comparison(NamedTuple):
    """What a judge says of a pair.

    Args:
        key: The pair's.
        winner: The one that wins in both orders; a tie where the orders disagree; None where an order is missing.
        verdicts: Who wins with A first, and with B first; None where a judgement is missing.
        judgements: Of both orders; none where the answers are equal, a tie without a call.
    """

    key: str
    winner: Winner | None
    verdicts: tuple[Winner | None, Winner | None]
    judgements: tuple[Judgement[Choice], ...] = ()

    @property
    def is_consistent(self) -> bool | None:
        """Whether both orders have the same verdict; None where that was not seen."""
        if not self.judgements or self.winner is None:
            return None
        return self.verdicts[0] == self.verdicts[1]

    @property
    def money(self) -> Money:
        """What it cost, as far as that is known."""
        return sum_of(one.money for one in self.judgements)


class Tally(Struct, frozen=True, kw_only=True):
    """What the comparisons of two systems came to.

    Args:
        n: Pairs.
        a: Pairs that A wins in both orders.
        b: Pairs that B wins in both orders.
        ties: Pairs that nobody wins in both.
        missing: Pairs with an order that could not be judged.
        consistent: Of the judged pairs, those with the same verdict in both orders.
        inconsistent: Those with another one.
        retried: Judgements that took more than one try.
        position_bias: How often the judge prefers what it reads first, 0 to 1: 0.5 is none; None where nothing was
            judged.
        usd: What it cost, as far as that is known; None where nothing is.
        is_lower_bound: Whether more belongs to it that nobody told.
        reply_models: What the endpoints say they used, each once.
    """

    n: int
    a: int
    b: int
    ties: int
    missing: int
    consistent: int
    inconsistent: int
    retried: int
    position_bias: float | None
    usd: float | None
    is_lower_bound: bool
    reply_models: tuple[str, ...]


async def compare(pair: Pair, judge: Judge, secret: bytes) -> Comparison:
    """Return what a judge says of one pair; see ``compare_all``."""
    return (await compare_all([pair], judge, secret))[0]


async def compare_all(pairs: Sequence[Pair], judge: Judge, secret: bytes) -> list[Comparison]:
    """Return what a judge says of each pair, in their order: each is judged twice, in both orders.

    Args:
        pairs: Two answers each.
        judge: Who judges.
        secret: What nonces and marks are derived from: the journal's, so that a benchmark that goes on asks the same.

    Raises:
        ConfigError: The judge cannot be had.
        StoreError: The journal failed.

    Source: ours.
    """
    cases = [case for pair in pairs if pair.a != pair.b for case in _cases(pair, secret)]
    said = {one.key: one for one in await judge_all(cases, judge)}
    return [_compared(pair, [said[f"{pair.key}.{order}"] for order in _ORDERS if pair.a != pair.b]) for pair in pairs]


def tally(comparisons: Sequence[Comparison]) -> Tally:
    """Return what comparisons came to.

    Args:
        comparisons: Of the same two systems.
    """
    judgements = [one for comparison in comparisons for one in comparison.judgements]
    money = sum_of(comparison.money for comparison in comparisons)
    shares = [_SHARES[one.value] for pair in comparisons if pair.winner for one in pair.judgements if one.value]
    return Tally(
        n=len(comparisons),
        a=sum(one.winner == "A" for one in comparisons),
        b=sum(one.winner == "B" for one in comparisons),
        ties=sum(one.winner == "tie" for one in comparisons),
        missing=sum(one.winner is None for one in comparisons),
        consistent=sum(one.is_consistent is True for one in comparisons),
        inconsistent=sum(one.is_consistent is False for one in comparisons),
        retried=sum(one.tries > 1 for one in judgements),
        position_bias=sum(shares) / len(shares) if shares else None,
        usd=money.usd,
        is_lower_bound=money.is_lower_bound,
        reply_models=tuple(dict.fromkeys(model for one in judgements for model in one.models)),
    )


def choice_line(nonce: str, choice: Choice) -> str:
    """Return the line that a judge has to end with."""
    return f"PREFER {nonce} {choice}"


def parse_choice(text: str, nonce: str) -> Choice | None:
    """Return a judge's verdict.

    It is a line of its own, which may be dressed (bold, a quote, a full stop, letter case); its three words may not
    differ. A line may come again, but not another one beside it.

    Args:
        text: The reply, thinking taken out.
        nonce: The secret word of this prompt.

    Returns:
        None where there is no such line, or two that disagree.
    """
    pattern = re.compile(rf"[\W_]*PREFER[\W_]+{re.escape(nonce)}[\W_]+(FIRST|SECOND|NEITHER)[\W_]*", re.IGNORECASE)
    found = {match[1].upper() for line in text.split("\n") if (match := pattern.fullmatch(line))}
    return Choice(found.pop()) if len(found) == 1 else None


def render(conversation: Conversation, first: str, second: str, secret: bytes) -> tuple[Conversation, str]:
    """Return what the judge reads, and the nonce of its verdict.

    Args:
        conversation: The question.
        first: The reply that it reads first.
        second: The other one.
        secret: What nonce and marks are derived from.
    """
    seen = msgspec.json.encode((conversation, first, second))
    tag, nonce = f"text-{_word(secret, b'tag', seen)[:8]}", _word(secret, b"nonce", seen)

    def quote(text: str) -> str:
        return f"<{tag}>\n{text.replace(tag, '[mark]').replace(nonce, '[mark]')}\n</{tag}>"

    turns = [{"role": message.role.capitalize(), "text": message.text} for message in conversation]
    lines = [choice_line(nonce, choice) for choice in Choice]
    values = {"turns": turns, "first": first, "second": second}
    text = _templates().render(_TEMPLATE, **values, tag=tag, quote=quote, lines=lines)
    images = (part for message in conversation for part in message.content if isinstance(part, ImagePart))
    return (Message("user", (TextPart(text), *images)),), nonce


_SHARES = {Choice.FIRST: 1.0, Choice.SECOND: 0.0, Choice.NEITHER: 0.5}
_WINNERS: dict[str, dict[Choice, Winner]] = {
    "ab": {Choice.FIRST: "A", Choice.SECOND: "B", Choice.NEITHER: "tie"},
    "ba": {Choice.FIRST: "B", Choice.SECOND: "A", Choice.NEITHER: "tie"},
}


def _cases(pair: Pair, secret: bytes) -> list[Case[Choice]]:
    orders = {"ab": (pair.a, pair.b), "ba": (pair.b, pair.a)}
    cases: list[Case[Choice]] = []
    for order, (first, second) in orders.items():
        prompt, nonce = render(pair.conversation, first, second, secret)
        cases.append(Case(f"{pair.key}.{order}", prompt, partial(_parsed, nonce=nonce)))
    return cases


def _parsed(record: RunRecord, nonce: str) -> Choice | None:
    return parse_choice(record.text or "", nonce)


def _compared(pair: Pair, judgements: Sequence[Judgement[Choice]]) -> Comparison:
    if not judgements:
        return Comparison(pair.key, "tie", ("tie", "tie"))
    one, other = map(_verdict, _ORDERS, judgements)
    winner: Winner | None = None if one is None or other is None else one if one == other else "tie"
    return Comparison(pair.key, winner, (one, other), tuple(judgements))


def _verdict(order: str, judgement: Judgement[Choice]) -> Winner | None:
    return None if judgement.value is None else _WINNERS[order][judgement.value]


def _word(secret: bytes, purpose: bytes, seen: bytes) -> str:
    return hmac.digest(secret, purpose + b"\0" + seen, "sha256").hex()[:12]


@cache
def _templates() -> Templates:
    text = resources.files("attention_moa.bench").joinpath(f"{_TEMPLATE}.md").read_text(encoding="utf-8")
    return Templates({_TEMPLATE: text})
