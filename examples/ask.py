"""Ask the ensemble that needs no key: three agents on the small model that comes with the package.

Run as ``python examples/ask.py [QUESTION]``. The first call starts the model; the answer takes a minute or two.
"""

import sys

from attention_moa import Ensemble

question = sys.argv[1] if len(sys.argv) > 1 else "Why is the sky blue?"
result = Ensemble.load("embedded").run_sync(question)

print(result.text)
print(f"{result.usage.calls} calls, {result.usage.input_tokens} tokens read, {result.usage.output_tokens} written")
for loss in result.losses:
    print(f"lost: {loss.stage} of {loss.agent}: {loss.message}")
