"""Model cards as HTML: Markdown without raw HTML, images or scripts, whatever the card says."""

from __future__ import annotations

import re
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markupsafe import Markup

_FRONT_MATTER = re.compile(r"\A---\r?\n.*?\r?\n---[ \t]*(\r?\n|\Z)", re.DOTALL)
_FIRST_HEADING = 3  # the page itself has h1 and h2
_MAX_CHARS = 200_000


def render_card(text: str) -> Markup:
    """A README as HTML; its YAML front matter is left out.

    Example:
        >>> str(render_card("# A <b>card</b>")).strip()
        '<h3>A &lt;b&gt;card&lt;/b&gt;</h3>'
    """
    return Markup(_parser().render(_FRONT_MATTER.sub("", text[:_MAX_CHARS], count=1)))  # noqa: S704 - html is off


@cache
def _parser() -> MarkdownIt:
    # Images would call out to other servers; the parser itself refuses javascript: and data: links.
    parser = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")

    def adapt(state: StateCore) -> None:
        for token in state.tokens:
            if token.type in ("heading_open", "heading_close"):
                token.tag = f"h{min(int(token.tag[1]) + _FIRST_HEADING - 1, 6)}"
            for child in token.children or ():
                if child.type == "link_open":
                    child.attrSet("rel", "nofollow noopener noreferrer")
            # The page allows no inline style; a class says the same.
            if token.type in ("th_open", "td_open") and "right" in str(token.attrs.pop("style", "")):
                token.attrSet("class", "number")

    parser.core.ruler.push("adapt", adapt)
    return parser
