"""A classifier in the layout of transformers.js: ``pipeline("text-classification", ...)`` in a browser or in Node."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from gts.core.errors import InvalidInput
from gts.student.layout import (
    CARD,
    CONFIG,
    ONNX_FP32,
    ONNX_INT8,
    TOKENIZER,
    TOKENIZER_CONFIG,
    StudentManifest,
    read_manifest,
    required_file,
)


def write_transformers_js(student: Path, out: Path) -> None:
    """Write the files that transformers.js reads: configuration, tokenizer and both ONNX files.

    Args:
        student: A student folder.
        out: An empty folder.

    Raises:
        NotFound: A file is missing.
        InvalidInput: transformers.js has no pipeline for such a student.
    """
    manifest = read_manifest(student)
    if manifest.task.type != "classification":
        raise InvalidInput(
            f"a {manifest.task.type} student has outputs that no pipeline of transformers.js reads",
            mend="export it as a folder or for MLflow, or ask it through the API",
        )
    (out / "onnx").mkdir(parents=True, exist_ok=True)
    for name in (ONNX_FP32, ONNX_INT8):
        shutil.copy(required_file(student, name), out / name)
    tokenizer = json.loads(required_file(student, TOKENIZER).read_text("utf-8"))
    if manifest.tier == "static":
        # Static students are trained on texts without the tokens that mark beginning and end.
        tokenizer["post_processor"] = None
        _write(out / CONFIG, _bert_like(manifest))
    else:
        shutil.copy(required_file(student, CONFIG), out / CONFIG)
    _write(out / TOKENIZER, tokenizer)
    kind: dict[str, Any] = {"tokenizer_class": "PreTrainedTokenizerFast"}
    if (student / TOKENIZER_CONFIG).is_file():
        kind = json.loads((student / TOKENIZER_CONFIG).read_text("utf-8"))
    # Any token will do to fill a batch up, as the mask hides it, but the runner needs one.
    kind.setdefault("pad_token", kind.get("unk_token") or _first_token(student))
    _write(out / TOKENIZER_CONFIG, {**kind, "model_max_length": manifest.max_length})
    if (student / CARD).is_file():
        shutil.copy(student / CARD, out / CARD)


def _first_token(student: Path) -> str | None:
    from tokenizers import Tokenizer

    return Tokenizer.from_file(str(student / TOKENIZER)).id_to_token(0)


def _bert_like(manifest: StudentManifest) -> dict[str, Any]:
    """A configuration under which the runner feeds token ids and mask, and reads logits; the graph is not BERT's."""
    labels = dict(enumerate(manifest.labels))
    kind = "multi" if manifest.multi_label else "single"
    return {
        "model_type": "bert",
        "architectures": ["BertForSequenceClassification"],
        "id2label": {str(index): label for index, label in labels.items()},
        "label2id": {label: index for index, label in labels.items()},
        "problem_type": f"{kind}_label_classification",
    }


def _write(path: Path, document: dict[str, Any]) -> None:
    path.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", "utf-8")
