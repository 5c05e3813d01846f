"""From TOML and the environment to specs: the only module that reads the environment.

Every fault of a file becomes one line that names the field by its dotted path, the value, and what belongs there.
"""

from __future__ import annotations

import difflib
import json
import os
from importlib import resources
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from attention_moa.agents import AgentSpec, ModelSettings
from attention_moa.config import EnsembleSpec, with_layers
from attention_moa.errors import ConfigError
from attention_moa.toml_specs import parse_toml, read_toml, to_spec

KEY_VARIABLES: dict[str, tuple[str, ...]] = {
    "alibaba": ("ALIBABA_API_KEY", "DASHSCOPE_API_KEY"),
    "anthropic": ("ANTHROPIC_API_KEY",),
    "azure": ("AZURE_OPENAI_API_KEY",),
    "cerebras": ("CEREBRAS_API_KEY",),
    "cohere": ("CO_API_KEY", "COHERE_API_KEY"),
    "deepseek": ("DEEPSEEK_API_KEY",),
    "fireworks": ("FIREWORKS_API_KEY",),
    "github": ("GITHUB_API_KEY", "GITHUB_TOKEN"),
    "google": ("GOOGLE_API_KEY", "GEMINI_API_KEY"),
    "gemini": ("GOOGLE_API_KEY", "GEMINI_API_KEY"),
    "google-gla": ("GOOGLE_API_KEY", "GEMINI_API_KEY"),
    "groq": ("GROQ_API_KEY",),
    "heroku": ("HEROKU_INFERENCE_KEY",),
    "huggingface": ("HF_TOKEN",),
    "mistral": ("MISTRAL_API_KEY",),
    "moonshotai": ("MOONSHOTAI_API_KEY", "MOONSHOT_API_KEY"),
    "nebius": ("NEBIUS_API_KEY",),
    "openai": ("OPENAI_API_KEY",),
    "openai-chat": ("OPENAI_API_KEY",),
    "openai-responses": ("OPENAI_API_KEY",),
    "openrouter": ("OPENROUTER_API_KEY",),
    "ovhcloud": ("OVHCLOUD_API_KEY",),
    "sambanova": ("SAMBANOVA_API_KEY",),
    "together": ("TOGETHER_API_KEY",),
    "vercel": ("VERCEL_AI_GATEWAY_API_KEY",),
    "xai": ("XAI_API_KEY",),
    "zai": ("ZAI_API_KEY",),
}
"""The usual variable of each provider that needs a key; the first that is set counts."""

QUESTION_VARIABLE = "ATTENTION_MOA_QUESTION"
JOURNAL_VARIABLE = "ATTENTION_MOA_JOURNAL"
_EXAMPLES = {"agents": "[[agents]] tables, each with a name and a model"}


def load_spec(name_or_path: str | Path) -> EnsembleSpec:
    """Return the ensemble of a shipped name or of a TOML file.

    Args:
        name_or_path: A name that ``shipped_ensembles`` lists, or a path; what ends in ``.toml`` or holds a ``/`` is a
            path.

    Raises:
        ConfigError: There is no such ensemble, or its file is wrong.
    """
    if isinstance(name_or_path, str) and name_or_path in shipped_ensembles():
        return parse_spec(shipped_text(name_or_path), name=name_or_path, folder=None)
    path = Path(name_or_path)
    return parse_spec(ensemble_text(name_or_path), name=path.stem, folder=path.parent, file=str(path))


def ensemble_text(name_or_path: str | Path) -> str:
    """Return the TOML text of a shipped ensemble or of a file, as it is.

    Raises:
        ConfigError: There is no such ensemble, or its file cannot be read.
    """
    if isinstance(name_or_path, str) and name_or_path in shipped_ensembles():
        return shipped_text(name_or_path)
    if not str(name_or_path).strip():
        raise ConfigError(f"the name is empty: name a file, or one of {', '.join(shipped_ensembles())}", key="ensemble")
    return read_toml(Path(name_or_path), key="ensemble", missing=_no_such_ensemble(str(name_or_path)))


def parse_spec(text: str, *, name: str, folder: Path | None, file: str | None = None) -> EnsembleSpec:
    """Return the ensemble that a TOML text describes.

    Args:
        text: The file's content.
        name: What the ensemble is called where the file does not say.
        folder: What ``prompts.folder`` is relative to; None leaves it as it is.
        file: What errors call the file that the text is of; None where it is of none.

    Raises:
        ConfigError: It is not TOML, or a field is unknown, missing, of the wrong type or out of range.
    """
    document = parse_toml(text, name=file or name, key="ensemble")
    try:
        spec = _spec_of({"name": name, **document})
    except ConfigError as error:
        if file is None:
            raise
        told = ConfigError(f"{file}: {error}")
        told.key = error.key
        raise told from error
    if folder is not None and spec.prompts.folder:
        templates = folder / Path(spec.prompts.folder).expanduser()
        spec = replace(spec, prompts=replace(spec.prompts, folder=str(templates.absolute())))
    return spec


