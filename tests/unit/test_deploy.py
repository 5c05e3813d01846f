"""What is in ``deploy/`` fits the program: its commands, its settings, its numbers; no container is started."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # a few documents of our own
from prometheus_client.parser import text_string_to_metric_families

from attention_moa.cli import root
from attention_moa.errors import RefusedError, ServerError
from attention_moa.events import Event
from attention_moa.server.config import load_server_config
from attention_moa.server.request_numbers import Answered, RequestNumbers
from attention_moa.settings import JOURNAL_VARIABLE
from attention_moa.store.address import parse_address
from attention_moa.telemetry.metrics import Metrics
from tests.worlds import Says, World, a_spec, in_turn

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"


def instructions() -> list[tuple[str, str]]:
    """Return the Dockerfile's instructions with what follows them, each in one line."""
    text = re.sub(r"^#.*\n", "", (DEPLOY / "Dockerfile").read_text(), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines if line.strip())]


def of(word: str) -> list[str]:
    """Return what follows each instruction of a kind."""
    return [rest for kind, rest in instructions() if kind == word]


def compose() -> dict[str, Any]:
    """Return the compose file."""
    document: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return document


def options_of(words: list[str]) -> None:
    """Make sure that a command line of the program is one."""
    command = root.get_command(root.make_context("attention-moa", ["serve"], resilient_parsing=True), words[0])
    assert command is not None, words
    command.make_context(words[0], words[1:])


