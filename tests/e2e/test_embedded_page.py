"""A run of the real embedded model, asked on the page in a real browser, and all that is shown of it."""

from __future__ import annotations

import re
from pathlib import Path

from tests.page_world import a_browser, answered, ask, shoot, until
from tests.serve_child import serve_child

MODEL_S = 240.0
AGENT = '[[agents]]\nname = "{}"\nmodel = "embedded:smollm2"\nmax_tokens = 24\ntemperature = {}\n'
TINY = (
    'name = "tiny"\nlayers = 1\n[attention]\nmax_tokens = 16\n[prompts]\nstyle = "small"\n[summary]\nmodel = "plain"\n'
    + AGENT.format("plain", 0.2)
    + AGENT.format("doubter", 0.8)
)
SIGNS = {"-", "○", "✕", "⏱"}


def test_a_run_of_the_real_model_is_watched_and_looked_into(tmp_path: Path) -> None:
    """Its words come while it runs; then who moved whom, a critique, and the tokens that its own counts add up to."""
    (tmp_path / "tiny.toml").write_text(TINY, encoding="utf-8")
    with serve_child(tmp_path, "-e", "tiny.toml") as server, a_browser() as browser:
        page = browser.open(server.url)
        page.set_default_timeout(MODEL_S * 1000)
        ask(page, "Why is the sky blue?")
        page.locator(".box.is-running .words:not(:empty)").first.wait_for()
        shoot(page, "embedded-watch")
        assert answered(page)
        assert page.locator(".head .state").inner_text().split() == ["●", "finished"]
        assert page.locator(".box.is-done").count() == page.locator(".box").count() == 9
        run = page.url
        shoot(page, "embedded-answer")

        page.goto(f"{run}/layers/1")
        page.locator(".l-matrix").wait_for()
        cells = page.locator(".l-matrix tbody td a").all_inner_texts()
        assert len(cells) == 4
        assert all(re.fullmatch(r"(≈ )?<?\d+", cell) or cell in SIGNS for cell in cells), cells
        page.click("#cell-0-1")
        page.wait_for_selector("#cell")
        assert page.locator("#cell-title").inner_text().split() == ["A", "plain", "on", "B", "doubter"]
        until(page, lambda: "The critique" in page.inner_text("#cell"))
        shoot(page, "embedded-layer")

        page.goto(f"{run}/money")
        rows = [row.locator("td").all_inner_texts() for row in page.locator(".spent >> nth=0 >> tbody tr").all()]
        told = [[int(count.replace(",", "")) for count in row[:4]] for row in rows]
        assert sum(calls for calls, *_ in told) == 9
        assert all(prefilled > 0 and written > 0 for _, _, prefilled, written in told)
        assert sum(written for *_, written in told) <= 9 * 96
        assert page.locator(".timeline .critical").count() > 0
        shoot(page, "embedded-money")
