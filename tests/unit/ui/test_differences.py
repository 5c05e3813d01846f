"""What became of an answer: every change is there, in colour, sign and words; nothing else is lost."""

from __future__ import annotations

from attention_moa.attribution import Caused, attribute
from attention_moa.changes import Change
from attention_moa.sources import SentenceSource, sources
from attention_moa.ui.differences import colour_of, difference_html, legend_html, sign_of, sources_html
from attention_moa.words import Span
from tests.hostile_html import ATTACKS, elements, require_harmless, text_of

ANSWER = "The sky is blue because it reflects the sea."
REFINED = "The sky is blue because air scatters short waves best. Sunsets are red."
ADA = "Wrong: it does not reflect the sea; say that air scatters short waves."
BOB = "Good. Sunsets deserve a word."


def words_of(made: str) -> str:
    """Return the words of HTML that are to be seen: not those that are only heard, nor signs."""
    left = made
    for tag, name in (("span", "t-heard"), ("sup", "t-critic")):
        while (at := left.find(f'<{tag} class="{name}')) >= 0:
            left = left[:at] + left[left.index(f"</{tag}>", at) + len(tag) + 3 :]
    return text_of(left)


def differing(answer: str, refinement: str, critics: tuple[str, ...] = ("ada", "bob"), **critiques: str) -> str:
    """Return the difference of two texts as HTML, with the critiques that it is traced to."""
    return difference_html(answer, refinement, attribute(answer, refinement, critiques).changes, critics)


def test_a_change_says_what_it_is_and_whose() -> None:
    """In its colour, by its sign, in words, and for the page's own script."""
    made = differing(ANSWER, REFINED, ada=ADA, bob=BOB)
    about = "inserted, traced to the critique of \u2068ada\u2069"
    assert f'<ins class="t-c0" data-critic="0" title="{about}"><span class="t-heard">[{about}: </span>air' in made
    assert '</ins><sup class="t-critic t-c0" aria-hidden="true">A</sup>' in made
    assert '<ins class="t-c1" data-critic="1"' in made
    assert "deleted, traced to the critique of" in made


def test_a_change_of_several_names_all_of_them() -> None:
    """With their shares; the colour is that of the largest."""
    made = differing(ANSWER, REFINED.partition(".")[0] + ".", ada=ADA, bob=ADA)
    assert "traced to the critiques of \u2068ada\u2069 (" in made
    assert " and \u2068bob\u2069 (" in made


def test_a_change_of_nobody_is_grey() -> None:
    """It says so; so does one that is traced to somebody who is not listed."""
    for made in (differing("a b c", "a b d"), differing(ANSWER, REFINED, ("cyd",), ada=ADA)):
        assert 'class="t-none" title="' in made
        assert "traced to no critique" in made
        assert "data-critic" not in made


def test_both_texts_can_be_read() -> None:
    """What is kept and what is new is the refinement; what is gone stands where it stood."""
    made = differing("It was one two. Gone is this. End.", "It was three two. End.")
    kept = made
    while (at := kept.find("<del")) >= 0:
        kept = kept[:at] + kept[kept.index("</del>", at) + 6 :]
    assert "".join(words_of(kept).split()) == "Itwasthreetwo.End."
    assert "two. Gone is this" in words_of(made)


def test_what_was_moved_is_said_to_be_moved() -> None:
    """Both where it was and where it is."""
    change = Change(Span(0, 1), Span(0, 0), 1, 0, is_move=True)
    back = Change(Span(3, 3), Span(2, 3), 0, 1, is_move=True)
    made = difference_html("b a", "a b", [Caused(change), Caused(back)], ())
    assert "[moved away, " in made
    assert "[moved here, " in made


def test_nothing_changed_is_said() -> None:
    """And the text is there."""
    made = differing("same <b>", "same <b>")
    assert "Nothing was changed." in made
    assert "same &lt;b&gt;" in made


def test_long_stretches_fold() -> None:
    """What is beside a change stays; nothing is lost."""
    long = "This stays as it is.\n" * 200
    for one, other in (
        (f"{long}x1.", f"{long}y1."),
        (f"x1. {long}", f"y1. {long}"),
        (f"x1. {long} x2.", f"y1. {long} y2."),
    ):
        made = differing(one, other)
        assert made.count("<details") == 1
        assert "unchanged words</summary>" in made
        assert words_of(made).count("This stays") == 200
    assert "<details" in differing("x1. " + "abcdefghij" * 300, "y1. " + "abcdefghij" * 300)


def test_texts_of_any_size_are_shown_in_bounded_room() -> None:
    """Changes beyond the most are counted, and so are characters."""
    changes = [Caused(Change(Span(2 * at, 2 * at + 1), Span(2 * at, 2 * at + 1), 1, 1)) for at in range(3_000)]
    made = difference_html("a " * 3_000, "b " * 3_000, changes, ())
    assert "1,000 more changes are not marked." in made
    far = [
        Caused(Change(Span(0, 1), Span(0, 1), 1, 1)),
        Caused(Change(Span(500_000, 500_001), Span(500_000, 500_001), 1, 1)),
    ]
    made = difference_html("a" * 600_000, "b" * 600_000, far, ())
    assert "1 more changes are not marked." in made
    assert "The rest is not shown." in made
    assert len(made) < 450_000


def test_signs_go_on_behind_z() -> None:
    """Thirty agents have thirty signs; the eight colours come again."""
    assert [sign_of(place) for place in (0, 25, 26, 51, 52, 701, 702)] == ["A", "Z", "AA", "AZ", "BA", "ZZ", "AAA"]
    assert colour_of(9) == colour_of(1) == "t-c1"


def test_a_legend_names_all() -> None:
    """With colour and sign."""
    assert legend_html(["ada", "<b>"]) == (
        '<ul class="t-legend"><li><span class="t-key t-c0">A</span> <bdi class="t-name">ada</bdi></li>'
        '<li><span class="t-key t-c1">B</span> <bdi class="t-name">&lt;b&gt;</bdi></li></ul>'
    )


def test_a_sentence_says_whom_it_is_from() -> None:
    """Where enough of it is."""
    text = "Air scatters short waves best. I think so.\n"
    made = sources_html(text, sources(text, {"ada": "air scatters short waves best"}), ("ada",))
    assert made.startswith('<div class="t-lines" dir="auto"><mark class="t-c0" data-critic="0"')
    assert "[from the refinement of \u2068ada\u2069: " in made
    assert made.endswith("I think so.\n</div>")
    assert words_of(made) == text
    assert "<mark" not in sources_html(text, sources(text, {"ada": "air scatters short waves best"}), ())


def test_sentences_beyond_the_most_are_words() -> None:
    """None is lost."""
    one = [SentenceSource(Span(2 * at, 2 * at + 2), {"ada": 1.0}, 0.0) for at in range(2_100)]
    made = sources_html("a." * 2_100, one, ("ada",))
    assert made.count("<mark") == 2_000
    assert words_of(made).count("a.") == 2_100


def test_no_text_is_more_than_words() -> None:
    """Nor any name."""
    for attack in ATTACKS[:80]:
        made = differing(f"x {attack} y", f"x {attack} z", (attack,), **{attack: attack})
        require_harmless(made)
        assert {element.tag.rpartition("}")[2] for element in elements(made)} <= {
            "div",
            "del",
            "ins",
            "span",
            "bdi",
            "sup",
        }