def test_the_image_is_installed_as_the_readme_says() -> None:
    """With make, out of the lock, from files that are in the context and in the repository."""
    assert "make install" in of("RUN")
    assert re.search(r"^install:", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert "`make install`" in (ROOT / "docs" / "server.md").read_text()
    kept = {line[1:] for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines() if line.startswith("!")}
    for copied in of("COPY"):
        *sources, _ = copied.removeprefix("--chown=moa:moa ").split()
        assert set(sources) <= kept
        assert all((ROOT / source).exists() for source in sources)


def test_the_image_serves_as_a_user_of_its_own_with_a_journal_that_stays() -> None:
    """Its journal is on a volume; the command is one that the program takes."""
    kinds = [kind for kind, _ in instructions()]
    assert kinds.index("USER") < kinds.index("ENTRYPOINT")
    assert of("USER") == ["moa"]
    settings = dict(one.split("=") for one in of("ENV")[0].split())
    assert settings[JOURNAL_VARIABLE].startswith(of("VOLUME")[0])
    assert json.loads(of("ENTRYPOINT")[0])[-1].endswith("attention-moa")
    options_of(json.loads(of("CMD")[0]))
    compile(json.loads(of("HEALTHCHECK")[0].partition("CMD ")[2])[-1], "healthcheck", "exec")
    assert "/readyz" in of("HEALTHCHECK")[0]


def test_the_package_for_postgresql_comes_out_of_the_lock_with_its_hashes() -> None:
    """The same line of sed as in the Dockerfile finds one package, whole."""
    (installs,) = [run for run in of("RUN") if "asyncpg" in run]
    (begin, end) = re.findall(r"/([^/]+)/", installs.partition("sed -n ")[2])[:2]
    lines = iter((ROOT / "requirements-dev.lock").read_text().splitlines())
    first = next(line for line in lines if re.match(begin, line))
    rest = list(until(lines, end))
    assert re.match(r"asyncpg==[\d.]+ ", first)
    assert rest
    assert all(line.lstrip().startswith("--hash=sha256:") for line in rest)


def until(lines: Iterator[str], pattern: str) -> Iterator[str]:
    """Yield lines up to the first one that a pattern is found in."""
    for line in lines:
        yield line
        if re.search(pattern, line):
            return


def test_the_compose_file_starts_the_server_with_settings_that_it_takes() -> None:
    """Its journal is on the PostgreSQL that is started beside it, and it has time to drain."""
    document = compose()
    server, postgres = document["services"]["server"], document["services"]["postgres"]
    assert (DEPLOY / server["build"]["context"] / server["build"]["dockerfile"]).resolve() == DEPLOY / "Dockerfile"
    options_of(server["command"])
    settings = load_server_config(DEPLOY / "server.toml")
    assert any(volume.startswith("./server.toml:") for volume in server["volumes"])
    assert int(server["stop_grace_period"].removesuffix("s")) > settings.drain_s
    url = re.sub(r"\$\{[^}]*\}", "secret", server["environment"][JOURNAL_VARIABLE])
    address = parse_address(url).url
    told = postgres["environment"]
    assert (address.host, address.username, address.database) == (
        "postgres",
        told["POSTGRES_USER"],
        told["POSTGRES_DB"],
    )
    assert told["POSTGRES_PASSWORD"] in server["environment"][JOURNAL_VARIABLE]


def test_nothing_is_reached_from_outside_this_machine() -> None:
    """Who wants that says so."""
    for name, service in compose()["services"].items():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name


def test_prometheus_reads_what_the_server_has_with_a_key_of_its_own() -> None:
    """Under a name that the server answers to, and a key that is in no repository."""
    document = compose()
    (job,) = yaml.safe_load((DEPLOY / "prometheus.yml").read_text())["scrape_configs"]
    ((host, port),) = [target.split(":") for config in job["static_configs"] for target in config["targets"]]
    settings = load_server_config(DEPLOY / "server.toml")
    assert host in document["services"]
    assert host in settings.allowed_hosts
    assert (int(port), job["metrics_path"]) == (settings.port, "/metrics")
    (secret,) = document["services"]["prometheus"]["secrets"]
    assert job["authorization"]["credentials_file"] == f"/run/secrets/{secret['source']}"
    kept_out = (DEPLOY / ".gitignore").read_text().split()
    assert {document["secrets"][secret["source"]]["file"], ".env"} <= set(kept_out)


def test_the_commands_that_the_files_tell_are_ones() -> None:
    """Whoever copies them is not told that there is no such option."""
    told = (DEPLOY / "compose.yaml").read_text() + (DEPLOY / "Dockerfile").read_text()
    commands = re.findall(r"#.*(?:server|attention-moa) keys (add [^>\n]*)", told)
    assert len(commands) == 3
    group = root.get_command(root.make_context("attention-moa", ["keys"], resilient_parsing=True), "keys")
    for command in commands:
        name, *words = command.split()
        found = getattr(group, "get_command")(None, name)  # noqa: B009 - a group, which the type does not say
        assert found.make_context(name, words)


def series() -> dict[str, set[str]]:
    """Return the names of all series that a server has, with their labels: of a run in which much goes wrong."""
    metrics = Metrics()
    found: dict[str, set[str]] = {}

    def read() -> None:
        for family in text_string_to_metric_families(metrics.render()[0].decode()):
            for sample in family.samples:
                found.setdefault(sample.name, set()).update(sample.labels)

    def watch(event: Event) -> None:
        metrics(event)
        read()

    RequestNumbers(metrics)(Answered("GET", "/v1/models", 200, 0.1))
    refused = RefusedError("no")
    script: dict[str, Says] = {
        "1.answer.a": in_turn(ServerError("down"), "again"),
        "1.critique.a.b": refused,
        "summary": refused,
    }
    World(a_spec(2), script, observers=[watch]).run()
    return found


@pytest.fixture(scope="module")
def known() -> dict[str, set[str]]:
    """Return the series of a server."""
    return series()


def expressions() -> list[tuple[str, str]]:
    """Return the expressions of the dashboard's panels, with the titles."""
    dashboard = json.loads((DEPLOY / "grafana.json").read_text())
    return [(panel["title"], target["expr"]) for panel in dashboard["panels"] for target in panel["targets"]]


@pytest.mark.parametrize(("title", "expression"), expressions())
def test_the_dashboard_shows_numbers_that_there_are(title: str, expression: str, known: dict[str, set[str]]) -> None:
    """Every series and every label of it."""
    names = re.findall(r"\b(?:attention_moa|process)_[a-z_]+", expression)
    assert names, title
    labels = {label.strip() for by in re.findall(r"by \(([^)]*)\)", expression) for label in by.split(",")}
    labels |= set(re.findall(r"[{,]\s*([a-z_]+)=", expression))
    for name in names:
        assert name in known, title
        assert labels <= known[name], title


def test_every_panel_has_a_place_of_its_own() -> None:
    """And says what it shows."""
    panels = json.loads((DEPLOY / "grafana.json").read_text())["panels"]
    assert len({(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}) == len(panels)
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert all(panel["description"] for panel in panels)
