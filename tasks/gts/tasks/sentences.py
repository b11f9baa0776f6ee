"""Where the sentences of a text are: by rules, for languages with Western or Chinese marks, without weights.

The rules, in order:

- A line break ends a sentence: in dialogues every turn is a line.
- ``。！？；｡`` end one wherever they stand; ``.!?;`` do so between Chinese or Japanese characters, as many
  Chinese texts are typed ("3.5" and "文件.txt" stay whole).
- ``.!?…`` and their like in other scripts end one before a space, unless a small letter follows (in a text
  that has any capitals), the word is an abbreviation ("Dr. Chen", "No. 5"), or the point belongs to a list
  number ("2. Wash it"). After an abbreviation that may stand last ("Inc.", "p.m.", "U.S.") a sentence ends
  only before a word that often begins one ("The", "He").
- Closing quotes and brackets belong to the sentence they close, which goes on where a comma follows them:
  “好！”，他说。

Nothing is lost: between two sentences, before the first and after the last there is white space only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

Bounds = tuple[int, int]

EAST_ASIAN = (
    "\u3005-\u3007\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U000323af"
)
"""Characters written without spaces between words (Chinese, Japanese), as ranges of a regular expression."""

_LINE = re.compile(r"[^\n\r\v\f\x1c-\x1e\x85\u2028\u2029]+")
_FULL_STOPS = "。！？；｡"
_STOPS = re.compile(rf"[.!?;…．؟۔।॥{_FULL_STOPS}]+")
_GOES_ON = re.compile(rf"[.!?…．؟۔।॥{_FULL_STOPS}，、：,:]")
_PAUSE = re.compile(r"…+|[.．…]{2,}")
_OPENING = "\"'“‘«‹([{「『【（《〈〔［｛¿¡"
_CLOSING = "\"'”’»›)]}」』】）》〉〕］｝"
# Variation selectors, joiners and accents may follow a mark and belong to it.
_CLOSER = re.compile(rf"[{re.escape(_CLOSING)}\u0300-\u036f\ufe00-\ufe0f\u200d]")
_BEFORE_NEXT = re.compile(rf"[\s{re.escape(_OPENING)}]*")
_EAST_ASIAN = re.compile(f"[{EAST_ASIAN}]")
_LIST_NUMBER = re.compile(rf"[\s{re.escape(_OPENING)}]*\d+")
_LISTED = re.compile(r"(?:^|[^\w.])(?:\d{1,2}|[A-Za-z])\Z")
_WORD = re.compile(r"[^\s\"'“”‘’()\[\]{}«»/,:;]*\Z")
_LONGEST_WORD = 40
_INITIALS = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]")
_NEXT_WORD = re.compile(r"[^\W_]+")

_LISTS = {
    # Always before something: a name, the thing meant.
    "never last": "dr mr mrs ms messrs mme mlle prof vs cf viz approx ca e.g i.e eg esp incl resp",
    # Abbreviations before a number, words of their own elsewhere.
    "before number": "no nos art p op nr fig sec",
    "may be last": "inc ltd corp co llc bros jr sr etc al ph.d m.d st mt ft gen sen rep gov capt cmdr lt col "
    "sgt maj adm rev hon figs eq eqs ref refs vol vols chap pp ave blvd rd dept univ assn est jan feb mar "
    "apr jun jul aug sep sept oct nov dec mon tue tues thu thur thurs fri",
    "begins": "the a an this that these those he it she we they you i his her its our their my your there "
    "here in on at by for from with after before when while if as but and or so then however although though "
    "because since what who why how where is are was were do does did can could would will not no yes all "
    "some many most both one",
}
_WORDS = {kind: frozenset(words.split()) for kind, words in _LISTS.items()}


def sentences(text: str, *, turns: bool = False) -> list[Bounds]:
    r"""Start and end of every sentence, in order, without the white space around it.

    Args:
        text: Any text.
        turns: Whether each line is one piece, however many sentences it has: for dialogues, where the name
            of the speaker stands only before the first.

    Example:
        >>> text = "Dr. Lee paid $3.50. \"Really?\" he asked.\n她说：“走吧。”他走了。"
        >>> [text[start:end] for start, end in sentences(text)]
        ['Dr. Lee paid $3.50.', '"Really?" he asked.', '她说：“走吧。”', '他走了。']
        >>> sentences("A: Hi. You here?\nB: Yes!", turns=True)
        [(0, 16), (17, 24)]
    """
    capitals = text != text.lower()
    places = []
    for found in _LINE.finditer(text):
        line, start = found.group(), 0
        for end in (*(() if turns else _ends(line, capitals)), len(line)):
            piece = line[start:end]
            if bare := piece.strip():
                begin = found.start() + start + len(piece) - len(piece.lstrip())
                places.append((begin, begin + len(bare)))
            start = end
    return places


def _ends(line: str, capitals: bool) -> Iterator[int]:
    """Where sentences end within a line."""
    start = after = counted = quotes = 0
    for found in _STOPS.finditer(line):
        stop, stop_end = found.span()
        quotes += line.count('"', counted, stop)
        counted = stop
        after = _after_closers(line, stop_end, open_quote=quotes % 2 == 1)
        if _is_end(line, start, stop, stop_end, after, capitals):
            yield after
            start = after


def _after_closers(line: str, position: int, *, open_quote: bool) -> int:
    """The first place after closing marks; a straight quote closes only what one has opened in this line."""
    while _CLOSER.match(line, position):
        if line[position] == '"':
            if not open_quote:
                break
            open_quote = False
        position += 1
    return position


def _is_end(line: str, start: int, stop: int, stop_end: int, after: int, capitals: bool) -> bool:
    """Whether the marks ``line[stop:stop_end]``, closed at ``after``, end the sentence from ``start`` on."""
    marks = line[stop:stop_end]
    if after == len(line):
        return True
    if _GOES_ON.match(line, after):
        return False
    if any(mark in _FULL_STOPS for mark in marks):
        return True
    if not line[after].isspace():
        return not _PAUSE.fullmatch(marks) and _between_east_asian(line, stop, after)
    if ";" in marks or "．" in marks:
        return _EAST_ASIAN.match(line, stop - 1) is not None
    spaces = _BEFORE_NEXT.match(line, after)
    following = spaces.end() if spaces else after
    if capitals and line[following : following + 1].islower():
        return False
    return marks != "." or after > stop_end or not _belongs_to_word(line, start, stop, following)


def _between_east_asian(line: str, stop: int, after: int) -> bool:
    """Whether marks without a space after them stand where a Chinese full stop would."""
    if stop and _EAST_ASIAN.match(line, stop - 1):
        return not (line[after].isascii() and line[after].islower())  # as the name of a file goes on
    if not stop or not _EAST_ASIAN.match(line, after):
        return False
    return not _LISTED.search(line, max(stop - 3, 0), stop)


def _belongs_to_word(line: str, start: int, stop: int, following: int) -> bool:
    """Whether the point at ``stop``, before the word at ``following``, is no full stop."""
    if _EAST_ASIAN.match(line, stop - 1):
        return False
    window = max(start, stop - _LONGEST_WORD)
    if _LIST_NUMBER.fullmatch(line, window, stop):
        return True
    found = _WORD.search(line, window, stop)
    word = found.group() if found else ""
    lower = word.lower()
    if lower in _WORDS["never last"]:
        return True
    if lower in _WORDS["before number"]:
        return line[following : following + 1].isdigit()
    if lower in _WORDS["may be last"] or (word != "I" and _INITIALS.fullmatch(word)):
        begins = _NEXT_WORD.match(line, following)
        return not (begins and begins.group().lower() in _WORDS["begins"])
    return False
