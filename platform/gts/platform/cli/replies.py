"""What a person sees of a question in a terminal, and what is meant by what they type."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import repeat
from typing import Any

from gts.core.errors import InvalidInput
from gts.platform.cli.output import plain
from gts.tasks.wording import listing, quote

_LIKELY = 0.5
_END_OF_TEXT = "."


class Do(Enum):
    """What to do with a question."""

    ANSWER = "answer"
    SKIP = "skip"
    UNDO = "undo"


@dataclass(frozen=True)
class Reply:
    """What a person wants.

    Attributes:
        do: Answer, skip, or take the last answer back.
        answer: The answer in the form of its kind.
    """

    do: Do
    answer: Mapping[str, Any] = field(default_factory=dict)


_COMMANDS = {"s": Reply(Do.SKIP), "u": Reply(Do.UNDO)}
_QUIT = "q"


def question_lines(question: Mapping[str, Any], done: int, still_open: int) -> list[str]:
    """A question as lines for a terminal.

    Args:
        question: As the REST API gives it.
        done: Questions of the job that were answered or skipped.
        still_open: Open ones, this one among them.
    """
    payload = question["payload"]
    lines = [f"[{done + 1} of {done + still_open}] {_asked(question)}", f"    ({plain(question['reason'])})"]
    if question["kind"] == "mark":
        lines += _indented(question["proposed"])
    for key in ("text", "text_a", "text_b"):
        if key in payload and question["kind"] != "mark":
            lines += _indented(payload[key])
    if beside := payload.get("beside"):
        lines += [f"    beside an example of {plain(beside['label'])}:", *_indented(beside["text"])]
    if question["kind"] == "mislabelled":
        given = [_word(question, label) for label in payload["labels"]]
        lines.append(f"    your data says: {', '.join(given) or 'no label'}")
    lines += [f"  {key}) {_word(question, label)}" for key, label in _numbered(question)]
    if question["takes_none"] and not question["is_pair"]:
        lines.append(f"  0) {'drop this example' if question['kind'] == 'mislabelled' else 'none of these'}")
    for label in payload["labels"] if question["kind"] == "define" else ():
        lines += [f"    {plain(label)}:", *_examples(question, label)]
    return lines


def prompt_of(question: Mapping[str, Any]) -> Iterator[str]:
    """The prompts for the lines of a reply: one for each line that may be typed."""
    kind = question["kind"]
    if kind == "define":
        yield from (
            f"{plain(label)} is (Enter: leave it; s, u, q): " for label in question["payload"]["labels"]
        )
        return
    if kind == "mark":
        yield "Enter: it is right; or the right text, ended by a line with a dot (s, u, q): "
        yield from repeat("")
    if kind == "confirm":
        yield "1 yes, 2 no, s, u, q: "
        return
    guess = ", ".join(_word(question, label) for label in _suggestion(question))
    several = "numbers or names, with commas between" if question["several"] else "number or name"
    yield f"{several}{f', Enter: {guess}' if guess else ''} (s, u, q): "


def read_reply(question: Mapping[str, Any], lines: Iterator[str]) -> Reply | None:
    """What a person means; ``None``: enough for now, or the end of what was piped in.

    Args:
        question: As the REST API gives it.
        lines: What is typed; only the lines that are needed are taken.

    Raises:
        InvalidInput: It cannot be understood.
    """
    first = next(lines, None)
    if first is None or first.strip() == _QUIT:
        return None
    if first.strip() in _COMMANDS:
        return _COMMANDS[first.strip()]
    kind = question["kind"]
    if kind == "mark":
        text = question["proposed"] if not first.strip() else "\n".join([first, *_until_dot(lines)])
        return Reply(Do.ANSWER, {"row": text})
    if kind == "define":
        said = [first, *lines]
        labels = question["payload"]["labels"]
        descriptions = {label: text for label, text in zip(labels, said, strict=False) if text.strip()}
        return Reply(Do.ANSWER, {"descriptions": descriptions}) if descriptions else Reply(Do.SKIP)
    if kind == "confirm":
        return Reply(Do.ANSWER, {"yes": _yes(first)})
    return Reply(Do.ANSWER, _labels(question, first.strip()))


def said_in_words(question: Mapping[str, Any]) -> str:
    """What was said to a question, in short; empty while nothing was."""
    answer = question["answer"]
    if answer is None:
        return "" if question["state"] == "open" else str(question["state"])
    if "none" in answer:
        return "none of these"
    if "yes" in answer:
        return f"{'yes' if answer['yes'] else 'no, not'} {question['payload']['label']}"
    if "descriptions" in answer:
        return "; ".join(f"{label}: {text}" for label, text in answer["descriptions"].items())
    if "row" in answer:
        return str(question["answered"])
    return ", ".join(_word(question, label) for label in answer["labels"]) or "no label"


def _asked(question: Mapping[str, Any]) -> str:
    payload, kind = question["payload"], question["kind"]
    if kind == "confirm":
        return f"is this {plain(_word(question, payload['label']))}?"
    if kind == "define":
        return f"what tells {listing(payload['labels'])} apart?"
    if kind == "mislabelled":
        return "is this example right?"
    if kind == "mark":
        return "is this what there is in the text?"
    if question["is_pair"]:
        return "are these two alike?"
    return "which labels fit?" if question["several"] else "which label fits?"


def _labels(question: Mapping[str, Any], typed: str) -> dict[str, Any]:
    if not typed:
        guess = _suggestion(question)
        if not guess:
            raise InvalidInput("nothing is suggested here", mend="type a number or a name, or s to skip")
        return {"labels": list(guess)}
    keys = dict(_numbered(question))
    if typed == "0" and "0" not in keys:
        return {"none": True}
    parts = [part.strip() for part in typed.split(",")] if question["several"] else [typed]
    return {"labels": [keys.get(part) or _named(part, question["options"]) for part in parts if part]}


def _named(typed: str, options: Sequence[str]) -> str:
    """The option that is meant by a name or its beginning, whatever its case.

    Raises:
        InvalidInput: None or several are.
    """
    if typed in options:
        return typed
    folded = typed.casefold()
    same = [option for option in options if option.casefold() == folded]
    found = same or [option for option in options if option.casefold().startswith(folded)]
    if len(found) == 1:
        return found[0]
    raise InvalidInput(
        f"{quote(typed)} {f'may be {listing(found)}' if found else 'is none of the labels'}",
        mend="type a number, or a name or its beginning",
    )


def _yes(typed: str) -> bool:
    word = typed.strip().casefold()
    if word not in ("1", "2", "y", "yes", "n", "no"):
        raise InvalidInput(f"{quote(typed)} is neither yes nor no", mend="type 1 or y for yes, 2 or n for no")
    return word in ("1", "y", "yes")


def _numbered(question: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Key and label of each option; pairs have 1 for alike and 0 for not alike, as on the page."""
    if question["kind"] not in ("label", "mislabelled"):
        return []
    if question["is_pair"]:
        return [(label, label) for label in question["options"]]
    return [(str(number), label) for number, label in enumerate(question["options"], 1)]


def _word(question: Mapping[str, Any], label: str) -> str:
    if question["is_pair"]:
        return "alike" if label == "1" else "not alike"
    return plain(label)


def _suggestion(question: Mapping[str, Any]) -> list[str]:
    """What Enter takes: the likeliest label, or all of more than one half where several may fit; of an example, what it has."""
    if question["kind"] == "mislabelled":
        return list(question["payload"]["labels"])
    beliefs: Mapping[str, float] = question["payload"].get("suggested") or {}
    if not beliefs:
        return []
    likely = [label for label, belief in beliefs.items() if belief > _LIKELY]
    return likely if question["several"] and likely else [max(beliefs, key=lambda label: beliefs[label])]


def _examples(question: Mapping[str, Any], label: str) -> list[str]:
    examples = (question["payload"].get("examples") or {}).get(label) or []
    return [f"      {plain(' '.join(text.split()))}" for text in examples[:3]]


def _indented(text: str) -> list[str]:
    return [f"    {plain(line)}" for line in text.splitlines() or [""]]


def _until_dot(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        if line.strip() == _END_OF_TEXT:
            return
        yield line
