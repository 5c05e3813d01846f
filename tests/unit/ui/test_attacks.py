"""Texts that would do something in a browser do nothing."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from markupsafe import Markup

from attention_moa.attribution import Caused, Credit
from attention_moa.changes import Change
from attention_moa.ui.differences import difference_html, legend_html
from attention_moa.ui.live import Live
from attention_moa.ui.markdown import to_html
from attention_moa.ui.names import error_html, name_html
from attention_moa.words import Span
from tests.hostile_html import ATTACKS, require_harmless
from tests.machine import missing

CHROMIUM = "/usr/bin/chromium"

PROBE = """
<script>
window.addEventListener('load', () => setTimeout(() => {
  const texts = document.getElementById('texts');
  const links = [...texts.querySelectorAll('a')].filter((a) => !/^(https?|mailto):$/.test(a.protocol));
  const strange = texts.querySelectorAll('script, style, link, img, svg, iframe, form, input, [style], [id]');
  const loading = texts.querySelectorAll('[src], [srcset], [poster], [data], [background], [action]');
  texts.querySelectorAll('*').forEach((one) => {
    for (const kind of ['click', 'mouseover', 'focus', 'toggle']) one.dispatchEvent(new Event(kind, {bubbles: true}));
  });
  const counts = `addresses=${links.length} strange=${strange.length} loading=${loading.length}`;
  document.title = `ran=${window.ran ?? 0} ${counts}`;
}, 500));
</script>
"""


def in_all_places(attack: str) -> Markup:
    """Return a text as HTML, wherever the page may show it."""
    live = Live()
    parts = [live.hear(attack[: len(attack) // 2]), live.hear(attack[len(attack) // 2 :]), live.finish()]
    came = Markup().join(block for part in parts for block in (*part.finished, part.open_html or Markup()))
    change = Change(Span(0, len(attack)), Span(0, len(attack)), 1, 1)
    caused = [Caused(change, (Credit(attack, 1.0, ()),))]
    changed = difference_html(attack, attack, caused, (attack, "ada"))
    names = name_html(attack) + error_html(attack) + legend_html((attack,))
    return to_html(attack) + came + changed + names


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_is_words(attack: str) -> None:
    """Whatever a browser makes of the HTML is on a short list, and every character of it can be seen."""
    require_harmless(in_all_places(attack))


@pytest.mark.parametrize(
    "around", ["> {}", "- {}", "*{}*", "[{}](http://a.b)", "|{}|\n|-|\n|x|", "# {}", "x\n{}\ny", "${}$"]
)
def test_an_attack_is_words_within_anything(around: str) -> None:
    """Wherever it stands."""
    for attack in ATTACKS:
        require_harmless(to_html(around.format(attack)))


def test_no_attack_runs_in_a_real_browser(tmp_path: Path) -> None:
    """All of them in one page, as HTML of the page and put there by a script: nothing runs, nothing is loaded."""
    texts = "".join(f'<div class="t-text">{in_all_places(attack)}</div>' for attack in ATTACKS)
    assert seen(texts, tmp_path) == "ran=0 addresses=0 strange=0 loading=0"


def test_the_browser_sees_what_runs(tmp_path: Path) -> None:
    """What is not made harmless is found: the test above can fail."""
    raw = "<img src=nowhere.png onerror='window.ran=1'><a href='javascript:window.ran=2'>x</a>"
    assert seen(raw, tmp_path) == "ran=1 addresses=2 strange=2 loading=2"


def seen(texts: str, folder: Path) -> str:
    """Return what a real browser makes of HTML in a page, written by the page's own script.

    Args:
        texts: The HTML.
        folder: Where the page and the browser's own files are put.
    """
    if shutil.which(CHROMIUM) is None:
        missing("there is no chromium: apt-get install chromium")
    page = folder / "page.html"
    quoted = json.dumps(texts).replace("<", "\\u003c")
    put = f"<script>document.getElementById('texts').innerHTML += {quoted};</script>"
    head = '<!doctype html><meta charset="utf-8"><title>nothing</title>'
    page.write_text(f'{head}<body><div id="texts">{texts}</div>{put}{PROBE}', encoding="utf-8")
    done = subprocess.run(
        [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
         f"--user-data-dir={folder / 'profile'}", "--virtual-time-budget=4000", "--dump-dom", page.as_uri()],
        capture_output=True, text=True, timeout=300, check=True,
    )  # fmt: skip
    found = re.search(r"<title>(.*?)</title>", done.stdout)
    assert found is not None, done.stderr
    return html.unescape(found[1])
