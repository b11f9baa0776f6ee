"""Writing student folders: all files but the model card."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gts.core.errors import InvalidInput
from gts.student.export import export_static, export_transformer, quantize_table
from gts.student.layout import (
    CONFIG,
    HEAD,
    HEAD_BIAS,
    HEAD_WEIGHT,
    TOKENIZER,
    TOKENIZER_CONFIG,
    WEIGHTS,
    StudentManifest,
    write_manifest,
)
from gts.student.static_runtime import unknown_id

if TYPE_CHECKING:
    from tokenizers import Tokenizer

# The tokens by which transformers knows its special tokens.
_ROLES = {
    "unk_token": "[UNK]",
    "pad_token": "[PAD]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}


def write_static(
    folder: Path,
    tokenizer: Tokenizer,
    embeddings: NDArray[Any],
    head_weight: NDArray[Any],
    head_bias: NDArray[Any],
    manifest: StudentManifest,
) -> None:
    """Write a static student, in the form that model2vec's ``StaticModel`` and ``StaticModelPipeline`` load.

    The token vectors are rounded to int8 by one scale, which the head takes up: model2vec's own int8 form has no place for it.

    Args:
        folder: Made if need be; what lies there under the same names is replaced.
        tokenizer: The tokenizer; each of its tokens is one row of the table.
        embeddings: Token vectors [vocabulary, dim], float32 or float16.
        head_weight: [labels, dim].
        head_bias: [labels].
        manifest: Becomes ``gts.json``.

    Raises:
        InvalidInput: The arrays do not fit the tokenizer, the labels or each other.
    """
    from safetensors.numpy import save_file
    from tokenizers import Tokenizer as LoadedTokenizer

    _check_static(tokenizer, embeddings, head_weight, head_bias, manifest)
    folder.mkdir(parents=True, exist_ok=True)
    table, scale = quantize_table(embeddings)
    weight, bias = (np.ascontiguousarray(array, np.float32) for array in (scale * head_weight, head_bias))
    save_file({"embeddings": table}, folder / WEIGHTS)
    save_file({HEAD_WEIGHT: weight, HEAD_BIAS: bias}, folder / HEAD)
    _write_json(folder / CONFIG, _model2vec_config(table, manifest))
    # A copy: the caller's truncation and padding are not ours to switch off.
    plain = LoadedTokenizer.from_str(tokenizer.to_str())
    plain.no_truncation()
    plain.no_padding()
    plain.save(str(folder / TOKENIZER), pretty=False)
    roles = {role: token for role, token in _ROLES.items() if tokenizer.token_to_id(token) is not None}
    kind = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": manifest.max_length}
    _write_json(folder / TOKENIZER_CONFIG, {**kind, **roles})
    export_static(folder, table, weight, bias, unknown_id(tokenizer))
    write_manifest(folder, manifest)
    make_readable(folder)


def write_mini(folder: Path, model: Any, tokenizer: Any, manifest: StudentManifest) -> None:
    """Write a transformer student, in the form that ``transformers.pipeline("text-classification")`` loads.

    Args:
        folder: Made if need be; what lies there under the same names is replaced.
        model: ``BertForSequenceClassification`` (or another sequence classifier of transformers); its configuration gets
            the manifest's labels, and it is left in evaluation mode on the CPU.
        tokenizer: Its fast tokenizer (transformers); its greatest length becomes the manifest's.
        manifest: Becomes ``gts.json``.

    Raises:
        InvalidInput: Model and manifest do not fit each other.
    """
    labels = manifest.labels
    if model.config.num_labels != len(labels):
        raise InvalidInput(f"the model has {model.config.num_labels} outputs for {len(labels)} labels")
    if manifest.max_length > model.config.max_position_embeddings:
        raise InvalidInput(
            f"max_length is {manifest.max_length}, the model reads {model.config.max_position_embeddings} tokens"
        )
    model.config.id2label = dict(enumerate(labels))
    model.config.label2id = {label: index for index, label in enumerate(labels)}
    # One output is one probability, as with several that do not exclude each other.
    kind = "multi" if manifest.multi_label or len(labels) == 1 else "single"
    model.config.problem_type = f"{kind}_label_classification"
    # Where the weights came from on this machine is no business of the student's users.
    model.config.name_or_path = manifest.base_model or ""
    tokenizer.model_max_length = manifest.max_length
    folder.mkdir(parents=True, exist_ok=True)
    export_transformer(folder, model)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    write_manifest(folder, manifest)
    make_readable(folder)


def make_readable(folder: Path) -> None:
    """Give every file mode 0644 and every folder 0755: some writers make files that only their owner may read."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


def _check_static(
    tokenizer: Tokenizer,
    embeddings: NDArray[Any],
    weight: NDArray[Any],
    bias: NDArray[Any],
    manifest: StudentManifest,
) -> None:
    tokens, labels = tokenizer.get_vocab_size(with_added_tokens=True), len(manifest.labels)
    if embeddings.ndim != 2 or len(embeddings) != tokens:
        raise InvalidInput(f"embeddings are {embeddings.shape}, the tokenizer has {tokens} tokens")
    if embeddings.dtype not in (np.float32, np.float16):
        raise InvalidInput(f"embeddings are {embeddings.dtype}, float32 or float16 was expected")
    if not np.isfinite(embeddings).all():
        raise InvalidInput("embeddings hold values that are not finite numbers")
    if weight.shape != (labels, embeddings.shape[1]) or bias.shape != (labels,):
        raise InvalidInput(
            f"head weight {weight.shape} and bias {bias.shape} do not fit {labels} labels and embeddings of "
            f"{embeddings.shape[1]} dimensions"
        )


def _model2vec_config(table: NDArray[np.int8], manifest: StudentManifest) -> dict[str, Any]:
    head = {
        "n_layers": 1,
        "activation": "sigmoid" if manifest.multi_label else "softmax",
        "classes": list(manifest.labels),
    }
    return {
        "model_type": "model2vec",
        "architectures": ["StaticModel"],
        "tokenizer_name": manifest.base_model,
        "normalize": False,
        "max_length": manifest.max_length,
        "seq_length": manifest.max_length,
        "hidden_dim": table.shape[1],
        "embedding_dtype": table.dtype.name,
        "head_config": head,
    }


def _write_json(path: Path, document: dict[str, Any]) -> None:
    path.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", "utf-8")
