"""A real student of a few kilobytes: it says `delivery` when "parcel" is in the text, else `billing`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from gts.student.layout import (
    CARD,
    CONFIG,
    HEAD,
    HEAD_BIAS,
    HEAD_WEIGHT,
    MANIFEST,
    TOKENIZER,
    WEIGHTS,
    StudentManifest,
    TaskInfo,
    write_manifest,
)

LABELS = ("billing", "delivery")


def write_tiny_student(folder: Path, name: str = "tickets", *, multi_label: bool = False) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = {"[UNK]": 0, "parcel": 1, "refund": 2}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.save(str(folder / TOKENIZER))
    embeddings = np.array([[0, 0], [0, 4], [4, 0]], np.float32)
    save_file({"embeddings": embeddings}, folder / WEIGHTS)
    head = {HEAD_WEIGHT: np.eye(2, dtype=np.float32), HEAD_BIAS: np.zeros(2, np.float32)}
    save_file(head, folder / HEAD)
    (folder / CONFIG).write_text(json.dumps({"model_type": "model2vec", "normalize": False}))
    task = TaskInfo(name=name, multi_label=multi_label)
    write_manifest(folder, StudentManifest(task=task, labels=LABELS, tier="static"))
    (folder / CARD).write_text("---\npipeline_tag: text-classification\n---\n# tickets\n")
    assert (folder / MANIFEST).is_file()
    return folder
