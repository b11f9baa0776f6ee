"""Stage ``evaluate``: the person's test file, which no other stage has seen, put to a student and its seed-only twin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gts.core.threads import available_cores
from gts.orchestrator.estimate import decide, label_sets
from gts.orchestrator.stage import Progress
from gts.orchestrator.stages.common import MOST_TOKENS, Floats, load_arrays
from gts.student import static
from gts.student.mini import load_classifier, mini_logits
from gts.student.runtime import load_student
from gts.student.static_runtime import unknown_id
from gts.tasks import metrics
from gts.tasks.dataset import TaskData, load_task


def run(
    inputs: Mapping[str, Path], params: Mapping[str, Any], out: Path, progress: Progress
) -> dict[str, Any]:
    """Evaluate on the test file.

    Args:
        inputs: ``test`` (the task with its test examples), ``package`` (the student as it is served), and
            ``seed_only`` (a fit on all gold of stage ``distil``) unless that is what was packaged.
        params: ``tier``.
        out: Gets nothing.
        progress: Progress.

    Returns:
        ``student`` and ``seed_only``: ``accuracy``, ``macro_f1``, ``n``.
    """
    data = load_task(inputs["test"])
    texts = [example.text for example in data.test]
    progress(0.0, "predicting the test file")
    student = load_student(inputs["package"], threads=available_cores())
    served = _measures(data, student.decide(student.predict(texts)))
    if "seed_only" not in inputs:
        return {"student": served, "seed_only": served}
    progress(0.5, "predicting the test file with the seed-only student")
    logits = _static_logits if params["tier"] == "static" else _mini_logits
    chosen = decide(logits(inputs["seed_only"], texts), data.multi_label)
    return {"student": served, "seed_only": _measures(data, label_sets(chosen, data.labels))}


def _measures(data: TaskData, predicted: Sequence[Sequence[str]]) -> dict[str, Any]:
    truth = [example.labels for example in data.test]
    result = metrics.evaluate(data.labels, truth, predicted, data.multi_label)
    return {name: result[name] for name in ("accuracy", "macro_f1", "n")}


def _static_logits(fit: Path, texts: Sequence[str]) -> Floats:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(fit / "tokenizer.json"))
    arrays = load_arrays(fit / "student.safetensors")
    student = static.StaticStudent(arrays["table"], arrays["weight"], arrays["bias"])
    return student.logits(static.tokenize(tokenizer, texts, MOST_TOKENS, unknown_id(tokenizer)))


def _mini_logits(fit: Path, texts: Sequence[str]) -> Floats:
    return mini_logits(*load_classifier(fit / "model"), texts, MOST_TOKENS)
