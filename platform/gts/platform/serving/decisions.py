"""Typed questions (System One's shape) answered by a classifier: its labels are the options."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from gts.core.errors import InvalidInput
from gts.student.layout import StudentManifest


class ChoiceQuestion(BaseModel):
    """Which of some options is it?"""

    model_config = ConfigDict(extra="forbid")

    type: Literal["choice"] = Field(description="The one kind of question that a classifier answers.")
    instructions: str | None = Field(None, description="Accepted and not used: the model knows its task.")
    criteria: Annotated[dict[str, Any], Field(min_length=1, max_length=10_000)] = Field(
        description="The options, labels of the model, each with a description, which is not used.",
        examples=[{"billing": None, "delivery": "where is my parcel"}],
    )


class DecisionRequest(BaseModel):
    """Questions about one text."""

    model_config = ConfigDict(extra="forbid")

    model: str = Field(
        max_length=400,
        description="`namespace/name`, or `namespace/name@revision`.",
        examples=["local/tickets"],
    )
    state: str | dict[str, Any] | list[Any] = Field(
        description="The text that the questions are about.", examples=["where is my parcel?"]
    )
    questions: Annotated[dict[str, ChoiceQuestion], Field(min_length=1, max_length=64)]


class ChoiceAnswer(BaseModel):
    """The option that is likeliest."""

    type: Literal["choice"]
    choice: str
    confidence: float = Field(description="0 where all options are alike, 1 where there is no doubt.")
    probabilities: dict[str, float] = Field(description="Of each option; together 1.")


class DecisionAnswer(BaseModel):
    """Answers by the names of their questions."""

    model: str
    commit: str
    answers: dict[str, ChoiceAnswer]
    usage: dict[str, int]


def rows_of(request: DecisionRequest, manifest: StudentManifest) -> list[dict[str, Any]]:
    """The one row that a request asks about.

    Raises:
        InvalidInput: The model is no classifier of one label, the state is no text, or an option is no label.
    """
    if manifest.task.type != "classification" or manifest.multi_label:
        what = "gives several labels" if manifest.multi_label else f"is a {manifest.task.type} model"
        raise InvalidInput(
            f"this model {what}; choice questions are for classifiers that give one label",
            mend="ask it at /api/v1/models/{namespace}/{name}/predict",
        )
    if not isinstance(request.state, str):
        raise InvalidInput("`state` is JSON; this model reads texts", mend="send a string")
    known = set(manifest.labels)
    for name, question in request.questions.items():
        if unknown := [option for option in question.criteria if option not in known]:
            raise InvalidInput(
                f"the option {unknown[0][:100]!r} of question {name[:100]!r} is no label of this model",
                mend=f"its labels are {', '.join(manifest.labels[:50])}",
            )
    return [{"text": request.state}]


def answers_of(request: DecisionRequest, answer: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Each question's answer, from what the model says of the text.

    Example:
        >>> question = ChoiceQuestion(type="choice", criteria={"a": None, "b": None})
        >>> request = DecisionRequest(model="n/m", state="x", questions={"q": question})
        >>> scores = [{"label": "a", "score": 0.6}, {"label": "b", "score": 0.2}, {"label": "c", "score": 0.2}]
        >>> answers_of(request, {"scores": scores})["q"]["confidence"]
        0.5
    """
    scores = {item["label"]: item["score"] for item in answer["scores"]}
    return {name: _choice(question, scores) for name, question in request.questions.items()}


def _choice(question: ChoiceQuestion, scores: dict[str, float]) -> dict[str, Any]:
    options = list(question.criteria)
    total = sum(scores[option] for option in options)
    even = 1 / len(options)
    shares = {option: scores[option] / total if total > 0 else even for option in options}
    best = max(options, key=shares.__getitem__)
    confidence = 1.0 if len(options) == 1 else max(0.0, (shares[best] - even) / (1 - even))
    return {"type": "choice", "choice": best, "confidence": round(confidence, 6), "probabilities": shares}
