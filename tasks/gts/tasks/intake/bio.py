"""CoNLL files: one token and its tag a line, a blank line behind each sentence.

The rules:

- The token is the first column (the second where the first one counts 1, 2, 3, ...), the tag the last.
  Columns are separated by tabs, else by spaces. ``-DOCSTART-`` lines and comments (``# ...`` without a tag)
  do not count.
- Tags are ``O`` or a prefix of IOB1, IOB2, BIOES, BILUO or BMES, a hyphen or underscore, and a type.
- An entity begins at ``B``, ``S`` or ``U``, and at any other tag whose type is not that of an open entity;
  it ends behind ``E``, ``L``, ``S`` or ``U``, and before whatever does not go on with it. So ``I`` without
  ``B`` begins one (the rule of IOB1, and of the CoNLL scorer); in the other schemes it is noted.
- Tokens are joined by single spaces, without one beside a character of a script that has none between words
  (Chinese, Japanese, Thai), and without any where nearly every token is a single character.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

from gts.tasks.decoding import LineFeed
from gts.tasks.intake.faults import Fault, Mended
from gts.tasks.intake.spacing import is_closed_up
from gts.tasks.problems import Place, Problems
from gts.tasks.wording import counted, listing, quote

_TAG = re.compile(r"([BIOESLUM])[-_](\S.*)")
_NAMES = re.compile(r"\.(conll\w*|bio\w*|iob\d?)(\.gz)?$", re.IGNORECASE)
_BEGINS, _ENDS = set("BSU"), set("ELSU")
_LEAST_TAGGED = 0.5
_LOOKED_AT_LINES = 400
_PEEKED = 2_000
_CHARACTERS = 0.9


@dataclass(frozen=True, slots=True)
class Token:
    """One line of a sentence.

    Attributes:
        line: Where it stands.
        form: The token.
        tag: Its tag.
    """

    line: int
    form: str
    tag: str


def is_bio(name: str, head: str) -> bool:
    """Whether a file is one token a line: by its name, else because most of its lines end with a tag.

    Args:
        name: File name; may be empty.
        head: The first characters of the content.

    Example:
        >>> is_bio("", "EU B-org\\nrejects O\\n\\n"), is_bio("", "text,label\\na,O\\n")
        (True, False)
    """
    if head.lstrip("\ufeff \t\r\n").startswith(("{", '["', "[{", "[[")):
        return False
    if _NAMES.search(name):
        return True
    lines = [line.rstrip("\r") for line in head.split("\n")[:_LOOKED_AT_LINES]]
    full = [cells for line in lines if len(cells := _cells(line)) > 1]
    tags = [cells[-1] for cells in full if _is_tag(cells[-1])]
    single = sum(len(_cells(line)) == 1 for line in lines)
    return len(tags) > _LEAST_TAGGED * (len(full) + single) and any(tag != "O" for tag in tags)


def bio_rows(
    feed: LineFeed, name: str, *, tagged: bool, problems: Problems, mended: Mended
) -> Iterator[tuple[int, dict[str, Any]]]:
    """The sentences of a CoNLL file as rows ``{"text", "entities"}``, each with the line it begins on.

    Args:
        feed: Its lines.
        name: Name of the file for messages.
        tagged: Whether tags are wanted; else the rows have none, and lines need no tag.
        problems: Takes sentences that cannot be read.
        mended: Takes what was odd about tags.
    """
    read = _sentences(feed, name, tagged=tagged, problems=problems)
    peeked = list(islice(read, _PEEKED))
    forms = [token.form for tokens in peeked for token in tokens]
    by_character = sum(len(form) == 1 for form in forms) >= _CHARACTERS * max(1, len(forms))
    scheme = scheme_of([[token.tag for token in tokens] for tokens in peeked])
    if tagged and peeked:
        how = "without spaces" if by_character else "with spaces"
        mended.add(f"read as CoNLL, tags of {scheme}, tokens joined {how}", Place(name))
    for tokens in chain(peeked, read):
        text, places = joined([token.form for token in tokens], by_character=by_character)
        if not tagged:
            yield tokens[0].line, {"text": text}
            continue
        found, odd = entities([token.tag for token in tokens])
        for number in odd if scheme != "IOB1" else ():
            what = f"tag {quote(tokens[number].tag)} without a beginning before it was read as one"
            mended.add(what, Place(name, tokens[number].line))
        yield (
            tokens[0].line,
            {
                "text": text,
                "entities": [
                    {"start": places[first][0], "end": places[last][1], "type": kind}
                    for first, last, kind in found
                ],
            },
        )


def joined(forms: Sequence[str], *, by_character: bool = False) -> tuple[str, list[tuple[int, int]]]:
    """The text of tokens, and start and end of each in it.

    Args:
        forms: The tokens.
        by_character: Whether the tokens are single characters, which are joined without spaces.

    Example:
        >>> joined(["用", "iPhone", "6", "拍"])
        ('用iPhone 6拍', [(0, 1), (1, 7), (8, 9), (9, 10)])
    """
    parts: list[str] = []
    places = []
    length = 0
    for form in forms:
        if parts and not by_character and _spaced(parts[-1], form):
            parts.append(" ")
            length += 1
        parts.append(form)
        places.append((length, length + len(form)))
        length += len(form)
    return "".join(parts), places


def _spaced(before: str, after: str) -> bool:
    return not (is_closed_up(before[-1]) or is_closed_up(after[0]))


def entities(tags: Sequence[str]) -> tuple[list[tuple[int, int, str]], list[int]]:
    """Entities as first token, last token and type; and the tokens whose tag goes on with what never began.

    Example:
        >>> entities(["B-per", "I-per", "O", "I-org", "E-org", "S-per"])
        ([(0, 1, 'per'), (3, 4, 'org'), (5, 5, 'per')], [3])
    """
    found: list[tuple[int, int, str]] = []
    odd = []
    is_open = False
    for number, tag in enumerate(tags):
        match = _TAG.fullmatch(tag)
        if not match:
            is_open = False
            continue
        prefix, kind = match.groups()
        if prefix not in _BEGINS and is_open and found[-1][2] == kind:
            found[-1] = (found[-1][0], number, kind)
        else:
            if prefix not in _BEGINS:
                odd.append(number)
            found.append((number, number, kind))
        is_open = prefix not in _ENDS
    return found, odd


def scheme_of(sentences: Iterable[Sequence[str]]) -> str:
    """The name of the scheme in which sentences are tagged.

    Example:
        >>> scheme_of([["I-per", "O"], ["I-per", "B-per"]]), scheme_of([["B-per", "I-per", "O"]])
        ('IOB1', 'IOB2')
    """
    prefixes: set[str] = set()
    begins_alone = without_beginning = False
    for tags in sentences:
        before = "O"
        for tag in tags:
            if match := _TAG.fullmatch(tag):
                prefixes.add(match[1])
                same = before[1:] == tag[1:]  # the entity before is of the same type, so that a B is needed
                begins_alone |= match[1] == "B" and not same
                without_beginning |= match[1] == "I" and not same
            before = tag
    for name, marks in (("BIOES", "ES"), ("BILUO", "LU"), ("BMES", "M")):
        if prefixes & set(marks) and (name != "BIOES" or "M" not in prefixes):
            return name
    return "IOB1" if without_beginning and not begins_alone else "IOB2"


def _is_tag(cell: str) -> bool:
    return cell == "O" or _TAG.fullmatch(cell) is not None


def _cells(line: str) -> list[str]:
    """The columns of a line; none in a blank one. A space that is itself the token is kept."""
    if not line.strip():
        return []
    return line.split("\t") if "\t" in line else re.split(" +", line.rstrip(" "))


def _sentences(feed: LineFeed, name: str, *, tagged: bool, problems: Problems) -> Iterator[list[Token]]:
    """The sentences, each a list of tokens; one with a fault is left out and reported."""
    lines: list[tuple[int, list[str]]] = []
    for line in chain(feed, [""]):
        cells = _cells(line.removeprefix("\ufeff").rstrip("\r\n"))
        if cells and not _is_comment(cells):
            lines.append((feed.number, cells))
        if cells:
            continue
        feed.mark()
        if lines:
            try:
                yield _tokens(lines, tagged=tagged)
            except _TokenFault as fault:
                problems.add(Place(name, fault.line), fault.message, fault.mend)
            lines = []


def _is_comment(cells: list[str]) -> bool:
    return cells[0] == "-DOCSTART-" or (cells[0].startswith("#") and not _is_tag(cells[-1]))


class _TokenFault(Fault):
    def __init__(self, line: int, message: str, mend: str) -> None:
        super().__init__(message, mend)
        self.line = line


def _tokens(lines: list[tuple[int, list[str]]], *, tagged: bool) -> list[Token]:
    numbered = all(
        cells[0] == str(number) and len(cells) > 2 for number, (_, cells) in enumerate(lines, start=1)
    )
    tokens = []
    for line, cells in lines:
        form = cells[int(numbered)] or " "
        if tagged and len(cells) == 1:
            raise _TokenFault(
                line,
                f"the token {quote(form)} has no tag",
                "write the token, a space or tab, and its tag (O, or such as B-person)",
            )
        tag = cells[-1] if tagged else "O"
        _check_tag(line, form, tag)
        tokens.append(Token(line, form, tag))
    return tokens


def _check_tag(line: int, form: str, tag: str) -> None:
    parts = [part for part in re.split(r"[|,;+]", tag) if _is_tag(part)]
    if len(parts) > 1:
        raise _TokenFault(
            line,
            f"the token {quote(form)} has {counted(len(parts), 'tag')} ({listing(parts)}); one was expected",
            "entities that overlap cannot be written with tags: write JSON lines with start and end of each",
        )
    if not _is_tag(tag):
        mend = f"write O, or a prefix and a type, such as B-{tag}" if tag else "write O, or such as B-person"
        raise _TokenFault(line, f"the token {quote(form)} has the tag {quote(tag)}, which is none", mend)
