"""The arithmetic of tokens and of the prefix cache."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from attention_moa.fleet.cache import PrefixCache
from attention_moa.fleet.requests import ChatMessage
from attention_moa.fleet.tokens import BLOCK_TOKENS, block_keys, count_tokens, image_text, write_out

BLOCK = 64


def test_four_bytes_begun_are_a_token() -> None:
    """Nothing has none."""
    assert [count_tokens(b"x" * length) for length in (0, 1, 4, 5, 64)] == [0, 1, 1, 2, 16]


def test_a_conversation_that_goes_on_begins_with_what_came_before() -> None:
    """The reply included, so that its tokens need not be read again."""
    first = [ChatMessage("user", "Why?")]
    later = [*first, ChatMessage("assistant", "Because."), ChatMessage("user", "And?")]
    assert write_out(later).startswith(write_out(first) + b"Because.\n")


def test_a_block_is_equal_only_where_all_before_it_is() -> None:
    """Equal text in another place is another block; a block that is not full is none."""
    one, other = block_keys(b"a" * BLOCK + b"c" * BLOCK), block_keys(b"b" * BLOCK + b"c" * BLOCK)
    assert not set(one) & set(other)
    assert block_keys(b"a" * BLOCK + b"c") == one[:1]
    assert block_keys(b"a" * (BLOCK - 1)) == []


def test_an_image_counts_the_same_whatever_its_size() -> None:
    """Equal images are equal text, others are not."""
    assert count_tokens(image_text("data:,x").encode()) == count_tokens(image_text("y" * 999).encode()) == 256
    assert image_text("a") == image_text("a") != image_text("b")


def test_what_was_read_is_cached_up_to_the_first_difference() -> None:
    """In whole blocks."""
    cache = PrefixCache(1000)
    assert cache.cached_tokens(b"a" * 300) == 0
    cache.keep(b"a" * 300)
    assert len(cache) == 4
    assert cache.cached_tokens(b"a" * 300) == 64
    assert cache.cached_tokens(b"a" * 130 + b"b" * 170) == 32
    assert cache.cached_tokens(b"b" * 300) == 0


def test_the_last_token_is_always_read() -> None:
    """A prompt that is held whole still needs one block read."""
    cache = PrefixCache(1000)
    cache.keep(b"a" * 128)
    assert cache.cached_tokens(b"a" * 128) == 16
    assert cache.cached_tokens(b"a" * 129) == 32


def test_the_least_recently_used_goes_first_and_of_a_text_its_end() -> None:
    """A block without those before it would be of no use."""
    cache = PrefixCache(4 * BLOCK_TOKENS)
    cache.keep(b"a" * 2 * BLOCK)
    cache.keep(b"b" * 2 * BLOCK)
    cache.keep(b"a" * 2 * BLOCK)  # used again
    cache.keep(b"c" * BLOCK)
    assert len(cache) == 4
    assert cache.cached_tokens(b"a" * 200) == 32
    assert cache.cached_tokens(b"b" * 200) == 16
    assert cache.cached_tokens(b"c" * 200) == 16


def test_a_cache_without_room_holds_nothing_and_a_long_text_fills_it_from_its_beginning() -> None:
    """Zero switches it off."""
    none = PrefixCache(0)
    none.keep(b"a" * 640)
    assert len(none) == none.cached_tokens(b"a" * 640) == 0
    small = PrefixCache(2 * BLOCK_TOKENS)
    small.keep(b"a" * 640)
    assert small.cached_tokens(b"a" * 640) == 32


@given(st.lists(st.binary(min_size=1, max_size=400), max_size=12), st.integers(0, 300), st.binary(max_size=400))
def test_what_is_cached_is_a_part_of_the_prompt_in_whole_blocks(
    texts: list[bytes], capacity_tokens: int, prompt: bytes
) -> None:
    """And never more is held than there is room for."""
    cache = PrefixCache(capacity_tokens)
    for text in texts:
        cache.keep(text)
    cached = cache.cached_tokens(prompt)
    assert cached % BLOCK_TOKENS == 0
    assert 0 <= cached < max(count_tokens(prompt), 1)
    assert len(cache) <= capacity_tokens // BLOCK_TOKENS
    longest = max((len(_common(text, prompt)) for text in texts), default=0)
    assert cached * 4 <= longest


def _common(one: bytes, other: bytes) -> bytes:
    length = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return one[:length]
