"""The style sheet of texts: its colours can be read on every ground, and told apart by every kind of colour sight."""

from __future__ import annotations

import math
import re
from importlib.resources import files
from itertools import combinations

import pytest

from attention_moa.ui import safe_html

CSS = files("attention_moa.ui").joinpath("static", "text.css").read_text(encoding="utf-8")
GROUNDS = {"light": ("#ffffff", "#fbfaf7", "#f3f1ec"), "dark": ("#15171a", "#1c1f23", "#22262b")}
"""What texts stand on in the page, by theme."""

# How the three kinds of colour blindness see linear red, green and blue (Machado, Oliveira, Fernandes 2009).
SIGHTS = {
    "usual": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    "no red": ((0.152, 1.053, -0.205), (0.115, 0.786, 0.099), (-0.004, -0.048, 1.052)),
    "no green": ((0.367, 0.861, -0.228), (0.280, 0.673, 0.047), (-0.012, 0.043, 0.969)),
    "no blue": ((1.256, -0.077, -0.179), (-0.078, 0.931, 0.148), (0.005, 0.691, 0.304)),
}
Rgb = tuple[float, float, float]


def colour(name: str, theme: str) -> str:
    """Return a variable's colour in a theme."""
    found = re.search(rf"--{name}: (?:var\([^,]+, )?light-dark\((#\w{{6}}), (#\w{{6}})\)", CSS)
    assert found is not None, name
    return found[1] if theme == "light" else found[2]


def channels(hexadecimal: str) -> Rgb:
    """Return red, green and blue from 0 to 1, as they are written."""
    red, green, blue = (int(hexadecimal[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return red, green, blue


def linear(rgb: Rgb) -> Rgb:
    """Return how much light they are."""
    red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in rgb)
    return red, green, blue


def contrast(one: Rgb, other: Rgb) -> float:
    """Return the contrast of two colours, as the WCAG 2 defines it."""
    lights = sorted(0.2126 * red + 0.7152 * green + 0.0722 * blue for red, green, blue in map(linear, (one, other)))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def mixed(over: str, ground: str, share: float) -> Rgb:
    """Return a colour that lies thinly over another."""
    red, green, blue = (share * a + (1 - share) * b for a, b in zip(channels(over), channels(ground), strict=True))
    return red, green, blue


def lab(rgb: Rgb) -> Rgb:
    """Return linear red, green and blue in CIELAB, where distances are as people see them."""
    red, green, blue = rgb
    x = (0.4125 * red + 0.3576 * green + 0.1804 * blue) / 0.9505
    y = 0.2127 * red + 0.7152 * green + 0.0722 * blue
    z = (0.0193 * red + 0.1192 * green + 0.9503 * blue) / 1.0888
    a, b, c = (one ** (1 / 3) if one > 0.008856 else 7.787 * one + 16 / 116 for one in (x, y, z))
    return 116 * b - 16, 500 * (a - b), 200 * (b - c)


def seen(hexadecimal: str, sight: str) -> Rgb:
    """Return a colour as some see it."""
    light = linear(channels(hexadecimal))
    red, green, blue = (
        min(1.0, max(0.0, sum(a * b for a, b in zip(row, light, strict=True)))) for row in SIGHTS[sight]
    )
    return lab((red, green, blue))


CRITICS = [f"t-c{place}" for place in range(safe_html.CRITICS)]
WORDS = [
    "t-ink",
    "t-soft",
    "t-link",
    "t-comment",
    "t-string",
    "t-number",
    "t-keyword",
    "t-call",
    "t-tag",
    "t-none",
    *CRITICS,
]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", WORDS)
def test_every_colour_of_words_can_be_read(name: str, theme: str) -> None:
    """With 4.5 to 1 at least (WCAG AA), on every ground."""
    for ground in GROUNDS[theme]:
        assert contrast(channels(colour(name, theme)), channels(ground)) >= 4.5, ground


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", [*CRITICS, "t-none"])
def test_words_and_signs_can_be_read_on_a_critics_tint(name: str, theme: str) -> None:
    """New words, struck ones, and the sign itself."""
    own = colour(name, theme)
    for ground in GROUNDS[theme]:
        tint = mixed(own, ground, 0.10)
        for word in ("t-ink", "t-soft", name):
            assert contrast(channels(colour(word, theme)), tint) >= 4.5, (word, ground)


@pytest.mark.parametrize("sight", list(SIGHTS))
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_critics_can_be_told_apart(theme: str, sight: str) -> None:
    """By whoever sees colours in whatever way; who sees none has their signs."""
    for one, other in combinations(CRITICS, 2):
        assert math.dist(seen(colour(one, theme), sight), seen(colour(other, theme), sight)) >= 20, (one, other)


def test_the_tint_is_the_one_that_was_measured() -> None:
    """Of a tenth."""
    assert "color-mix(in srgb, var(--t-own) 10%, transparent)" in CSS


def test_every_class_of_texts_is_there() -> None:
    """What the HTML may have has a look, but for what looks like any word."""
    allowed = {name for names in safe_html.classes().values() for name in names}
    assert allowed - set(re.findall(r"\.(t-[a-z0-9-]+)", CSS)) == {"t-code", "t-fold"}


def test_nothing_is_loaded() -> None:
    """From anywhere."""
    assert "url(" not in CSS
    assert "@import" not in CSS
