"""What happened at each simulated model so far, as ``/stats`` tells it."""

from __future__ import annotations

from msgspec import Struct, field

from attention_moa.fleet.log import Visit


class ModelStats(Struct, kw_only=True):
    """Counts of one model, of requests that are over; seconds are simulated ones.

    Tokens are those of requests whose reply was begun, also where it broke off. A request that got none (a refusal, an
    error's status, a hang, a page of HTML, a client that left before) is counted, and uses no tokens.

    Args:
        requests: Requests that are over.
        whole: Of these, answered with a usable reply to its end.
        left: Of these, given up by the client.
        refused: Of these, refused for a limit or a mistake of the request; a 429 that was drawn is a fault.
        faults: Of these, made to go wrong, by fault.
        prompt_tokens: Tokens of prompts, cached ones included.
        cached_tokens: Of these, held in the prefix cache.
        output_tokens: Tokens written, thinking included.
        reasoning_tokens: Of these, thinking.
        queue_s: Seconds that requests waited in line.
        busy_s: Seconds that requests were worked on, summed over places.
        working: Requests that are worked on now.
        waiting: Requests that wait in line now.
    """

    requests: int = 0
    whole: int = 0
    left: int = 0
    refused: int = 0
    faults: dict[str, int] = field(default_factory=dict[str, int])
    prompt_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    queue_s: float = 0.0
    busy_s: float = 0.0
    working: int = 0
    waiting: int = 0

    def add(self, visit: Visit) -> None:
        """Take a visit into account that is over."""
        self.requests += 1
        self.whole += visit.is_whole
        self.left += visit.has_left
        if visit.fault is not None:
            self.faults[visit.fault] = self.faults.get(visit.fault, 0) + 1
        elif not visit.is_whole and not visit.has_left:
            self.refused += 1
        self.prompt_tokens += visit.prompt_tokens
        self.cached_tokens += visit.cached_tokens
        self.output_tokens += visit.output_tokens
        self.reasoning_tokens += visit.reasoning_tokens
        self.queue_s += visit.queue_s
        self.busy_s += visit.busy_s
