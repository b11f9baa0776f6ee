"""Questions and answers of each task type in the shapes that `huggingface_hub.InferenceClient` sends and reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gts.core.errors import InvalidInput

Inputs = str | Sequence[str] | Mapping[str, Any]


def rows_of(task_type: str, inputs: Inputs) -> list[dict[str, Any]]:
    """The rows that a Hub client asks about.

    Args:
        task_type: Task type of the model.
        inputs: A text, several, or (similarity) ``{"source_sentence", "sentences"}``.

    Raises:
        InvalidInput: The inputs are not of the form that the task type has.

    Example:
        >>> rows_of("similarity", {"source_sentence": "a", "sentences": ["b"]})
        [{'text_a': 'a', 'text_b': 'b'}]
    """
    if task_type == "similarity":
        if not isinstance(inputs, Mapping):
            raise InvalidInput(
                "`inputs` of a similarity model is a text",
                mend='send {"source_sentence": "...", "sentences": ["..."]}',
            )
        return [{"text_a": inputs["source_sentence"], "text_b": other} for other in inputs["sentences"]]
    if isinstance(inputs, Mapping):
        raise InvalidInput(
            f"`inputs` holds sentences to compare; this is a {task_type} model",
            mend="send a string or a list of strings",
        )
    texts = [inputs] if isinstance(inputs, str) else list(inputs)
    if not texts:
        raise InvalidInput("`inputs` holds no text", mend="send a string or a list of strings")
    return [{"text": text} for text in texts]


def answer_of(
    task_type: str, answers: Sequence[Mapping[str, Any]], inputs: Inputs
) -> list[Any] | dict[str, Any]:
    """What a Hub client reads.

    Args:
        task_type: Task type of the model, not ``classification``.
        answers: What the student said of each row.
        inputs: What was asked: a single text has a single answer.

    Example:
        >>> entity = {"start": 0, "end": 3, "type": "person", "text": "Ada", "score": 0.9}
        >>> answer_of("ner", [{"entities": [entity]}], "Ada wrote")
        [{'entity_group': 'person', 'score': 0.9, 'word': 'Ada', 'start': 0, 'end': 3}]
    """
    if task_type == "similarity":
        return [answer["score"] for answer in answers]
    if task_type == "summarization":
        return [{"summary_text": answer["summary"]} for answer in answers]
    if task_type == "ner":
        shaped: list[Any] = [[_entity(entity) for entity in answer["entities"]] for answer in answers]
    else:
        shaped = [dict(answer) for answer in answers]
    single: list[Any] | dict[str, Any] = shaped[0]
    return single if isinstance(inputs, str) else shaped


def _entity(entity: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "entity_group": entity["type"],
        "score": entity["score"],
        "word": entity["text"],
        "start": entity["start"],
        "end": entity["end"],
    }
