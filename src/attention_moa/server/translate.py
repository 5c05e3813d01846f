"""From what a request says to what runs: the parts that every API shares. Pure.

A request changes the ensemble only through the fields that are here; no text in it does.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import asdict, replace

from attention_moa.agents import AgentSpec
from attention_moa.answer_spec import AnswerSpec
from attention_moa.budget import Budget
from attention_moa.config import EnsembleSpec, all_agents, summary_chain, with_layers
from attention_moa.errors import ConfigError, describe
from attention_moa.messages import Conversation, Sampling
from attention_moa.prices import known_price
from attention_moa.questions import conversation_of
from attention_moa.rules import LimitSpec
from attention_moa.sampled import sampled, thinking_of
from attention_moa.server.config import ServerConfig
from attention_moa.server.errors import ApiError, bad_request
from attention_moa.server.job import Job
from attention_moa.server.models import Served
from attention_moa.server.settings_body import MoaBody

_LIMITS = ("usd", "tokens")
_MOA = "attention_moa"
_NOTHING = MoaBody()

Thinking: TypeAlias = bool | Literal["low", "medium", "high"] | None


class Asked(Struct, frozen=True, kw_only=True):
    """What a request asks for, in no API's own form.

    Args:
        conversation: The turns.
        wanted: How the answer is wanted.
        sampling: How it is drawn; None in a field leaves what the ensemble says.
        settings: ``attention_moa``; None for nothing.
        choices: How many answers.
        labels: What the client keeps with the run.
        ignored: Fields that change nothing.
        notes: What is taken otherwise than it was said.
        names: What the API calls the fields of ``sampling``, where it calls them otherwise.
        place: What the API calls the conversation.
    """

    conversation: Conversation
    wanted: AnswerSpec
    sampling: Sampling
    settings: MoaBody | None = None
    choices: int = 1
    labels: dict[str, str] = {}
    ignored: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    names: dict[str, str] = {}
    place: str = "messages"


def job_of(asked: Asked, served: Served, config: ServerConfig) -> Job:
    """Return what a request asks for, checked.

    Args:
        asked: The request.
        served: The model that it names.
        config: What holds where the request says nothing.

    Raises:
        ApiError: 400: a field does not go with the ensemble, or there is no question.
    """
    settings = asked.settings or _NOTHING
    conversation = _conversation(asked, config)
    is_tools_turn = conversation[-1].role == "tool"
    cadence = settings.cadence or config.cadence
    spec = _changed(served.spec, settings)
    spec = _writer_alone(spec) if is_tools_turn and cadence == "user" else spec
    spec = _sampled(_limited(spec, settings), asked)
    has_whole_runs = settings.choices == "runs"
    return Job(
        model=served.name,
        ensemble=served.ensemble,
        spec=spec,
        conversation=conversation,
        wanted=replace(asked.wanted, choices=1 if has_whole_runs else asked.choices),
        runs=asked.choices if has_whole_runs else 1,
        is_fresh=settings.fresh is True,
        has_reuse=settings.reuse is True,
        settings=frozenset(name for name, value in asdict(settings).items() if value is not None),
        limited_by=frozenset(
            name for name in _LIMITS if getattr(spec.limits, name) != getattr(served.spec.limits, name)
        ),
        labels=asked.labels,
        progress=settings.progress or config.progress,
        on_disconnect=settings.on_disconnect or config.on_disconnect,
        ignored=asked.ignored,
        notes=(*asked.notes, *_without_effect(spec, settings)),
    )


def _without_effect(spec: EnsembleSpec, settings: MoaBody) -> tuple[str, ...]:
    """Return notes on settings that are right by themselves and change nothing beside the others."""
    least = settings.early_stop.min_layers if settings.early_stop is not None else None
    if least is None or least <= spec.layers:
        return ()
    return (
        f"{_MOA}.early_stop.min_layers is {least}, and the run has {spec.layers} layers at most: it ends with the last",
    )


def effort_of(effort: str | None) -> tuple[Thinking, tuple[str, ...]]:
    """Return how much is to be thought, and a note where that is not quite what was asked for.

    Args:
        effort: As the API says it; None leaves it.
    """
    if effort is None:
        return None, ()
    thinking = thinking_of(effort)
    is_same = (thinking or "none") == effort
    return thinking, () if is_same else (f"a reasoning effort of {effort} is taken as {thinking}",)


def config_fault(error: ConfigError, param: str) -> ApiError:
    """Return the error of a request whose field made a wrong ensemble, or a wrong question.

    Args:
        error: What is wrong with it.
        param: The field of the request.
    """
    what = describe(error).removeprefix(f"{error.key}: ")
    return bad_request(f"{param}: {what}", param=param)


def _conversation(asked: Asked, config: ServerConfig) -> Conversation:
    count = len(asked.conversation)
    if count > config.max_messages:
        message = f"{asked.place}: {count} messages, and {config.max_messages} are the most"
        raise bad_request(message, param=asked.place)
    try:
        return conversation_of(asked.conversation)
    except ConfigError as error:
        raise config_fault(error, asked.place) from error


def _writer_alone(spec: EnsembleSpec) -> EnsembleSpec:
    """Return the ensemble's summary agent alone, which goes on after a tool's result."""
    if spec.strategy == "single":
        return spec
    writer = summary_chain(spec)[0]
    return EnsembleSpec(
        name=spec.name,
        strategy="single",
        agents=(replace(writer, name=_plain_name(spec, writer)),),
        calls=spec.calls,
        limits=spec.limits,
        prompts=spec.prompts,
    )


def _plain_name(spec: EnsembleSpec, writer: AgentSpec) -> str:
    """Return a writer's name as an agent's: those of writers are kept for them."""
    return writer.name if any(agent.name == writer.name for agent in spec.agents) else "writer"


def _changed(spec: EnsembleSpec, settings: MoaBody) -> EnsembleSpec:
    """Return the ensemble with the layers, the attention and the stopping that a request asks for."""
    if settings.layers is not None:
        try:
            spec = with_layers(spec, settings.layers)
        except ConfigError as error:
            raise config_fault(error, f"{_MOA}.layers") from error
    for name, body in (("attention", settings.attention), ("early_stop", settings.early_stop)):
        told = {} if body is None else {field: value for field, value in asdict(body).items() if value is not None}
        if not told:
            continue
        try:
            spec = replace(spec, **{name: replace(getattr(spec, name), **told)})
        except ConfigError as error:
            raise config_fault(error, f"{_MOA}.{error.key or name}") from error
    return spec


def _limited(spec: EnsembleSpec, settings: MoaBody) -> EnsembleSpec:
    """Return the ensemble with the stricter of its own limits and the request's."""
    limits = LimitSpec(
        usd=_stricter(spec.limits.usd, settings.usd),
        tokens=_stricter(spec.limits.tokens, settings.tokens),
        deadline_s=_stricter(spec.limits.deadline_s, settings.deadline_s),
    )
    if limits == spec.limits:
        return spec
    limited = replace(spec, limits=limits)
    try:
        Budget(limits, known_price).require_prices(all_agents(limited))
    except ConfigError as error:
        raise config_fault(error, f"{_MOA}.usd") from error
    return limited


def _stricter(own: Any, asked: Any) -> Any:  # noqa: ANN401 - whole numbers stay whole
    return min((limit for limit in (own, asked) if limit is not None), default=None)


def _sampled(spec: EnsembleSpec, asked: Asked) -> EnsembleSpec:
    """Return the ensemble with a request's sampling for those who write its answer."""
    try:
        return sampled(spec, asked.sampling)
    except ConfigError as error:
        field = (error.key or "").rpartition(".")[2]
        raise config_fault(error, asked.names.get(field, field)) from error
