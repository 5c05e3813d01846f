"""``attention-moa ensemble new``: an ensemble file from the keys and the model servers that are here."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, TypeVar

import click

from attention_moa.cli.account import count
from attention_moa.cli.discovery import find_servers, is_installed
from attention_moa.cli.drafts import Offer, draft, offers_of, remarks_on
from attention_moa.cli.exits import EXIT_CODES
from attention_moa.cli.output import say, say_file, tell
from attention_moa.errors import ConfigError
from attention_moa.schedule import count_calls
from attention_moa.settings import keys_found, parse_spec

_T = TypeVar("_T")


@click.command(epilog=EXIT_CODES)
@click.option("-o", "--output", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
              help="The file to write; - prints it. Default: ensemble.toml.")  # fmt: skip
@click.option("--force", "is_forced", is_flag=True, help="Replace the file where there is one.")
@click.option("-y", "--yes", "has_no_questions", is_flag=True, help="Ask nothing: take all that is found, 2 layers.")
def new(*, output: Path | None, is_forced: bool, has_no_questions: bool) -> None:
    """Write an ensemble of the models that can be used from here.

    Looks for API keys in the environment, for Ollama, LM Studio, vLLM and llama.cpp on this machine, and for the
    embedded model. Keys are never written: the file names no key.
    """
    servers = asyncio.run(find_servers())
    keys = keys_found()
    missing = {provider for provider in keys if not is_installed(provider)}
    offers = offers_of({provider: keys[provider] for provider in keys if provider not in missing}, servers)
    tell("Found:")
    for number, offer in enumerate(offers, 1):
        tell(f"  {number}  {offer.title}: {', '.join(model.model for model in offer.models)}")
    for remark in remarks_on(keys, missing):
        tell(f"  -  {remark}")
    chosen = offers if has_no_questions else _choose(offers)
    layers = 2 if has_no_questions else _asked("Layers", 2, type=click.IntRange(1, 64))
    path = output or Path("ensemble.toml" if has_no_questions else _asked("File", "ensemble.toml"))
    text = draft(chosen, layers)
    spec = parse_spec(text, name=path.stem, folder=None)
    if str(path) == "-":
        say_file(text)
        return
    _write(path, text, is_forced=is_forced)
    size = (count(len(spec.agents), "agent"), count(layers, "layer"), count(count_calls(spec), "call"))
    say(f"{path}: {', '.join(size)} a question")
    tell(f"next: attention-moa ensemble check {path}; attention-moa ask -e {path} '…'")


def _choose(offers: list[Offer]) -> list[Offer]:
    """Return the offers that the user takes."""
    default = ",".join(str(number) for number in range(1, len(offers) + 1))
    while True:
        answer = _asked("Use which (numbers, with commas)", default)
        numbers = [part.strip() for part in answer.split(",") if part.strip()]
        if numbers and all(number.isdecimal() and 1 <= int(number) <= len(offers) for number in numbers):
            return [offers[number - 1] for number in dict.fromkeys(map(int, numbers))]
        tell(f"write numbers from 1 to {len(offers)}, such as 1,2")


def _asked(question: str, default: _T, **options: Any) -> _T:
    """Return what the user answers."""
    try:
        answer: _T = click.prompt(question, default=default, err=True, **options)
    except click.Abort as error:
        if not isinstance(error.__context__, EOFError):
            raise
        raise click.UsageError("the input ended before all was answered: --yes asks nothing") from error
    return answer


def _write(path: Path, text: str, *, is_forced: bool) -> None:
    try:
        with path.open("w" if is_forced else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise ConfigError(
            f"{str(path)!r} exists: name another file, or replace it with --force", key="--output"
        ) from None
    except OSError as error:
        raise ConfigError(f"{str(path)!r} cannot be written: {error.strerror}", key="--output") from error
