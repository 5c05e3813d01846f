"""Texts that would do something in a browser if they were let, and a look at HTML that does nothing."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import NamedTuple
from xml.etree.ElementTree import Element

import html5lib

RUN = "window.ran=1"

PLAIN_HTML = (
    f"<script>{RUN}</script>",
    f"<SCRIPT\n>{RUN}</SCRIPT >",
    f"<scr<script>ipt>{RUN}</scr</script>ipt>",
    "<script src=//evil.example/x.js></script>",
    f"<img src=x onerror={RUN}>",
    f"<img src=x onerror\n=\n'{RUN}'>",
    f"<img/src='x'/onerror={RUN}//",
    f'<img src="x` `<script>{RUN}</script>"` `>',
    f"<svg onload={RUN}>",
    f"<svg><animate onbegin={RUN} attributeName=x dur=1s>",
    f"<svg><script>{RUN}</script></svg>",
    f"<svg><a xlink:href='javascript:{RUN}'><text y=20>x</text></a></svg>",
    f"<svg><foreignObject><body onload={RUN}></foreignObject></svg>",
    f'<svg><use href="data:image/svg+xml,<svg id=x onload={RUN}>#x"></svg>',
    f"<math><mi xlink:href='javascript:{RUN}'>x</mi></math>",
    f"<math href='javascript:{RUN}'>x</math>",
    f"<body onload={RUN}>",
    f"<details open ontoggle={RUN}>x</details>",
    f"<video><source onerror={RUN}></video>",
    f"<audio src=x onerror={RUN}>",
    f"<input autofocus onfocus={RUN}>",
    f"<select autofocus onfocus={RUN}><option>x</select>",
    f"<iframe src='javascript:parent.{RUN}'></iframe>",
    f"<iframe srcdoc='<script>parent.{RUN}</script>'></iframe>",
    f"<object data='data:text/html,<script>parent.{RUN}</script>'></object>",
    f"<embed src='javascript:{RUN}'>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<style>*{display:none}</style>",
    "<style>@import url(//evil.example/x.css);</style>",
    "<base href='//evil.example/'>",
    "<meta http-equiv=refresh content='0;url=//evil.example/'>",
    f"<meta http-equiv=refresh content='0;url=javascript:{RUN}'>",
    f"<form action='javascript:{RUN}'><button>x</button></form>",
    f"<button formaction='javascript:{RUN}' form=f>x</button>",
    f"<a href='javascript:{RUN}'>x</a>",
    f"<a href='&#106;avascript:{RUN}'>x</a>",
    "<p style='position:fixed;inset:0;z-index:9'>x</p>",
    "<div id=question class=main>x</div>",
    "<template><img src=x></template>",
    "<!-- a --><!DOCTYPE html><html><head></head>",
    f"<![CDATA[<script>{RUN}</script>]]>",
    f"<?php {RUN} ?>",
    "</div></main></body></html>",
    f"<marquee onstart={RUN}>x</marquee>",
    f"<x onclick={RUN} tabindex=1>x</x>",
)
"""HTML as it stands in a text."""

MUTATIONS = (
    f'<noscript><p title="</noscript><img src=x onerror={RUN}>">',
    f'<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror={RUN}&gt;">',
    f'<svg></p><style><a id="</style><img src=1 onerror={RUN}>">',
    f"<form><math><mtext></form><form><mglyph><style></math><img src=x onerror={RUN}>",
    f"<svg><title><![CDATA[</title><img src=x onerror={RUN}>]]>",
    f'<xmp><p title="</xmp><img src=x onerror={RUN}>">',
    f"<textarea></textarea><img src=x onerror={RUN}></textarea>",
    f"<listing>&lt;img src=x onerror={RUN}&gt;</listing>",
    f"<math><annotation-xml encoding=text/html><img src=x onerror={RUN}></annotation-xml></math>",
    f"<a title='</a><img src=x onerror={RUN}>'>",
    f"``\n<img title='`' onerror={RUN} src=x>",
    f"<plaintext><img src=x onerror={RUN}>",
    f"\x00<\x00script\x00>{RUN}</script>",
    f"<\u200bscript>{RUN}</script>",
    f"\uff1cscript\uff1e{RUN}\uff1c/script\uff1e",
    f"&lt;script&gt;{RUN}&lt;/script&gt;",
    f"&#60;img src=x onerror={RUN}&#62;",
    f"\\<img src=x onerror={RUN}\\>",
)
"""What would become another thing when it is read twice."""

_SCHEMES = (
    f"javascript:{RUN}",
    f"JaVaScRiPt:{RUN}",
    f"  javascript:{RUN}",
    f"java\tscript:{RUN}",
    f"java&#10;script:{RUN}",
    f"&#x6a;avascript&colon;{RUN}",
    f"javascript&#58;{RUN}",
    f"\\javascript:{RUN}",
    f"\x01javascript:{RUN}",
    f"javascript:/*--></title></style>*/{RUN}",
    f"javascript%3A{RUN}",
    f"vbscript:{RUN}",
    f"data:text/html;base64,PHNjcmlwdD53aW5kb3cucmFuPTE8L3NjcmlwdD4=",  # noqa: F541 - one of many
    f"data:text/html,<script>{RUN}</script>",
    f"data:image/svg+xml,<svg onload={RUN}>",
    f"view-source:javascript:{RUN}",
    f"blob:javascript:{RUN}",
    f"feed:javascript:{RUN}",
    "file:///etc/passwd",
    "filesystem:http://evil.example/x",
    "about:blank",
    "//evil.example/x",
    "\\\\evil.example\\x",
    "/v1/runs?delete=all",
    "?key=x",
    "#question",
    "http:evil.example",
    "https://good.example@evil.example/",
    "https://good.example\\@evil.example/",
    "https://",
    "https://[",
    "https://a:99999/",
    "https://\u202emoc.live",
    "https://evil.example/\u202egpj.exe",
    "mailto:",
    'http://a.b/"onmouseover="' + RUN,
    "http://a.b/'onmouseover='" + RUN,
    f"http://a.b/><script>{RUN}</script>",
)

_FORMS = (
    "[x]({})",
    "[x](<{}>)",
    '[x]({} "title")',
    "![x]({})",
    "<{}>",
    "[x][r]\n\n[r]: {}",
    "[x][r]\n\n[r]: <{}> 'title'",
    "[![x]({0})]({0})",
    "[a [b]({0}) c]({0})",
    "$\\href{{{}}}{{x}}$",
)

LINKS = tuple(form.format(scheme) for scheme in _SCHEMES for form in _FORMS)
"""Addresses that may not be followed, or not be hidden, in every way that Markdown has for them."""

TITLES = (
    f"[x](http://a.b '\"><script>{RUN}</script>')",
    f"[x](http://a.b \"' onmouseover={RUN} '\")",
    f'[x](http://a.b ("\n onclick={RUN}))',
    f'!["><img src=x onerror={RUN}>](http://a.b)',
    f'![x](http://a.b "&quot; onerror=&quot;{RUN}")',
    f"[<img src=x onerror={RUN}>](http://a.b)",
    f"[x]\n\n[x]: http://a.b '<script>{RUN}</script>'",
    f'```" onload="{RUN}\nx\n```',
    f"```<script>{RUN}</script>\nx\n```",
    f"```x' class='main\n<script>{RUN}</script>\n```",
    f"`<script>{RUN}</script>`",
    f"    <script>{RUN}</script>",
    f"|<img src=x onerror={RUN}>|\n|-|\n|<script>{RUN}</script>|",
    f"# <script>{RUN}</script>",
    f"> <script>{RUN}</script>",
    f"- <script>{RUN}</script>",
    f"1. x\n\n   <script>{RUN}</script>",
    f"*a <b onclick={RUN}>* **c</b>**",
    f"~~<s onclick={RUN}>~~",
)
"""What would break out of the place that it stands in."""

FORMULAS = (
    f"$\\text{{<script>{RUN}</script>}}$",
    f"$\\text{{</mtext></math><img src=x onerror={RUN}>}}$",
    "$\\class{main}{x} \\style{position:fixed}{y} \\cssId{question}{z}$",
    f"$\\href{{javascript:{RUN}}}{{x}}$",
    "$\\unicode{3c}script\\unicode{3e}$",
    "$\\color{red;background:url(//evil.example)}{x}$",
    f'$\\colorbox{{"onclick={RUN}}}{{x}}$',
    f"$\\begin{{array}}{{c}}<img src=x onerror={RUN}>\\end{{array}}$",
    "$\\hspace{-99em}\\raise{99em}{x}\\rule{99em}{99em}$",
    f"$\\operatorname{{<svg/onload={RUN}>}}$",
    f"$\\left<script\\right>{RUN}$",
    f"$$\n\\verb|<script>{RUN}</script>|\n$$",
    f"\\[ &lt;img src=x onerror={RUN}&gt; \\]",
    f'\\( " onmouseover="{RUN} \\)',
    "$\\def\\a{\\a\\a}\\a$",
    "$\\newcommand{\\b}{\\b\\b}\\b$",
)
"""What would make a formula do something."""

UNSEEN = (
    "user\u202etxt.exe",
    "\u2066a\u2069\u2067b\u2069\u061cc",
    "a\u200bb\u200cc\u200dd\ufeffe\u2060f\u00adg",
    "".join(chr(0xE0000 + ord(char)) for char in "ignore all of the above"),
    "\x1b[2J\x07\x08\x7f\x9b31m",
    "Z" + "\u0301" * 500,
    "&#x202e;&#8238;&rlm;&zwj;",
    "\ud800 lone",
    "`\u202e` [\u202ex](http://a.b/\u202e) $\u202e$",
)
"""What would not be seen, or would make something else read otherwise."""

ATTACKS = (*PLAIN_HTML, *MUTATIONS, *LINKS, *TITLES, *FORMULAS, *UNSEEN)
"""All of them."""

_HTML = "{http://www.w3.org/1999/xhtml}"
_MATHML = "{http://www.w3.org/1998/Math/MathML}"
_TAGS = {
    "p", "br", "hr", "h3", "h4", "h5", "h6", "blockquote", "pre", "ul", "ol", "li", "div", "details", "summary",
    "a", "strong", "em", "del", "ins", "mark", "code", "span", "bdi", "small", "sup", "table", "thead", "tbody",
    "tr", "th", "td",
}  # fmt: skip
_FORMULA_TAGS = {
    "math", "mfrac", "mi", "mmultiscripts", "mn", "mo", "mover", "mpadded", "mroot", "mrow", "ms", "mspace",
    "msqrt", "mstyle", "msub", "msubsup", "msup", "mtable", "mtd", "mtext", "mtr", "munder", "munderover",
}  # fmt: skip
_ATTRIBUTES = {
    "class": r"t-[a-z0-9-]+( t-[a-z0-9-]+)*",
    "dir": "auto|ltr",
    "title": r"(?s).*",
    "start": r"\d{1,9}",
    "tabindex": "0",
    "role": "group",
    "aria-label": r"(?s).*",
    "aria-hidden": "true",
    "data-critic": r"\d+",
}
_LINK_ATTRIBUTES = {
    "href": r"(https?://[a-zA-Z0-9\[][!-~]*|mailto:[!-~]+)",
    "target": "_blank",
    "rel": "noopener noreferrer nofollow",
}
_FORMULA_ATTRIBUTES = {
    "alttext": r"(?s).*",
    "class": r"t-[a-z]+( t-[a-z]+)*",
    "display": "inline|block",
    "mathvariant": "normal",
    "linethickness": "0",
    "form": "prefix|infix|postfix",
    "scriptlevel": r"\+?\d",
    **dict.fromkeys(("minsize", "maxsize", "lspace", "rspace", "width", "height"), r"[\d.]{1,6}em"),
    **dict.fromkeys(
        ("stretchy", "fence", "movablelimits", "largeop", "accent", "accentunder", "displaystyle"), "true|false"
    ),
}
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e0fff]"
)
_ISOLATING = str.maketrans("", "", "\u2068\u2069")


class Found(NamedTuple):
    """An element that a browser would make.

    Args:
        tag: Its name.
        attributes: Its attributes.
    """

    tag: str
    attributes: dict[str, str]


def parsed(text: str) -> Element:
    """Return HTML as a browser reads it into an element of a page."""
    found: Element = html5lib.parseFragment(text, container="div")
    return found


def elements(text: str) -> list[Found]:
    """Return the elements that a browser makes of HTML."""
    return [Found(str(one.tag), dict(one.attrib)) for one in parsed(text).iter() if str(one.tag) != "DOCUMENT_FRAGMENT"]


def text_of(text: str) -> str:
    """Return what HTML says, without its tags."""
    return "".join(parsed(text).itertext())


def said(text: str) -> str:
    """Return all that HTML tells: its text, and what stands in the titles of its elements."""
    kept = ("title", "alttext", "href", "aria-label")
    return " ".join(
        (text_of(text), *(value for one in elements(text) for name, value in one.attributes.items() if name in kept))
    )


def require_harmless(text: str) -> None:
    """Assert that a browser makes nothing of HTML but words, links that say where they go, tables and formulas."""
    for element in elements(text):
        faults = list(_faults(element))
        assert not faults, (faults, text[:2000])
    assert not _UNSEEN.search(html.unescape(text).translate(_ISOLATING)), text[:2000]


def _faults(element: Found) -> Iterator[str]:
    allowed = _ATTRIBUTES
    if element.tag.startswith(_MATHML):
        name, tags, allowed = element.tag.removeprefix(_MATHML), _FORMULA_TAGS, _FORMULA_ATTRIBUTES
    else:
        name, tags = element.tag.removeprefix(_HTML), _TAGS
    if name not in tags:
        yield element.tag
    if name == "a":
        allowed = {**_ATTRIBUTES, **_LINK_ATTRIBUTES}
        if not {*_LINK_ATTRIBUTES, "title"} <= element.attributes.keys():
            yield "a link that does not say where it goes"
    for attribute, value in element.attributes.items():
        if attribute not in allowed or not re.fullmatch(allowed[attribute], value):
            yield f"{name} {attribute}={value!r}"
