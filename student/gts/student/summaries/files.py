"""The folders of students that summarise: as they are kept between stages, and as they are published."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gts.core.encoder import Encoder
from gts.core.errors import InvalidInput
from gts.student.export import export_module
from gts.student.layout import (
    CONFIG,
    TOKENIZER,
    StudentManifest,
    required_file,
    write_manifest,
)
from gts.student.summaries.lexicon import StaticSummaryStudent
from gts.student.summaries.mini import MiniSummaryStudent
from gts.student.summaries.tensors import SCORES, load_head, save_head
from gts.student.tokenizing import load_tokenizer
from gts.student.writers import make_readable

SummaryStudentInTraining = StaticSummaryStudent | MiniSummaryStudent


def save(student: SummaryStudentInTraining, folder: Path) -> None:
    """Write what :func:`load` needs; no ONNX file and no manifest yet."""
    folder.mkdir(parents=True, exist_ok=True)
    if isinstance(student, StaticSummaryStudent):
        student.tokenizer.save(str(folder / TOKENIZER), pretty=False)
        (folder / CONFIG).write_text(json.dumps({"model_type": "gts-summary-lexicon"}) + "\n", "utf-8")
    else:
        student.encoder.tokenizer.model_max_length = student.encoder.max_length
        student.encoder.save(folder)
    save_head(student.head, folder)


def load(tier: str, folder: Path) -> SummaryStudentInTraining:
    """Read what :func:`save` wrote.

    Raises:
        NotFound: A file is missing.
        StorageError: A file is damaged.
    """
    head = load_head(folder, tier)
    if tier == "static":
        return StaticSummaryStudent(load_tokenizer(folder), head)
    encoder = Encoder(required_file(folder, CONFIG).parent)
    encoder.max_length = int(encoder.tokenizer.model_max_length)
    return MiniSummaryStudent(encoder, head)


def publish(student: SummaryStudentInTraining, folder: Path, manifest: StudentManifest) -> None:
    """Write a student folder: all files but the model card.

    A transformer's is that of transformers' encoder; its ONNX files give what each token's state adds to a
    score. The other weights are GTS's own (see :class:`gts.student.summaries.tensors.SummaryHead`).

    Args:
        student: The student; a transformer is left in evaluation mode on the CPU.
        folder: Made if need be; what lies there under the same names is replaced.
        manifest: Becomes ``gts.json``; its ``max_length`` becomes the length of a transformer's windows.

    Raises:
        InvalidInput: Student and manifest do not fit each other.
    """
    if (manifest.tier == "static") != isinstance(student, StaticSummaryStudent):
        raise InvalidInput(
            f"the manifest says {manifest.tier}, the student is a {type(student).__name__}",
            mend="give the manifest of its tier",
        )
    if isinstance(student, MiniSummaryStudent):
        encoder = student.encoder
        encoder.model.config.name_or_path = manifest.base_model or ""
        manifest = manifest.model_copy(update={"max_length": encoder.max_length})
        save(student, folder)
        export_module(folder, _scorer(student), SCORES)
    else:
        save(student, folder)
    write_manifest(folder, manifest)
    make_readable(folder)


def _scorer(student: MiniSummaryStudent) -> Any:
    import torch

    class Scorer(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.trunk = student.encoder.model.to("cpu", torch.float32).eval()
            self.head = torch.nn.Linear(len(student.direction), 1, bias=False)
            self.head.weight.data = torch.from_numpy(student.direction)[None]

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            states = self.trunk(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
            scores: torch.Tensor = self.head(states)[..., 0]
            return scores

    return Scorer()
