"""lm-evaluation-harness, ``local-chat-completions``, on a task of six sums that are made up here."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from checks import Server, require, run

TASKS = Path(__file__).parent / "tasks"


def local_chat_completions(server: Server) -> str:
    """The command gives a score, and it is that of the answers: all are right."""
    with tempfile.TemporaryDirectory() as folder:
        where = f"model={server.model},base_url={server.url}/chat/completions,num_concurrent=3,max_retries=1"
        command = [str(Path(sys.executable).with_name("lm_eval")), "--model", "local-chat-completions"]
        command += ["--model_args", where, "--tasks", "moa_sums", "--include_path", str(TASKS)]
        command += ["--apply_chat_template", "--output_path", folder]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, cwd=TASKS)
        require(done.returncode == 0, done.stderr[-3000:])
        results = [json.loads(path.read_text(encoding="utf-8")) for path in Path(folder).rglob("results_*.json")]
    score = results[0]["results"]["moa_sums"]["exact_match,last-number"]
    require(score == 1.0, results)
    return f"exact_match {score:g}"


if __name__ == "__main__":
    run(local_chat_completions)
