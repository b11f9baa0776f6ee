"""Stage ``package``: give a trained student its published form and measure it as it will be served."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gts.core import catalogue
from gts.core.threads import available_cores
from gts.orchestrator.stage import Progress
from gts.orchestrator.stages.common import MOST_TOKENS, load_arrays
from gts.orchestrator.stages.reference import write_reference
from gts.student.layout import StudentManifest, TaskInfo
from gts.student.measure import choose_serving, measure
from gts.student.mini import load_classifier
from gts.student.runtime import load_student
from gts.student.writers import write_mini, write_static
from gts.tasks.dataset import TaskData, load_task


def run(
    inputs: Mapping[str, Path], params: Mapping[str, Any], out: Path, progress: Progress
) -> dict[str, Any]:
    """Package a student.

    Args:
        inputs: ``task``, ``student`` (a fit on all gold of stage ``distil``).
        params: ``tier``, ``encoder`` (catalogue id or None), ``temperature`` (divisor of its logits that makes
            its probabilities honest on held-out gold), ``taught`` (pool rows that students learnt from), ``machine``: a name
            for the machine, so that another one is measured anew.
        out: Gets the student folder.
        progress: Progress.

    Returns:
        ``texts_per_second``, ``latency_ms``, ``parameters``, ``bytes``, ``serving``; of a transformer ``int8_agreement`` and
        ``int8_loss``, which decide how it is served (:class:`gts.student.measure.Rounding`).
    """
    data = load_task(inputs["task"])
    entry = catalogue.find(params["encoder"]) if params["encoder"] else None
    manifest = StudentManifest(
        task=TaskInfo(name=data.spec.name, language=data.spec.language, multi_label=data.multi_label),
        labels=data.labels,
        tier=params["tier"],
        base_model=entry.id if entry else None,
        licence=entry.licence if entry else "apache-2.0",
        max_length=MOST_TOKENS,
    )
    progress(0.1, "writing and exporting the student")
    if params["tier"] == "static":
        _write_static(inputs["student"], params["temperature"], manifest, out)
    else:
        _write_mini(inputs["student"], params["temperature"], manifest, out)
    texts = _typical_texts(data)
    found = None
    if params["tier"] != "static":
        progress(0.6, "comparing int8 with fp32")
        found = choose_serving(out, texts, threads=available_cores())
    progress(0.7, "measuring speed in the serving path")
    student = load_student(out)
    summary = measure(student, texts)
    summary |= {
        "serving": student.manifest.serving,
        "int8_agreement": found and found.alike,
        "int8_loss": found and found.loss,
    }
    progress(0.9, "showing it the rows that it was made from")
    write_reference(out, data, params["taught"])
    progress(1.0, "packaged")
    return summary


def _typical_texts(data: TaskData, most: int = 256) -> list[str]:
    texts = [*data.pool, *(example.text for example in data.gold)]
    rows = np.random.default_rng(data.spec.seed).permutation(len(texts))[:most]
    return [texts[i] for i in rows]


def _write_static(source: Path, temperature: float, manifest: StudentManifest, out: Path) -> None:
    from tokenizers import Tokenizer

    arrays = load_arrays(source / "student.safetensors")
    tokenizer = Tokenizer.from_file(str(source / "tokenizer.json"))
    weight, bias = arrays["weight"] / temperature, arrays["bias"] / temperature
    write_static(out, tokenizer, arrays["table"], weight, bias, manifest)


def _write_mini(source: Path, temperature: float, manifest: StudentManifest, out: Path) -> None:
    import torch

    model, tokenizer = load_classifier(source / "model")
    with torch.no_grad():
        model.classifier.weight.div_(temperature)
        model.classifier.bias.div_(temperature)
    write_mini(out, model.cpu(), tokenizer, manifest)
