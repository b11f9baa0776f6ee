"""Questions and answers of each task type as tensors of the Open Inference Protocol, version 2."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from gts.core.errors import InvalidInput
from gts.student.layout import StudentManifest

PLATFORM = "gts"
Answer = Mapping[str, Any]


class Tensor(BaseModel):
    """An input."""

    model_config = ConfigDict(extra="ignore")

    name: str = Field(max_length=100, examples=["text"])
    datatype: str = Field(max_length=20, examples=["BYTES"])
    shape: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1, max_length=4, examples=[[2]])]
    data: list[Any] = Field(examples=[["where is my parcel?", "I paid twice"]])


class WantedTensor(BaseModel):
    """An output that is wanted."""

    model_config = ConfigDict(extra="ignore")

    name: str = Field(max_length=100)


class InferRequest(BaseModel):
    """A request of the Open Inference Protocol, version 2."""

    model_config = ConfigDict(extra="ignore")

    id: str | None = Field(None, max_length=1000)
    inputs: list[Tensor] = Field(min_length=1, max_length=10)
    outputs: list[WantedTensor] | None = Field(None, max_length=20)


@dataclass(frozen=True)
class Output:
    """One output of a model.

    Attributes:
        name: Its name.
        datatype: Type of its values.
        columns: Values of each row; None: one, and the shape has one dimension.
        read: The values that an answer of the model holds.
    """

    name: str
    datatype: str
    columns: int | None
    read: Callable[[Answer], Iterable[Any]]


def inputs_of(manifest: StudentManifest) -> tuple[str, ...]:
    """Names of a model's inputs, all of them ``BYTES``.

    Example:
        >>> from gts.student.layout import TaskInfo
        >>> inputs_of(StudentManifest(task=TaskInfo(name="twins", type="similarity"), tier="mini"))
        ('text_a', 'text_b')
    """
    if manifest.task.type == "similarity":
        return ("text_a", "text_b")
    return ("text", "entities") if manifest.entities_given else ("text",)


def outputs_of(manifest: StudentManifest) -> tuple[Output, ...]:
    """A model's outputs; structures come as JSON in ``BYTES``."""
    kind = manifest.task.type
    if kind == "classification":
        return (_given_labels(manifest), _probabilities(manifest))
    if kind == "similarity":
        score = Output("score", "FP32", None, lambda answer: [answer["score"]])
        alike = Output("alike", "BOOL", None, lambda answer: [answer["alike"]])
        return (score,) if manifest.scale is not None else (score, alike)
    if kind == "summarization":
        return (Output("summary", "BYTES", None, lambda answer: [answer["summary"]]), _as_json("sentences"))
    parts = {"ner": ["entities"], "relation": ["entities", "relations"], "event": ["events"]}[kind]
    return tuple(_as_json(part) for part in parts)


def metadata(model: str, commit: str, manifest: StudentManifest) -> dict[str, Any]:
    """What the protocol tells of a model."""
    labels = {"parameters": {"labels": list(manifest.labels)}}
    return {
        "name": model,
        "versions": [commit],
        "platform": PLATFORM,
        "inputs": [{"name": name, "datatype": "BYTES", "shape": [-1]} for name in inputs_of(manifest)],
        "outputs": [
            {
                "name": output.name,
                "datatype": output.datatype,
                "shape": [-1] if output.columns is None else [-1, output.columns],
                **(labels if output.name == "probabilities" else {}),
            }
            for output in outputs_of(manifest)
        ],
    }


def rows_of(request: InferRequest, manifest: StudentManifest) -> list[dict[str, Any]]:
    """The rows that a request asks about.

    Raises:
        InvalidInput: Its inputs are not those of the model.
    """
    names = inputs_of(manifest)
    given = {tensor.name: tensor for tensor in request.inputs}
    if set(given) != set(names) or len(given) != len(request.inputs):
        told = ", ".join(repr(tensor.name) for tensor in request.inputs)
        raise InvalidInput(
            f"the inputs are {told}; this model takes {' and '.join(names)}", mend="see the model's metadata"
        )
    columns = {name: _strings(given[name]) for name in names}
    if len({len(values) for values in columns.values()}) > 1:
        raise InvalidInput(
            "the inputs hold different numbers of texts", mend="send one of each for every row"
        )
    if "entities" in columns:
        columns["entities"] = [_entities(value) for value in columns["entities"]]
    return [dict(zip(names, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def response(
    request: InferRequest, model: str, commit: str, manifest: StudentManifest, answers: Sequence[Answer]
) -> dict[str, Any]:
    """The answer to a request.

    Raises:
        InvalidInput: It wants an output that the model does not have.
    """
    made = []
    for output in wanted_of(request, manifest):
        shape = [len(answers)] if output.columns is None else [len(answers), output.columns]
        data = [value for answer in answers for value in output.read(answer)]
        made.append({"name": output.name, "datatype": output.datatype, "shape": shape, "data": data})
    identity = {} if request.id is None else {"id": request.id}
    return {"model_name": model, "model_version": commit, **identity, "outputs": made}


def wanted_of(request: InferRequest, manifest: StudentManifest) -> list[Output]:
    """The outputs that a request wants: those it names, or all.

    Raises:
        InvalidInput: The model has no such output.
    """
    known = {output.name: output for output in outputs_of(manifest)}
    wanted = [tensor.name for tensor in request.outputs or ()] or list(known)
    if unknown := [name for name in wanted if name not in known]:
        raise InvalidInput(
            f"this model has no output {unknown[0]!r}", mend=f"its outputs are {', '.join(known)}"
        )
    return [known[name] for name in wanted]


def _given_labels(manifest: StudentManifest) -> Output:
    if manifest.multi_label:
        return Output("labels", "BYTES", None, lambda answer: [_json(answer["labels"])])
    return Output("label", "BYTES", None, lambda answer: [answer["labels"][0]])


def _probabilities(manifest: StudentManifest) -> Output:
    labels = manifest.labels

    def read(answer: Answer) -> list[float]:
        scores = {item["label"]: item["score"] for item in answer["scores"]}
        return [scores[label] for label in labels]

    return Output("probabilities", "FP32", len(labels), read)


def _as_json(part: str) -> Output:
    return Output(part, "BYTES", None, lambda answer: [_json(answer[part])])


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _strings(tensor: Tensor) -> list[Any]:
    if tensor.datatype != "BYTES":
        raise InvalidInput(
            f"{tensor.name!r} is {tensor.datatype[:20]}; BYTES was expected",
            mend="send texts as JSON strings",
        )
    values = _flat(tensor.data)
    if prod(tensor.shape) != len(values):
        raise InvalidInput(f"{tensor.name!r} has {len(values)} values and the shape {tensor.shape}")
    if not values or not all(isinstance(value, str) for value in values):
        raise InvalidInput(
            f"{tensor.name!r} holds something else than texts, or none", mend="send JSON strings"
        )
    return values


def _flat(values: Sequence[Any]) -> list[Any]:
    """Values of a tensor that may be sent nested, row by row."""
    while values and all(isinstance(value, list) for value in values):
        values = [one for value in values for one in value]
    return list(values)


def _entities(value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError as error:
        raise InvalidInput(
            f"'entities' is not JSON: {error}", mend='send [{"start": 0, "end": 3}]'
        ) from error
