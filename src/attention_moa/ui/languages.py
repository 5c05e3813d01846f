"""What the page colours in code: of each language its comments, its strings and its own words. Data, and one look-up.

Pygments knows far more, but no bound: some of its lexers take seconds for a few thousand characters that were made for
it, and a page that strangers' texts are shown on may not wait. What is coloured here is found in one pass.
"""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

_HASH = r"\#[^\n]*"
_SLASHES = r"//[^\n]*|/\*[\s\S]*?(?:\*/|\Z)"
_DASHES = r"--[^\n]*"
_SEMICOLON = r";[^\n]*"
_PERCENT = r"%[^\n]*"
_QUOTES = r""""(?:[^"\\\n]|\\.)*"?|'(?:[^'\\\n]|\\.)*'?"""
_DOUBLE = r'"(?:[^"\\\n]|\\.)*"?'
_TRIPLE = r'"{3}[\s\S]*?(?:"{3}|\Z)' + r"|'{3}[\s\S]*?(?:'{3}|\Z)|" + _QUOTES
_BACKTICK = r"`(?:[^`\\]|\\[\s\S])*`?|" + _QUOTES
_CHARACTER = _DOUBLE + r"|'(?:[^'\\\n]|\\[^\n]{1,8})'"
_WORD = r"[^\W\d]\w*"

_C = (
    "auto break case catch class const continue default delete do double else enum extern false final finally"
    " float for goto if inline int long namespace new null nullptr operator private protected public return short"
    " signed sizeof static struct switch template this throw true try typedef typename union unsigned using"
    " virtual void volatile while bool boolean byte char string abstract extends implements import instanceof"
    " interface native package super synchronized throws transient var async await base decimal delegate event"
    " foreach get in internal is lock namespace object out override params readonly record ref sealed set uint"
    " ulong where yield include define ifdef ifndef endif"
)
_JAVASCRIPT = (
    "as async await break case catch class const continue debugger default delete do else enum export extends"
    " false finally for from function get if implements import in instanceof interface keyof let namespace new"
    " null of package private protected public readonly return set static super switch this throw true try type"
    " typeof undefined var void while with yield any boolean number string never unknown"
)
_PYTHON = (
    "False None True and as assert async await break case class continue def del elif else except finally for"
    " from global if import in is lambda match nonlocal not or pass raise return self try type while with yield"
)
_SHELL = (
    "case do done elif else esac export fi for function if in local return select then until while alias cd echo"
    " exit printf read set shift source sudo trap unset"
)
_SQL = (
    "add all alter and as asc begin between by case cast check column commit constraint create cross database"
    " default delete desc distinct drop else end exists foreign from full group having if in index inner insert"
    " into is join key left like limit not null offset on or order outer over partition primary references"
    " returning right rollback select set table then transaction trigger union unique update using values view"
    " when where with int integer text varchar"
)
_RUST = (
    "as async await box break const continue crate dyn else enum extern false fn for if impl in let loop match"
    " mod move mut pub ref return self Self static struct super trait true type unsafe use where while i32 i64 u8"
    " u32 u64 usize f64 bool str String Vec Option Result Some None Ok Err"
)
_GO = (
    "break case chan const continue default defer else fallthrough for func go goto if import interface map"
    " package range return select struct switch type var nil true false iota string int int64 float64 bool byte"
    " rune error"
)
_KOTLIN = (
    "as break by catch class companion const constructor continue data def do else enum extends extension false"
    " final finally for forSome fun func guard if implicit import in init inner inout interface internal is"
    " lateinit lazy let match mixin new nil null object open operator out override package private protocol"
    " protected public required return sealed self static struct super suspend switch this throw throws trait true"
    " try type typealias val var when where while with yield async await"
)
_RUBY = (
    "alias and begin break case class def defined do else elsif end ensure false for if in include module next"
    " nil not or private protected public raise redo require rescue retry return self super then true undef unless"
    " until when while yield attr_accessor attr_reader lambda proc puts foreach function local my our package"
    " print repeat sub use echo elseif endif endfor foreach namespace fn new const static extends implements"
)
_HASKELL = (
    "and as begin case class data def default defmodule defp deriving do else elsif end exception false fn fun"
    " functor if import in infix infixl infixr instance let match module mutable newtype nothing of open or"
    " private rec receive then true try type use val when where with"
)
_R = (
    "break case catch const do else elseif end for function global if import in let local macro match module"
    " mutable next otherwise quote repeat return struct switch try type using while TRUE FALSE NULL NA NaN Inf"
    " true false nothing library subroutine program implicit none integer real character parameter call contains"
)
_MARKUP = r"<!--[\s\S]*?(?:-->|\Z)"
_INSTRUCTIONS = "FROM RUN CMD LABEL EXPOSE ENV ADD COPY ENTRYPOINT VOLUME USER WORKDIR ARG ONBUILD AS HEALTHCHECK SHELL"