def _spec_of(document: dict[str, Any]) -> EnsembleSpec:
    if "drawn" in document:
        raise ConfigError("no such field: a request alone sets it; write [summary] and [residual]", key="drawn")
    spec = to_spec(document, EnsembleSpec, _EXAMPLES)
    if "layers" in document:
        spec = with_layers(spec, document["layers"])
    for index, agent in enumerate(spec.agents):
        _require_json(agent.extra_body, f"agents[{index}].extra_body")
    _require_json(spec.summary.extra_body, "summary.extra_body")
    _require_json(spec.residual.extra_body, "residual.extra_body")
    return spec


def shipped_ensembles() -> tuple[str, ...]:
    """Return the names of the ensembles that come with the package, sorted."""
    files = resources.files("attention_moa").joinpath("ensembles").iterdir()
    return tuple(sorted(file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml")))


def shipped_text(name: str) -> str:
    """Return the TOML text of a shipped ensemble."""
    return resources.files("attention_moa").joinpath("ensembles", f"{name}.toml").read_text(encoding="utf-8")


def api_key(settings: ModelSettings) -> str | None:
    """Return the key for a model, out of the environment.

    A key goes only where it belongs: with a ``base_url`` of one's own, the provider's usual variable is not read, and
    ``api_key_env`` has to say which key that address may have.

    Args:
        settings: ``model``, ``base_url`` and ``api_key_env`` decide.

    Returns:
        The key; None where none is needed or none is known (local models, programs, addresses of one's own).

    Raises:
        ConfigError: A key is needed and no variable holds it, or what it holds cannot be a key.
    """
    provider = settings.model.partition(":")[0]
    if settings.api_key_env is not None:
        variables: tuple[str, ...] = (settings.api_key_env,)
    elif settings.base_url is not None and provider != "azure":
        return None
    else:
        variables = KEY_VARIABLES.get(provider, ())
    for variable in variables:
        if key := os.environ.get(variable, "").strip():
            return _require_key(key, variable)
    if not variables:
        return None
    who = f" (agent {settings.name!r})" if isinstance(settings, AgentSpec) else ""
    mend = "" if settings.api_key_env else ", or name another variable with api_key_env"
    raise ConfigError(
        f"{' or '.join(variables)} is not set: {settings.model}{who} needs a key; export it{mend}", key="api_key_env"
    )


def keys_found() -> dict[str, str]:
    """Return the providers whose key is in the environment, each with the variable that holds it."""
    found: dict[str, str] = {}
    for provider, variables in KEY_VARIABLES.items():
        variable = next((variable for variable in variables if os.environ.get(variable, "").strip()), None)
        if variable is not None and variable not in found.values():
            found[provider] = variable
    return found


def question_from_environment() -> str | None:
    """Return the question in ``ATTENTION_MOA_QUESTION``; None where it is not set or empty.

    Raises:
        ConfigError: It is not UTF-8.
    """
    question = os.environ.get(QUESTION_VARIABLE)
    try:
        (question or "").encode()
    except UnicodeEncodeError as error:
        raise ConfigError("not UTF-8: write the question in UTF-8", key=QUESTION_VARIABLE) from error
    return question or None


def default_journal() -> Path | str:
    """Return where the journal is unless something else is said: its path or URL; it need not be there.

    The variable ``ATTENTION_MOA_JOURNAL`` names it; without it, it is a file in the user's data directory, which
    ``XDG_DATA_HOME`` moves where the system knows such a variable.
    """
    from platformdirs import user_data_path

    named = os.environ.get(JOURNAL_VARIABLE, "").strip()
    return named or user_data_path("attention-moa", appauthor=False) / "journal.db"


def wants_traces() -> bool:
    """Return whether the variables of OpenTelemetry say where traces go."""
    variables = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
    is_off = os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    return not is_off and any(os.environ.get(variable, "").strip() for variable in variables)


def _require_key(key: str, variable: str) -> str:
    if not (key.isascii() and key.isprintable() and " " not in key):
        raise ConfigError("the key in it has characters that no key has: copy it anew", key=variable)
    return key


def _no_such_ensemble(name: str) -> str:
    names = shipped_ensembles()
    close = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    return f"{name!r} is neither a file nor a shipped ensemble: {hint}shipped are {', '.join(names)}"


def _require_json(value: object, at: str) -> None:
    """Raise a ``ConfigError`` for what TOML can say and JSON cannot: dates, times, infinities."""
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{error}: write it as text in quotes, or leave it out", key=at) from error
