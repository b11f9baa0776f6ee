"""Where the sentences of a text are: by rules, for languages with Western or Chinese marks, without weights.

The rules, in order:

- A line break ends a sentence: in dialogues every turn is a line.
- ``。！？；`` and their half-width forms end one wherever they stand; so do ``.!?;`` between Chinese or Japanese
  characters, as many Chinese texts are typed.
- ``.!?…`` and their like in other scripts end one before a space or the end of the line, unless a small letter follows (in a text
  that has any capitals), the word is an abbreviation ("Dr. Chen", "No. 5"), or the point belongs to a list number
  ("2. Wash it"). After an abbreviation that may stand last ("Inc.", "p.m.", "U.S.") a sentence ends where the next word is one that
  often begins sentences ("The", "He").
- Closing quotes and brackets belong to the sentence they close.

Nothing is lost: between two sentences, before the first and after the last there is white space only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

Place = tuple[int, int]

EAST_ASIAN = (
    "\u3005-\u3007\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U000323af"
)
"""Characters of scripts written without spaces between words (Chinese, Japanese), as ranges of a regular expression."""

_LINE = re.compile(r"[^\n\r\v\f\x1c-\x1e\x85\u2028\u2029]+")
_FULL_STOPS = "。！？；｡"
_STOPS = re.compile(rf"[.!?;…．؟۔।॥{_FULL_STOPS}]+")
_CLOSING = "'”’»›)]}」』】）》〉〕］｝"
_OPENING = "\"'“‘«‹([{「『【（《〈〔［｛¿¡"
# Variation selectors, joiners and accents may follow a mark and belong to it.
_CLOSERS = re.compile(rf'[{re.escape(_CLOSING)}"\u0300-\u036f\ufe00-\ufe0f\u200d]')
_EAST_ASIAN = re.compile(f"[{EAST_ASIAN}]")
_WORD = re.compile(r"[^\s\"'“”‘’()\[\]{}«»/,:;]*\Z")
_INITIALS = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]")
_NEXT_WORD = re.compile(r"[^\W_]+")
_LONGEST_WORD = 40

# Always before something: a name, a number, the thing meant.
_NEVER_LAST = frozenset(
    "dr mr mrs ms mx messrs mme mlle prof st mt ft gen sen rep gov capt cmdr lt col sgt maj adm rev hon fr sr. "
    "vs cf viz approx ca fig figs eq eqs ref refs sec vol vols chap pp ed eds al e.g i.e eg ie resp esp incl dept".split()
)
# Abbreviations before a number, words of their own elsewhere.
_BEFORE_NUMBER = frozenset("no nos art p op nr".split())
_MAY_BE_LAST = frozenset(
    "inc ltd corp co llc bros jr sr etc ph.d m.d b.a m.a a.m p.m am pm jan feb mar apr jun jul aug sep sept oct nov "
    "dec mon tue tues wed thu thur thurs fri sat sun ave blvd rd st dept univ assn est".split()
)
_BEGINNERS = frozenset(
    "the a an this that these those he she it they we you i his her its their our my your there here in on at by for "
    "from with after before when while if as but and or so then however although though because since what who why "
    "how where is are was were do does did can could would will not no yes all some many most both one".split()
)


def sentences(text: str, *, turns: bool = False) -> list[Place]:
    r"""Start and end of every sentence, in order, without the white space around it.

    Args:
        text: Any text.
        turns: Whether each line is one piece, however many sentences it has: dialogues, where the name of the
            speaker stands before the first only.

    Example:
        >>> text = "Dr. Lee paid $3.50. \"Really?\" he asked.\n她说：“走吧。”他走了。"
        >>> [text[start:end] for start, end in sentences(text)]
        ['Dr. Lee paid $3.50.', '"Really?" he asked.', '她说：“走吧。”', '他走了。']
        >>> sentences("A: Hi. You here?\nB: Yes!", turns=True)
        [(0, 16), (17, 24)]
    """
    capitals = text != text.lower()
    places = []
    for line in _LINE.finditer(text):
        ends = () if turns else _ends(line.group(), capitals)
        start = 0
        for end in (*ends, len(line.group())):
            piece = line.group()[start:end]
            if bare := piece.strip():
                begin = line.start() + start + len(piece) - len(piece.lstrip())
                places.append((begin, begin + len(bare)))
            start = end
    return places


def _ends(line: str, capitals: bool) -> Iterator[int]:
    """Where sentences end within a line."""
    start = quotes = counted = after = 0
    for stop in _STOPS.finditer(line):
        if stop.start() < after:
            continue
        quotes += line.count('"', counted, stop.start())
        counted = stop.start()
        after = _after_closers(line, stop.end(), open_quote=quotes % 2 == 1)
        if _is_end(line, start, stop.start(), stop.end(), after, capitals):
            yield after
            start = after


def _after_closers(line: str, position: int, *, open_quote: bool) -> int:
    """The first place after closing marks; the straight quote closes only what one has opened in this line."""
    while position < len(line) and _CLOSERS.match(line, position):
        if line[position] == '"':
            if not open_quote:
                break
            open_quote = False
        position += 1
    return position


def _is_end(line: str, start: int, stop: int, stop_end: int, after: int, capitals: bool) -> bool:
    """Whether the marks ``line[stop:stop_end]``, closed at ``after``, end the sentence that began at ``start``."""
    marks = line[stop:stop_end]
    if after == len(line) or any(mark in _FULL_STOPS for mark in marks):
        return True
    if not line[after].isspace():
        return _between_east_asian(line, stop, after)
    if ";" in marks or "．" in marks:
        return bool(stop and _EAST_ASIAN.match(line, stop - 1))
    rest = line[after:].lstrip()
    following = rest.lstrip(_OPENING)
    if capitals and following[:1].islower():
        return False
    if marks != "." or after > stop_end:
        return True
    return not _belongs_to_word(line, start, stop, following)


def _between_east_asian(line: str, stop: int, after: int) -> bool:
    """Whether marks without a space after them stand where a Chinese full stop would."""
    before = line[stop - 1] if stop else ""
    if before.isdigit() and not _EAST_ASIAN.match(before):
        return False  # a decimal point or the number of a list
    if _EAST_ASIAN.match(before):
        return True
    single_letter = stop == 1 or (before.isascii() and before.isalpha() and not line[stop - 2].isalnum())
    return bool(_EAST_ASIAN.match(line, after)) and not single_letter


def _belongs_to_word(line: str, start: int, stop: int, following: str) -> bool:
    """Whether the point at ``stop`` is part of an abbreviation or of a list number."""
    found = _WORD.search(line, max(start, stop - _LONGEST_WORD), stop)
    word = found.group() if found else ""
    if word.isdigit():
        return not line[start:stop].strip(_OPENING + " \t").removesuffix(word)
    lower = word.lower()
    if lower in _NEVER_LAST:
        return True
    if lower in _BEFORE_NUMBER:
        return following[:1].isdigit()
    if lower in _MAY_BE_LAST or (word != "I" and _INITIALS.fullmatch(word)):
        begins = _NEXT_WORD.match(following)
        return not (begins and begins.group().lower() in _BEGINNERS)
    return False