class Language(NamedTuple):
    """What is coloured in a language.

    Args:
        pattern: Finds it: its groups are called as the classes are, without their ``t-``.
        keywords: The words of its own.
        is_cased: Whether capitals count in them.
    """

    pattern: re.Pattern[str]
    keywords: frozenset[str]
    is_cased: bool = True


_DIFF = re.compile(
    r"^(?:(?P<place>@@[^\n]*|diff [^\n]*|index [^\n]*)|(?P<added>\+[^\n]*)|(?P<removed>-[^\n]*))", re.MULTILINE
)

# comments, strings, words; the names that a block of code may give
_SPECS: tuple[tuple[str | None, str, str, str], ...] = (
    (_HASH, _TRIPLE, _PYTHON, "python py python3 pycon py3 ipython starlark bazel"),
    (_SLASHES, _BACKTICK, _JAVASCRIPT, "javascript js jsx typescript ts tsx mjs vue svelte"),
    (None, _DOUBLE, "true false null", "json json5 jsonl jsonc"),
    (_SLASHES, _CHARACTER, _C, "c h cpp c++ cc hpp csharp cs c# java objective-c objc arduino glsl proto protobuf"),
    (_SLASHES, _TRIPLE, _KOTLIN, "kotlin kt scala swift dart groovy"),
    (_SLASHES, _BACKTICK, _GO, "go golang"),
    (_SLASHES, _CHARACTER, _RUST, "rust rs zig"),
    (_HASH, _QUOTES, _SHELL, "bash sh shell zsh console shell-session terminal fish powershell ps1"),
    (f"{_DASHES}|{_SLASHES}", _QUOTES, _SQL, "sql mysql postgresql postgres sqlite plsql"),
    (_SLASHES, _QUOTES, "important media import", "css scss less sass"),
    (_HASH, _QUOTES, "true false null yes no on off", "yaml yml toml nginx"),
    (f"{_HASH}|{_SEMICOLON}", _DOUBLE, "true false", "ini cfg conf properties dotenv env"),
    (f"{_HASH}|{_SLASHES}", _QUOTES, _RUBY, "ruby rb perl php elixir ex"),
    (_DASHES, _QUOTES, _RUBY, "lua"),
    (_DASHES, _DOUBLE, _HASKELL, "haskell hs elm ocaml ml fsharp fs erlang erl"),
    (f"{_HASH}|{_PERCENT}", _QUOTES, _R, "r julia jl matlab octave fortran"),
    (_HASH, _QUOTES, "ifeq ifneq ifdef endif include define export", "make makefile cmake"),
    (_HASH, _QUOTES, _INSTRUCTIONS, "dockerfile docker"),
    (_SEMICOLON, _DOUBLE, "def defn defun fn if let loop recur cond do ns setq nil", "clojure lisp scheme elisp"),
    (_PERCENT, r"\\[a-zA-Z]+", "", "tex latex bibtex"),
)  # fmt: skip
_MARKUPS = "html xml svg xhtml htm xsl"
_DIFFS = "diff patch udiff"


@cache
def _languages() -> dict[str, Language]:
    found: dict[str, Language] = {}
    for comments, strings, words, names in _SPECS:
        parts = [f"(?P<comment>{comments})"] if comments else []
        parts += [f"(?P<string>{strings})", r"(?P<number>(?<![\w.])\d[\w.]*)", rf"(?P<word>{_WORD})(?P<call>(?=\())?"]
        is_cased = words is not _SQL
        found.update(
            dict.fromkeys(names.split(), Language(re.compile("|".join(parts)), frozenset(words.split()), is_cased))
        )
    markup = re.compile(
        rf"(?P<comment>{_MARKUP})|(?P<tag></?[\w:.-]+|/?>)|(?P<string>(?<==)(?:{_QUOTES}))|(?P<word>&\w+;)"
    )
    found.update(dict.fromkeys(_MARKUPS.split(), Language(markup, frozenset())))
    found.update(dict.fromkeys(_DIFFS.split(), Language(_DIFF, frozenset())))
    return found


def language(name: str) -> Language | None:
    """Return the language of a name as blocks of code give it; None for one that is not coloured."""
    return _languages().get(name.lower())
