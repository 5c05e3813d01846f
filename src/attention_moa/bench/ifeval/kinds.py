"""All kinds of instruction that IFEval has, by their names in its data."""

from __future__ import annotations

from attention_moa.bench.ifeval import form, words
from attention_moa.bench.ifeval.tools import Kind

KINDS: dict[str, Kind] = {
    "change_case:capital_word_frequency": words.capital_word_frequency,
    "change_case:english_capital": words.english_capital,
    "change_case:english_lowercase": words.english_lowercase,
    "combination:repeat_prompt": form.repeat_prompt,
    "combination:two_responses": form.two_responses,
    "detectable_content:number_placeholders": form.number_placeholders,
    "detectable_content:postscript": form.postscript,
    "detectable_format:constrained_response": form.constrained_response,
    "detectable_format:json_format": form.json_format,
    "detectable_format:multiple_sections": form.multiple_sections,
    "detectable_format:number_bullet_lists": form.number_bullet_lists,
    "detectable_format:number_highlighted_sections": form.number_highlighted_sections,
    "detectable_format:title": form.title,
    "keywords:existence": words.existence,
    "keywords:forbidden_words": words.forbidden_words,
    "keywords:frequency": words.frequency,
    "keywords:letter_frequency": words.letter_frequency,
    "language:response_language": words.response_language,
    "length_constraints:nth_paragraph_first_word": form.nth_paragraph_first_word,
    "length_constraints:number_paragraphs": form.number_paragraphs,
    "length_constraints:number_sentences": words.number_sentences,
    "length_constraints:number_words": words.number_words,
    "punctuation:no_comma": form.no_comma,
    "startend:end_checker": form.end_checker,
    "startend:quotation": form.quotation,
}
"""What makes the check of each kind."""
