"""Images beside a question: pieces that become one, and what is none."""

from __future__ import annotations

import pytest

from attention_moa.messages import ImagePart
from attention_moa.ui.pages.images import MOST_IMAGES, Images
from attention_moa.ui.ports import RefusedError

PNG = "data:image/png;base64,iVBORw0KGgo="


def piece(text: str, *, file: str = "f", at: int = 0, of: int = 1, name: str = "sky.png") -> dict[str, str]:
    """Return the fields of a piece."""
    return {"file": file, "name": name, "at": str(at), "of": str(of), "piece": text}


def some(most_bytes: int = 1000) -> Images:
    """Return images of a page, none so far."""
    images = Images()
    images.most_bytes = most_bytes
    return images


def test_pieces_become_an_image_in_whatever_order_they_come() -> None:
    """Until the last one has come there is none."""
    images = some()
    assert images.take(piece(PNG[20:], at=1, of=2)) is False
    assert images.names == ()
    assert images.take(piece(PNG[:20], at=0, of=2)) is True
    assert images.parts == (ImagePart(url=PNG),)
    assert "sky.png" in images.html()


def test_an_image_is_taken_out_again() -> None:
    """One, or all of them once they were asked with."""
    images = some()
    images.take(piece(PNG, file="a"))
    images.take(piece(PNG, file="b"))
    images.drop("a")
    images.drop("never")
    assert images.html().count("<li>") == 1
    images.clear()
    assert images.html().strip() == ""


@pytest.mark.parametrize(
    "address",
    [
        "https://example.com/pixel.png",
        "data:text/html;base64,AAAA",
        "data:image/svg+xml;base64,AAAA",
        "data:image/png,AAAA",
        "data:image/png;base64,<b>",
    ],
)
def test_what_is_no_image_is_refused(address: str) -> None:
    """An address elsewhere too: nothing is loaded for a page."""
    images = some()
    with pytest.raises(RefusedError, match=r"^sky.png: it is no PNG"):
        images.take(piece(address))
    assert images.names == ()


def test_images_that_are_too_large_together_are_refused() -> None:
    """Before the rest of them has come; the others stay."""
    images = some(100)
    images.take(piece(PNG, file="small"))
    with pytest.raises(RefusedError, match="may have 75 bytes together"):
        images.take(piece("data:image/png;base64," + "A" * 60, file="large", of=9))
    assert images.parts == (ImagePart(url=PNG),)


def test_too_many_images_are_refused() -> None:
    """The last one is."""
    images = some()
    for number in range(MOST_IMAGES):
        images.take(piece(PNG, file=str(number)))
    with pytest.raises(RefusedError, match="8 images are the most"):
        images.take(piece(PNG, file="more"))
    assert len(images.parts) == MOST_IMAGES


@pytest.mark.parametrize("wrong", [{"file": ""}, {"at": "x"}, {"of": ""}, {"at": "1"}, {"of": "99999"}])
def test_what_no_page_of_ours_sends_is_passed_over(wrong: dict[str, str]) -> None:
    """No image comes of it."""
    images = some()
    assert images.take({**piece(PNG), **wrong}) is False
    assert images.names == ()


def test_a_name_is_text_in_one_short_line() -> None:
    """Whatever is in it."""
    images = some()
    images.take(piece(PNG, name="<b>\n" + "x" * 500))
    assert "<b>" not in images.html()
    assert len(images.html()) < 900
