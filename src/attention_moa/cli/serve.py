"""``attention-moa serve``: ensembles behind the OpenAI API."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from attention_moa.cli.keeping import journal_option
from attention_moa.cli.numbers import Whole

if TYPE_CHECKING:
    from attention_moa.server.config import ServerConfig

_EPILOG = """\b
Exit codes:
  0    ended by a signal, the runs under way finished or ended with it
  1    the journal cannot be had
  2    the command line or a file is wrong, a key is missing, or the address cannot be had"""


@click.command(epilog=_EPILOG)
@click.option("-e", "--ensemble", "ensembles", metavar="NAME|FILE|FOLDER", multiple=True,
              help="What is served, as often as wanted; of a folder each *.toml. Default: embedded.")  # fmt: skip
@click.option("--host", metavar="ADDRESS", help="Where to listen; else 127.0.0.1.")
@click.option("-p", "--port", type=Whole(0, 65535), help="Else 8000; 0 takes a free one.")
@click.option("--config", "config_file", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path),
              help="A TOML file with these settings and more; options win over it.")  # fmt: skip
@journal_option
@click.option("--no-journal", "is_unjournaled", is_flag=True,
              help="Keep nothing: what is over is gone, and nothing can be resumed.")  # fmt: skip
@click.option("--force-public", "is_public_forced", is_flag=True,
              help="Listen on a public address although there is no key.")  # fmt: skip
@click.option("--bench-folder", "bench_folders", metavar="FOLDER", multiple=True,
              help="Benchmarks whose reports are on the page, for all who are let in; as often as wanted.")  # fmt: skip
@click.option("--no-page", "has_no_page", is_flag=True, help="No page for browsers: programs alone are served.")
@click.option("--progress", type=click.Choice(["off", "comments", "reasoning"]),
              help="What streams show of the deliberation unless a request says otherwise; else comments.")  # fmt: skip
@click.option("--log-format", type=click.Choice(["text", "json"]), help="Of the logs on standard error; else text.")
@click.option("--log-level", type=click.Choice(["info", "debug"]),
              help="debug has lines of each call, with what models said; else info.")  # fmt: skip
def serve(*, config_file: Path | None, ensembles: tuple[str, ...], has_no_page: bool, **options: object) -> int:
    """Serve ensembles: each is a model of an OpenAI-compatible API, and all are on a page for browsers.

    The address is printed first; open it. Without a key (attention-moa keys add) whoever reaches the address is let in,
    and so it is this machine's own unless told. SIGTERM or Ctrl-C lets runs under way finish; a second one ends them.
    """
    if options["journal"] is not None and options["is_unjournaled"]:
        raise click.UsageError("--no-journal and --journal exclude each other")
    config = _configured(config_file, {"ensembles": ensembles, **options})
    from attention_moa.cli.serving import run_server

    run_server(config, has_page=not has_no_page)
    return 0


def _configured(file: Path | None, options: dict[str, object]) -> ServerConfig:
    """Return what the file says, with what the command line says in its place."""
    from msgspec.structs import replace

    from attention_moa.server.config import ServerConfig, load_server_config

    # By identity: port 0 equals False.
    told = {name: value for name, value in options.items() if value is not None and value is not False and value != ()}
    config = ServerConfig() if file is None else load_server_config(file)
    if "is_unjournaled" in told:
        told["journal"] = None
    elif "journal" in told:
        told["is_unjournaled"] = False
    return replace(config, **told)
