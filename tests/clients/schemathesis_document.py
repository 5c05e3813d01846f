"""schemathesis: requests made up from the OpenAPI document, right and wrong ones; no 5xx, no hang, no stack trace."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

from checks import Server, require, run

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
)


def document(server: Server) -> str:
    """Nothing that is made up from the document breaks the server, and what comes back is as the document says."""
    root = server.url.removesuffix("/v1")
    _leave_a_run(server)
    command = [str(Path(sys.executable).with_name("schemathesis")), "run", f"{root}/openapi.json"]
    command += ["--checks", ",".join(CHECKS), "--max-examples", "15", "--seed", "1", "--request-timeout", "30"]
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [*command, "--no-color"], capture_output=True, text=True, timeout=280, check=False, cwd=folder
        )
    require(done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:])
    found = re.search(r"(\d+) generated, (\d+) passed", done.stdout)
    require(found is not None and found[1] == found[2] != "0", done.stdout[-2000:])
    return found[0] if found else ""


def _leave_a_run(server: Server) -> None:
    """Ask something, so that there is a run to look at."""
    body = {"model": server.model, "messages": [{"role": "user", "content": "What is 1 + 1?"}]}
    request = urllib.request.Request(  # noqa: S310 - the server under test
        f"{server.url}/chat/completions", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    urllib.request.urlopen(request, timeout=60).close()  # noqa: S310 - as above


if __name__ == "__main__":
    run(document)
