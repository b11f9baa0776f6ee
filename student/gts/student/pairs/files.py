"""The folders of students of text pairs: as they are kept between stages, and as they are published."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from gts.core.encoder import Encoder
from gts.core.errors import InvalidInput
from gts.student.export import export_module
from gts.student.layout import (
    CONFIG,
    HEAD,
    TOKENIZER,
    TOKENIZER_CONFIG,
    WEIGHTS,
    StudentManifest,
    required_file,
    write_manifest,
)
from gts.student.mini import load_classifier
from gts.student.pairs.bi import BiStudent
from gts.student.pairs.cross import CrossStudent
from gts.student.pairs.head import PairHead
from gts.student.pairs.manifest import Form
from gts.student.pairs.static import StaticPairStudent
from gts.student.pairs.tensors import EMBEDDING, HEAD_PARTS, load_head, load_table
from gts.student.tokenizing import load_tokenizer
from gts.student.writers import make_readable, write_mini

PairStudentInTraining = CrossStudent | BiStudent | StaticPairStudent


def form_of(student: PairStudentInTraining) -> Form:
    """How a student reads a pair."""
    if isinstance(student, CrossStudent):
        return "cross"
    return "bi" if isinstance(student, BiStudent) else "static"


def save(student: PairStudentInTraining, folder: Path) -> None:
    """Write what :func:`load` needs; no ONNX file and no manifest yet."""
    folder.mkdir(parents=True, exist_ok=True)
    if isinstance(student, CrossStudent):
        student.tokenizer.model_max_length = student.max_length
        student.model.save_pretrained(folder)
        student.tokenizer.save_pretrained(folder)
    elif isinstance(student, BiStudent):
        student.encoder.tokenizer.model_max_length = student.encoder.max_length
        student.encoder.save(folder)
        _save_head(student.head, folder)
    else:
        _save_table(student, folder)
        _save_head(student.head, folder)


def load(form: Form, folder: Path) -> PairStudentInTraining:
    """Read what :func:`save` wrote, to predict with on this machine's device or to publish."""
    if form == "cross":
        model, tokenizer = load_classifier(folder)
        return CrossStudent(model, tokenizer, int(tokenizer.model_max_length))
    if form == "bi":
        encoder = Encoder(folder)
        encoder.max_length = int(encoder.tokenizer.model_max_length)
        return BiStudent(encoder, load_head(folder))
    config = json.loads(required_file(folder, CONFIG).read_bytes())
    return StaticPairStudent(
        load_tokenizer(folder), load_table(folder), load_head(folder), int(config["max_length"])
    )


def publish(student: PairStudentInTraining, folder: Path, manifest: StudentManifest) -> None:
    """Write a student folder: all files but the model card.

    A cross-encoder's is that of ``BertForSequenceClassification`` with one output, which transformers and
    sentence-transformers' ``CrossEncoder`` load; a bi-encoder's is that of sentence-transformers' ``SentenceTransformer``; a
    static one's is that of model2vec's ``StaticModel``. The head of the latter two, in ``head.safetensors``, is GTS's own.

    Args:
        student: The student; a transformer is left in evaluation mode on the CPU.
        folder: Made if need be; what lies there under the same names is replaced.
        manifest: Becomes ``gts.json``.

    Raises:
        InvalidInput: Student and manifest do not fit each other.
    """
    if (manifest.tier == "static") != isinstance(student, StaticPairStudent):
        raise InvalidInput(f"the manifest says {manifest.tier}, the student is of form {form_of(student)}")
    (folder / HEAD).unlink(missing_ok=True)
    if isinstance(student, CrossStudent):
        write_mini(folder, student.model, student.tokenizer, manifest)
        return
    save(student, folder)
    if isinstance(student, BiStudent):
        if manifest.base_model:
            student.encoder.model.config.name_or_path = manifest.base_model
        export_module(folder, _embedder(student.encoder), EMBEDDING)
        _write_sentence_transformer(folder, student.encoder)
    write_manifest(folder, manifest)
    make_readable(folder)


def _save_head(head: PairHead, folder: Path) -> None:
    from safetensors.numpy import save_file

    parts = {f"pair.{part}": np.ascontiguousarray(getattr(head, part)) for part in HEAD_PARTS}
    save_file(parts, folder / HEAD)


def _save_table(student: StaticPairStudent, folder: Path) -> None:
    from safetensors.numpy import save_file

    save_file({"embeddings": np.ascontiguousarray(student.table.astype(np.float16))}, folder / WEIGHTS)
    student.tokenizer.save(str(folder / TOKENIZER), pretty=False)
    config = {
        "model_type": "model2vec",
        "architectures": ["StaticModel"],
        "normalize": True,
        "max_length": student.max_length,
        "seq_length": student.max_length,
        "hidden_dim": int(student.table.shape[1]),
        "embedding_dtype": "float16",
    }
    _write_json(folder / CONFIG, config)
    kind = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": student.max_length}
    _write_json(folder / TOKENIZER_CONFIG, kind)


def _embedder(encoder: Encoder) -> Any:
    import torch

    class Embedder(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.trunk = encoder.model.to("cpu", torch.float32).eval()

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            states = self.trunk(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
            shares = attention_mask[..., None].to(states.dtype)
            mean = (states * shares).sum(1) / shares.sum(1)
            return torch.nn.functional.normalize(mean, dim=1)

    return Embedder()


def _write_sentence_transformer(folder: Path, encoder: Encoder) -> None:
    kinds = {"": "Transformer", "1_Pooling": "Pooling", "2_Normalize": "Normalize"}
    modules = [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (path, kind) in enumerate(kinds.items())
    ]
    _write_json(folder / "modules.json", modules)
    width = int(encoder.model.config.hidden_size)
    (folder / "1_Pooling").mkdir(exist_ok=True)
    pooling = {"word_embedding_dimension": width, "pooling_mode_mean_tokens": True}
    _write_json(folder / "1_Pooling" / CONFIG, pooling)
    _write_json(folder / "sentence_bert_config.json", {"max_seq_length": encoder.max_length})


def _write_json(path: Path, document: Any) -> None:
    path.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", "utf-8")
