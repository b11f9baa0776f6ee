"""What may be answered to a question of each kind, and the form in which an answer is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gts.core.errors import InvalidInput, TooLarge
from gts.orchestrator.questions import Question, QuestionKind, decides_pair, options_of
from gts.orchestrator.reviews import check_labels
from gts.tasks.intake.testing import read_test_rows
from gts.tasks.row_forms import as_given
from gts.tasks.row_text import read_row, write_row
from gts.tasks.rows import ROWS, MarkedRow, Row, SummaryRow, texts_of
from gts.tasks.source import RowSource
from gts.tasks.spec import TaskSpec
from gts.tasks.structures import Structure
from gts.tasks.text import clean_text, is_blank
from gts.tasks.wording import listing, quote

DESCRIPTION_CHARS = 1_000
"""Characters of what tells a label from another; a sentence or two are meant."""

FORMS: Mapping[QuestionKind, str] = {
    QuestionKind.LABEL: '{"labels": ["..."]} or {"none": true}',
    QuestionKind.CONFIRM: '{"yes": true} or {"yes": false}',
    QuestionKind.DEFINE: '{"descriptions": {"a label": "what belongs to it"}}',
    QuestionKind.MISLABELLED: '{"labels": ["..."]}, or {"none": true} to drop the row',
    QuestionKind.MARK: '{"row": {...}}, the row as in a file of examples, or {"row": "..."}, the row as text',
}
"""Kind to the answers it takes."""


def check_answer(question: Question, given: Mapping[str, Any], spec: TaskSpec) -> dict[str, Any]:
    """An answer in the form in which it is kept.

    Args:
        question: What was asked.
        given: What a person said, in one of the forms of :data:`FORMS`.
        spec: The task of the job that asks.

    Returns:
        ``{"labels": [...]}`` in the order of the options, ``{"none": True}``, ``{"yes": bool}``,
        ``{"descriptions": {...}}`` or ``{"row": {...}}``.

    Raises:
        InvalidInput: It is of another form, names what the task does not have, or says nothing.
        TooLarge: A description is too long.

    Example:
        >>> from gts.tasks.dataset import Origin
        >>> payload = {"text": "refund?", "options": ["billing", "delivery"]}
        >>> asked = Question.new("7", QuestionKind.LABEL, payload, "nobody knows", origin=Origin.POOL)
        >>> check_answer(asked, {"labels": ["billing"]}, TaskSpec(name="tickets", labels=["billing", "delivery"]))
        {'labels': ['billing']}
    """
    if len(given) != 1:
        raise _of_another_form(question, given)
    return _CHECKS[question.kind](question, given, spec)


def row_text(row: Mapping[str, Any], spec: TaskSpec) -> str:
    """A row in the JSON of examples as the text that people read and correct, see :mod:`gts.tasks.row_text`.

    Raises:
        DataError: It is no row of the task.
    """
    return write_row(_row_of_json(row, spec))


def proposal_of(question: Question, spec: TaskSpec) -> Row:
    """The row that a ``mark`` question proposes; the bare text where the machine proposes what the task does not have."""
    try:
        return _row_of_json(question.payload["proposed"], spec)
    except InvalidInput:
        text = question.payload["text"]
        return SummaryRow(text) if spec.type == "summarization" else MarkedRow(text, Structure())


def takes_none(question: Question, spec: TaskSpec) -> bool:
    """Whether "none of these" is an answer that makes sense."""
    if question.kind == QuestionKind.LABEL:
        return not decides_pair(question, spec)
    return question.kind == QuestionKind.MISLABELLED


def _label(question: Question, given: Mapping[str, Any], spec: TaskSpec) -> dict[str, Any]:
    labels = _labels(question, given, spec)
    return {"labels": labels} if labels else {"none": True}


def _mislabelled(question: Question, given: Mapping[str, Any], spec: TaskSpec) -> dict[str, Any]:
    labels = _labels(question, given, spec)
    return {"none": True} if labels is None else {"labels": labels}


def _labels(question: Question, given: Mapping[str, Any], spec: TaskSpec) -> list[str] | None:
    """The labels in the order of the options; ``None`` where it was said that none fits."""
    if dict(given) == {"none": True}:
        return None
    if not _are_strings(given.get("labels")):
        raise _of_another_form(question, given)
    options = options_of(question, spec)
    return list(check_labels(given["labels"], options, multi_label=bool(spec.multi_label)))


def _confirm(question: Question, given: Mapping[str, Any], spec: TaskSpec) -> dict[str, Any]:
    if not isinstance(given.get("yes"), bool):
        raise _of_another_form(question, given)
    return {"yes": given["yes"]}


def _define(question: Question, given: Mapping[str, Any], spec: TaskSpec) -> dict[str, Any]:
    descriptions = given.get("descriptions")
    if not isinstance(descriptions, Mapping) or not _are_strings(list(descriptions.values())):
        raise _of_another_form(question, given)
    known = list(question.payload["labels"])
    if unknown := [label for label in descriptions if label not in known]:
        raise InvalidInput(
            f"{quote(unknown[0])} was described; this question is about {listing(known)}",
            mend="describe one of these, or both",
            field="descriptions",
        )
    cleaned = {label: clean_text(descriptions[label]) for label in known if label in descriptions}
    said = {label: text for label, text in cleaned.items() if not is_blank(text)}
    if not said:
        raise InvalidInput(
            "no label was described",
            mend="say in a sentence what belongs to one label and not to the other, or skip the question",
            field="descriptions",
        )
    longest = max(said, key=lambda label: len(said[label]))
    if len(said[longest]) > DESCRIPTION_CHARS:
        raise TooLarge(
            f"the description of {quote(longest)} has {len(said[longest]):,} characters; "
            f"{DESCRIPTION_CHARS:,} are accepted",
            mend="a sentence is enough",
            field="descriptions",
        )
    return {"descriptions": said}


def _mark(question: Question, given: Mapping[str, Any], spec: TaskSpec) -> dict[str, Any]:
    said = given.get("row")
    if isinstance(said, str):
        row = read_row(said, spec)
    elif isinstance(said, Mapping):
        row = _row_of_json(said, spec)
    else:
        raise _of_another_form(question, given)
    shown = proposal_of(question, spec)
    if [text.strip() for text in texts_of(row)] != [text.strip() for text in texts_of(shown)]:
        raise InvalidInput(
            f"the text is now {quote(texts_of(row)[0])}; it was {quote(texts_of(shown)[0])}",
            mend="leave the text as it is and change only its answer",
            field="row",
        )
    given_before = shown.given if isinstance(shown, MarkedRow) else ()
    if given_before and isinstance(row, MarkedRow) and set(row.given) != set(given_before):
        raise InvalidInput(
            "the entities that come with the text were changed",
            mend="leave them as they are and change only the relations",
            field="row",
        )
    return {"row": as_given(row, spec.type)}


def _row_of_json(row: Mapping[str, Any], spec: TaskSpec) -> Row:
    if spec.type not in ROWS:
        raise InvalidInput(
            f"a row was given; texts of a task of type {spec.type} have labels", mend="answer with labels"
        )
    return read_test_rows(spec, RowSource([dict(row)], "the row")).rows[0]


def _are_strings(value: object) -> bool:
    return (
        isinstance(value, Sequence)
        and not isinstance(value, str)
        and all(isinstance(part, str) for part in value)
    )


def _of_another_form(question: Question, given: Mapping[str, Any]) -> InvalidInput:
    return InvalidInput(
        f"the answer has {listing(map(str, given)) or 'nothing'}; a question of kind {question.kind.value!r} is "
        f"answered with {FORMS[question.kind]}",
        mend="send one of these, or skip the question",
        field="answer",
    )


_CHECKS: Mapping[QuestionKind, Callable[[Question, Mapping[str, Any], TaskSpec], dict[str, Any]]] = {
    QuestionKind.LABEL: _label,
    QuestionKind.CONFIRM: _confirm,
    QuestionKind.DEFINE: _define,
    QuestionKind.MISLABELLED: _mislabelled,
    QuestionKind.MARK: _mark,
}
