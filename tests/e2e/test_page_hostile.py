"""What texts of models can do on the page, in a real browser: nothing."""

from __future__ import annotations

from pathlib import Path

from tests.page_world import a_browser, a_folder, answered, ask, hold, shoot, under_way
from tests.serve_child import serve_child

HOSTILE = """
<script>window.ran = 1</script><img src=x onerror="window.ran = 2"><svg onload="window.ran = 3"></svg>
<style>body { display: none }</style><base href="https://example.com/">
<meta http-equiv="refresh" content="0;url=https://example.com">
<iframe src="https://example.com/frame"></iframe><form action="https://example.com"><button id="send">x</button></form>
![pixel](https://example.com/pixel.png) [go](javascript:window.ran=4)
[data](data:text/html,<script>window.ran=5</script>) <a href="vbscript:x" onclick="window.ran=6">a</a>
<div id="talk" data-do="cancel" style="position:fixed;inset:0">over all</div>
"""


def test_a_hostile_answer_does_nothing(tmp_path: Path) -> None:
    """No script runs, nothing is loaded from elsewhere, no element of the text acts as one of the page."""
    folder = a_folder(tmp_path)
    (folder / "say.txt").write_text(HOSTILE, encoding="utf-8")
    with serve_child(folder, "-e", "trio.toml") as server, a_browser() as browser:
        page = browser.open(server.url)
        held = hold(folder, "refine")
        ask(page, HOSTILE.strip())
        under_way(page, "refine", 3)
        held.unlink()
        answered(page)
        shoot(page, "hostile")
        for _ in range(2):
            assert page.evaluate("window.ran") is None
            assert (
                page.locator(".turn script, .turn style, .turn iframe, .turn form, .turn img, .turn svg").count() == 0
            )
            assert page.locator(".turn [onclick], .turn [onerror], .turn [style], .answer [data-do]").count() == 0
            assert page.locator("[id=talk]").count() == 1
            assert page.is_visible("#question")
            page.reload()
            page.wait_for_selector("html[data-live]")
        assert not [address for address in browser.addresses if "example.com" in address]
