"""Serve an ensemble and ask it with OpenAI's own client: nothing of a client changes but the address.

Run as ``python examples/serve.py [ENSEMBLE] [QUESTION]``; the server's log goes to standard error.
"""

import subprocess
import sys

from openai import OpenAI

ensemble = sys.argv[1] if len(sys.argv) > 1 else "embedded"
asked = sys.argv[2] if len(sys.argv) > 2 else "Why is the sky blue?"
serve = [sys.executable, "-m", "attention_moa", "serve", "-e", ensemble, "--port", "0", "--no-journal"]

with subprocess.Popen(serve, stdout=subprocess.PIPE, text=True) as server:  # noqa: S603 - a command of our own
    try:
        address = server.stdout.readline().strip() if server.stdout else ""
        if not address:  # it is printed once requests are taken
            sys.exit("the server did not start: its log says why")
        client = OpenAI(base_url=f"{address}/v1", api_key="none")
        model = next(model.id for model in client.models.list())
        for chunk in client.chat.completions.create(
            model=model, messages=[{"role": "user", "content": asked}], stream=True
        ):
            print(chunk.choices[0].delta.content or "", end="", flush=True)
            if told := getattr(chunk, "attention_moa", None):
                print(f"\n{told['calls']['made']} calls of {model}")
    finally:
        server.terminate()
