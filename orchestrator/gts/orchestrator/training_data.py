"""What a student learnt from, as a data set that other tools load: gold, taught and generated rows with their provenance."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from gts.core.artifacts import ArtifactStore
from gts.core.errors import Conflict, NotFound
from gts.orchestrator.stages.lessons import LESSONS
from gts.tasks.dataset import Example, Origin, TaskData
from gts.tasks.saving import AnyTask

if TYPE_CHECKING:
    from gts.orchestrator.production import Production
    from gts.orchestrator.records import Job
    from gts.registry.registry import Registry
    from gts.registry.values import Revision

SUFFIX = "-data"
_NAME_CHARS = 96
_PARTS = {
    "gold": "Your own labelled rows, and the answers that people gave.",
    "taught": "Unlabelled rows as the student learnt them: what the teachers believe, and who they were.",
    "generated": "Every text that a generator wrote, with the texts it began from and why it was kept or dropped.",
}
_CATEGORIES = {
    "classification": "text-classification",
    "similarity": "sentence-similarity",
    "ner": "token-classification",
    "relation": "token-classification",
    "event": "token-classification",
    "summarization": "summarization",
}


def data_name(namespace: str, name: str) -> str:
    """Name of the data set of a model.

    Example:
        >>> data_name("ann", "tickets")
        'tickets-data'
    """
    room = _NAME_CHARS - len(namespace) - 1 - len(SUFFIX)
    return name[:room].rstrip("-._") + SUFFIX


def publish_data(
    registry: Registry, job: Job, production: Production, report: Mapping[str, Any], store: ArtifactStore
) -> Revision:
    """Publish what a job's student learnt from, as a data set that only holders of a token see.

    Raises:
        StorageError: The disk is full.
    """
    from gts.registry.values import Kind

    namespace, name = job.namespace, data_name(job.namespace, job.name)
    with suppress(Conflict):  # it is there
        registry.create(namespace, name, job.owner, private=True, kind=Kind.DATASET)
    with store.workspace() as folder:
        student = production.trial.artifacts["student"]
        assemble_data(store, production.data, student, report, f"{namespace}/{job.name}", folder)
        return registry.publish(
            namespace, name, folder, f"what job {job.id} taught", job.owner, kind=Kind.DATASET
        )


def assemble_data(
    store: ArtifactStore, data: AnyTask, student: str, report: Mapping[str, Any], model: str, target: Path
) -> None:
    """Write the rows that a student learnt from, one file a part, and a card that ``datasets.load_dataset`` reads.

    Args:
        store: Artifacts.
        data: The task.
        student: Digest of the fit on all gold of the student that was taught.
        report: The job's report.
        model: ``namespace/name`` of the model.
        target: An empty folder.
    """
    taught = (row for row in _rows(store, student, LESSONS) if row["origin"] == Origin.POOL)
    judged = (
        row for one in report["generators"] if one["artifact"] for row in _judged(store, one["artifact"])
    )
    parts: Mapping[str, Iterable[Mapping[str, Any]]] = {
        "gold": map(_gold, data.gold),
        "taught": taught,
        "generated": judged,
    }
    counts = {name: _write(target / f"{name}.jsonl", rows) for name, rows in parts.items()}
    kept = {name: count for name, count in counts.items() if count}
    for name in counts.keys() - kept.keys():
        (target / f"{name}.jsonl").unlink()
    (target / "README.md").write_text(_card(data, kept, model), "utf-8")


def _gold(row: Any) -> dict[str, Any]:
    if isinstance(row, Example):
        return {"text": row.text, "labels": list(row.labels), "origin": row.origin.value}
    value: dict[str, Any] = row.to_json()
    return value


def _rows(store: ArtifactStore, artifact: str, name: str) -> Iterator[dict[str, Any]]:
    path = store.path(artifact) / name
    if path.is_file():
        with path.open(encoding="utf-8") as lines:
            yield from map(json.loads, lines)


def _judged(store: ArtifactStore, artifact: str) -> Iterator[dict[str, Any]]:
    try:
        for row in _rows(store, artifact, "judged.jsonl"):
            scores = [{"name": name, "score": score} for name, score in row.pop("scores").items()]
            yield {**row, "scores": scores}
    except NotFound:  # of an earlier attempt, and cleaned meanwhile
        return


def _write(path: Path, rows: Iterable[Mapping[str, Any]]) -> int:
    count = 0
    with path.open("w", encoding="utf-8") as handle:
        for row in rows:
            handle.write(json.dumps(row, ensure_ascii=False) + "\n")
            count += 1
    return count


def _card(data: AnyTask, counts: Mapping[str, int], model: str) -> str:
    spec = data.spec
    front = {
        "task_categories": [_CATEGORIES[spec.type]],
        "language": [spec.language] if spec.language else [],
        "tags": ["gts"],
        "configs": [{"config_name": name, "data_files": f"{name}.jsonl"} for name in counts],
    }
    labels = f"\n\nLabels: {', '.join(data.labels)}" if isinstance(data, TaskData) else ""
    return "\n".join(
        [
            f"---\n{yaml.safe_dump(front, allow_unicode=True, sort_keys=False)}---",
            f"# What {model} learnt from{labels}",
            "",
            *_table([(name, f"{count:,}", _PARTS[name]) for name, count in counts.items()]),
            "",
        ]
    )


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    head = ("part", "rows", "what it is")
    return [f"| {' | '.join(row)} |" for row in (head, ("---",) * len(head), *rows)]
