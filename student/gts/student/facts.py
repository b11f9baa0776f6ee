"""What a loaded student of any task type tells of itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gts.student.layout import HEAD, TOKENIZER, WEIGHTS, StudentManifest, count_parameters
from gts.student.onnx_runtime import FILES, Variant


def facts_of(
    folder: Path,
    manifest: StudentManifest,
    variant: Variant,
    threads: int,
    files: Sequence[str] | None = None,
    **own: Any,
) -> dict[str, Any]:
    """Facts about a student as JSON values.

    Args:
        folder: The student folder.
        manifest: Its ``gts.json``.
        variant: Which of its files it reads texts with.
        threads: Cores it may use.
        files: The files that serving it reads, so far as it has them; default: those of a token table or of a
            transformer.
        own: What only students of its task type have.

    Returns:
        The facts; ``bytes`` counts the files that serving it reads.

    Raises:
        NotFound: There are no weights.
        StorageError: A file is damaged.
    """
    model = WEIGHTS if manifest.tier == "static" else FILES[variant]
    served = [folder / name for name in files or (model, HEAD, TOKENIZER)]
    return {
        "name": manifest.task.name,
        "type": manifest.task.type,
        "language": manifest.task.language,
        **own,
        "tier": manifest.tier,
        "variant": variant,
        "threads": threads,
        "max_length": manifest.max_length,
        "base_model": manifest.base_model,
        "licence": manifest.licence,
        "metrics": manifest.metrics,
        "created_at": manifest.created_at.isoformat(),
        "gts_version": manifest.gts_version,
        "parameters": count_parameters(folder),
        "bytes": sum(path.stat().st_size for path in served if path.is_file()),
    }
