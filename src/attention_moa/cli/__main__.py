"""``python -m attention_moa.cli``: the command line."""

from __future__ import annotations

from attention_moa.cli import main

if __name__ == "__main__":
    main()
