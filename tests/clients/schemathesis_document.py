"""schemathesis: requests made up from the OpenAPI document, right and wrong ones; no 5xx, no hang, no stack trace."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from checks import Server, require, run


def document(server: Server) -> str:
    """Nothing that is made up from the document breaks the server."""
    with tempfile.TemporaryDirectory() as folder:
        command = [str(Path(sys.executable).with_name("schemathesis")), "run"]
        command += [f"{server.url.removesuffix('/v1')}/openapi.json", "--checks", "not_a_server_error"]
        command += ["--max-examples", "30", "--seed", "1", "--request-timeout", "30", "--no-color"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, cwd=folder)
    require(done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:])
    return next((line for line in done.stdout.splitlines() if "generated" in line), "no failure")


if __name__ == "__main__":
    run(document)
