"""The student folder: names of its files, and ``gts.json``, which says what the student is."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from gts.core import safetensors_file
from gts.core.errors import Damaged, InvalidInput, NotFound
from gts.student.reference import Reference
from gts.student.selective import HeldOut
from gts.tasks.schema import Schema
from gts.tasks.spec import NAME_PATTERN, SummaryLength, TaskType

FORMAT: Final = 1
MANIFEST = "gts.json"
LINEAGE = "lineage.json"
CONFIG = "config.json"
WEIGHTS = "model.safetensors"
HEAD = "head.safetensors"
TOKENIZER = "tokenizer.json"
TOKENIZER_CONFIG = "tokenizer_config.json"
ONNX_FP32 = "onnx/model.onnx"
ONNX_INT8 = "onnx/model_quantized.onnx"
CARD = "README.md"

# Tensor names of head.safetensors: those of model2vec, so that its pipeline class reads the folder too.
HEAD_WEIGHT = "head.0.weight"
HEAD_BIAS = "head.0.bias"

_AGAIN = "download or produce the student again"


class _Part(BaseModel):
    # Fields that a later version adds without changing the format's meaning are passed over.
    model_config = ConfigDict(extra="ignore", frozen=True)


class TaskInfo(_Part):
    """What the student was made for.

    Attributes:
        name: Name of the task.
        type: Task type.
        language: ISO 639-1 code, or None where unknown.
        multi_label: Whether a text may carry several labels or none.
    """

    name: Annotated[str, Field(pattern=NAME_PATTERN, max_length=96)]
    type: TaskType = "classification"
    language: str | None = None
    multi_label: bool = False


class StudentManifest(_Part):
    """The content of ``gts.json``.

    Attributes:
        task: What the student was made for.
        labels: Label names of a classifier; position is the class index everywhere.
        tier: ``static`` (token table), ``mini`` or ``base`` (transformer).
        base_model: Name of the model it descends from, or None.
        licence: SPDX identifier of the licence it is published under.
        max_length: Tokens of a text that are read; the rest is cut off.
        thresholds: Multi-label only: probability from which each label is given, in the order of ``labels``.
        looks_for: What a student of extraction looks for.
        entities_given: Of a student that finds relations: whether it is given the entities.
        scale: Of a student that compares texts: least and greatest grade, where it gives grades.
        length: Of a student that summarises: how long its summaries are.
        decision: Thresholds by which what it believes becomes its answer, by name.
        held_out: Of a classifier: how sure it was of labelled texts that it had not seen, and whether it was right.
        serving: Which of the two ONNX files the runtime takes by itself.
        metrics: What was measured (JSON values), for display.
        reference: What it saw in rows like those it is for, in numbers, for comparing with what it is asked.
        created_at: When it was made.
        gts_version: Version of GTS that made it.
        format: Format of the folder.

    Example:
        >>> StudentManifest(task=TaskInfo(name="mood"), labels=("glad", "sad"), tier="static").task.name
        'mood'
    """

    format: Literal[1] = FORMAT
    task: TaskInfo
    labels: tuple[str, ...] = ()
    tier: Literal["static", "mini", "base"]
    base_model: str | None = None
    licence: str = "apache-2.0"
    max_length: Annotated[int, Field(gt=0)] = 512
    thresholds: tuple[Annotated[float, Field(ge=0, le=1)], ...] | None = None
    looks_for: Schema = Schema()
    entities_given: bool = False
    scale: tuple[float, float] | None = None
    length: SummaryLength = SummaryLength()
    decision: dict[str, float] = Field(default_factory=dict)
    held_out: HeldOut | None = None
    serving: Literal["fp32", "int8"] = "fp32"
    metrics: dict[str, Any] = Field(default_factory=dict)
    reference: Reference | None = None
    created_at: datetime = Field(default_factory=lambda: datetime.now(UTC))
    gts_version: str = Field(default_factory=lambda: metadata.version("gts"))

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.task.type == "classification" and not self.labels:
            raise ValueError("a classifier without labels")
        if len(set(self.labels)) != len(self.labels):
            raise ValueError("a label is listed twice")
        if self.thresholds is not None and not self.task.multi_label:
            raise ValueError("thresholds are for multi-label students only")
        if self.thresholds is not None and len(self.thresholds) != len(self.labels):
            raise ValueError(f"{len(self.thresholds)} thresholds for {len(self.labels)} labels")
        return self

    @property
    def multi_label(self) -> bool:
        """Whether a text may carry several labels or none."""
        return self.task.multi_label


def write_manifest(folder: Path, manifest: StudentManifest) -> None:
    """Write ``gts.json``."""
    text = json.dumps(manifest.model_dump(mode="json"), ensure_ascii=False, indent=1)
    (folder / MANIFEST).write_text(text + "\n", "utf-8")


def read_manifest(folder: Path) -> StudentManifest:
    """Read and check ``gts.json``.

    Raises:
        NotFound: The folder does not exist or is no student folder.
        InvalidInput: It was written in a newer format.
        StorageError: The file is damaged.
    """
    path = folder / MANIFEST
    try:
        document = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError) as error:
        what = f"holds no {MANIFEST}" if folder.is_dir() else "is not a folder"
        mend = "give a folder that `gts produce` or `gts pull` has written"
        raise NotFound(f"{folder} {what}, so it is no student", mend=mend, path=str(folder)) from error
    except ValueError as error:
        raise Damaged(f"{path} is not JSON: {error}", mend=_AGAIN, path=str(path)) from error
    if not isinstance(document, dict):
        raise Damaged(f"{path} holds no JSON object", mend=_AGAIN, path=str(path))
    version = document.get("format")
    if isinstance(version, int) and version > FORMAT:
        raise InvalidInput(
            f"{folder} is in student format {version}, this version of GTS reads up to {FORMAT}",
            mend="upgrade with `pip install --upgrade gts`",
            path=str(path),
        )
    try:
        return StudentManifest.model_validate(document)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, e['loc'])) or 'gts.json'}: {e['msg']}" for e in error.errors()
        )
        raise Damaged(f"{path} is not valid: {faults}", mend=_AGAIN, path=str(path)) from error


def read_lineage(folder: Path) -> dict[str, Any]:
    """Where a student comes from, as the engine that made it has written it down.

    Raises:
        NotFound: Its folder has no such file.
        StorageError: The file is damaged.
    """
    path = folder / LINEAGE
    try:
        found = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise NotFound(
            f"{folder} has no {LINEAGE}, which says how a student was made",
            mend="this student was not made by GTS, or before it wrote that file: run its job anew",
            path=str(path),
        ) from error
    except ValueError as error:
        raise damaged(path, str(error)) from error
    if not isinstance(found, dict):
        raise damaged(path, "it holds no JSON object")
    return found


def required_file(folder: Path, name: str) -> Path:
    """Path of a file the student cannot do without.

    Raises:
        NotFound: It is missing.
    """
    path = folder / name
    if not path.is_file():
        raise NotFound(
            f"{folder} holds no {name}, so the student is not complete", mend=_AGAIN, path=str(path)
        )
    return path


def damaged(path: Path, what: str) -> Damaged:
    """The error for a file whose content cannot be used."""
    return Damaged(f"{path} is damaged: {what}", mend=_AGAIN, path=str(path))


def count_parameters(folder: Path) -> int:
    """Number of weights in the folder's safetensors files, read from their headers.

    Raises:
        NotFound: There is no ``model.safetensors``.
        StorageError: A file is damaged.
    """
    required_file(folder, WEIGHTS)
    return sum(_count_weights(folder / name) for name in (WEIGHTS, HEAD) if (folder / name).is_file())


def _count_weights(path: Path) -> int:
    from safetensors import SafetensorError

    try:
        return safetensors_file.count_parameters(path)
    except SafetensorError as error:
        raise damaged(path, str(error)) from error
