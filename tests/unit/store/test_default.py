"""Where the journal is when nobody says where."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from attention_moa.settings import default_journal


@pytest.mark.skipif(sys.platform in {"win32", "darwin"}, reason="XDG_DATA_HOME is for other systems")
def test_it_is_in_the_user_s_data_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """XDG_DATA_HOME moves it; nothing is made by asking."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert default_journal() == tmp_path / "attention-moa" / "journal.db"
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_journal() == tmp_path / ".local" / "share" / "attention-moa" / "journal.db"
    assert list(tmp_path.iterdir()) == []
