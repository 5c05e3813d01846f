"""The command ``llm``: a prompt, a stream, a conversation that goes on, a schema and a tool, by its models' file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from checks import Server, require, run

FUNCTION = '''
def weather(city: str) -> str:
    """The weather in a city."""
    return f"31 degrees in {city}"
'''


def _llm(server: Server, *arguments: str) -> str:
    """Return what the command prints, for the server's ensemble as a model of its own."""
    folder = Path(os.environ["LLM_USER_PATH"])  # noqa: TID251 - where the command keeps all that it keeps
    lines = [
        "- model_id: moa",
        f"  model_name: {server.model}",
        f"  api_base: {server.url}",
        "  supports_schema: true",
        "  supports_tools: true",
    ]
    (folder / "extra-openai-models.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    command = [str(Path(sys.executable).with_name("llm")), "prompt", "-m", "moa", "--key", "none", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    require(done.returncode == 0, done.stderr)
    return done.stdout.strip()


def prompt(server: Server) -> str:
    """A text, in one piece and streamed."""
    texts = [_llm(server, "--no-stream", "What is 19 + 23?"), _llm(server, "What is 19 + 23?")]
    require(texts == ["19 + 23 = 42"] * 2, texts)
    return texts[0]


def going_on(server: Server) -> str:
    """A conversation goes on."""
    text = _llm(server, "--continue", "And 1 + 2?")
    require(text == "1 + 2 = 3", text)
    return text


def schema(server: Server) -> str:
    """JSON by a schema."""
    text = _llm(server, "--schema", "total int", "What is 19 + 23?")
    require(json.loads(text) == {"total": 42}, text)
    return text


def tools(server: Server) -> str:
    """A function is called, and its result goes on to the answer."""
    text = _llm(server, "--functions", FUNCTION, "What is the weather in Turin?")
    require("31 degrees in Turin" in text, text)
    return text


if __name__ == "__main__":
    run(prompt, going_on, schema, tools)
