"""Which final value an answer states."""

from __future__ import annotations

import pytest

from attention_moa.final_answers import final_answer


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r"so \boxed{1} or rather \boxed{\frac{1}{2}}.", r"\frac{1}{2}"),
        (r"\boxed{\text{(b)}}", "B"),
        (r"\boxed{\$1,200.50}", "1200.5"),
        ("48 / 2 = 24\n#### 72", "72"),
        ("#### 1,000\n#### $2,000.00", "2000"),
        ("I think the answer is 7. But 3 came before.", "7"),
        ("First the answer is 5. No: the **answer:** -12%", "-12"),
        ("Answer: (C) because of the law.", "C"),
        ("The answer is c) blue", "C"),
        ("The final answer is Paris.", "paris"),
        ("the answer is 3.14.", "3.14"),
        ("The answer is 12 apples.", "12"),
        ("The answer is 3/4.", "3/4"),
        ("**B**", "B"),
        ("(D).", "D"),
        ("42", "42"),
        ("It is 42 km.", "42"),
        ("+5.0", "5"),
        (f"#### {'9' * 40}", "9" * 40),
    ],
)
def test_the_value_is_found_and_undressed(text: str, value: str) -> None:
    """Boxes, marks, sentences, letters, a lone number."""
    assert final_answer(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "The sky is blue because air scatters blue light.",
        "Between 3 and 5.",
        "It is one of the 7 wonders of the world that nobody ever wrote more than this about it.",
        "The answer is that nobody knows what the sky is made of, really.",
        r"\boxed{never closed",
        "#### **",
        f"The answer is {'x' * 100}.",
    ],
)
def test_what_states_none_has_none(text: str) -> None:
    """Prose cannot be compared."""
    assert final_answer(text) is None


def test_equal_values_are_equal_texts() -> None:
    """However they are written."""
    same = ["The answer is 1,200.", r"\boxed{1200.00}", "#### $1200", "1200", "Answer: **1200**"]
    assert {final_answer(text) for text in same} == {"1200"}
