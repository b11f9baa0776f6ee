"""MLflow's model format: any student as ``python_function``, transformer classifiers as ``transformers`` too; no pickle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gts.core.errors import InvalidInput, MissingDependency
from gts.student.layout import MANIFEST, read_manifest
from gts.student.opening import AnyStudent, open_student

if TYPE_CHECKING:
    import pandas


def save_mlflow(student: Path, out: Path, flavor: str = "python_function") -> None:
    """Write a student so that MLflow loads it.

    Args:
        student: A student folder.
        out: A folder that does not exist yet.
        flavor: ``python_function`` (``mlflow.pyfunc.load_model``; needs gts where it is loaded, and no torch) or ``transformers``
            (``mlflow.transformers.load_model``; needs torch and transformers, not gts).

    Raises:
        MissingDependency: MLflow is not installed.
        InvalidInput: The flavor is unknown, or the student is none of transformers' own.
    """
    manifest = read_manifest(student)
    metadata = {"gts_task": manifest.task.name, "gts_type": manifest.task.type, "gts_tier": manifest.tier}
    try:
        import mlflow.pyfunc
    except ImportError as error:
        raise MissingDependency("MLflow's format needs mlflow", mend='pip install "gts[mlflow]"') from error
    if flavor == "python_function":
        mlflow.pyfunc.save_model(
            str(out),
            loader_module=__name__,
            data_path=str(student),
            metadata=metadata,
            pip_requirements=["gts"],
        )
    elif flavor == "transformers":
        _save_transformers(student, out, metadata)
    else:
        raise InvalidInput(
            f"{flavor!r} is no flavor that students have", mend="python_function or transformers"
        )


def _save_transformers(student: Path, out: Path, metadata: Mapping[str, str]) -> None:
    manifest = read_manifest(student)
    if manifest.task.type != "classification" or manifest.tier == "static":
        raise InvalidInput(
            f"a {manifest.tier} student of type {manifest.task.type} is no model of transformers",
            mend="take the flavor python_function, which every student has",
        )
    import mlflow.transformers
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    parts = {
        "model": AutoModelForSequenceClassification.from_pretrained(student, local_files_only=True),
        "tokenizer": AutoTokenizer.from_pretrained(student, local_files_only=True),
    }
    mlflow.transformers.save_model(
        parts,
        str(out),
        task="text-classification",
        metadata=dict(metadata),
        pip_requirements=["torch", "transformers"],
    )


def student_in(folder: Path) -> Path | None:
    """The student folder inside a folder that :func:`save_mlflow` wrote as ``python_function``; ``None`` if there is none."""
    if not (folder / "MLmodel").is_file():
        return None
    return next((path.parent for path in sorted(folder.glob(f"data/*/{MANIFEST}"))), None)


class _Served:
    """What MLflow calls."""

    def __init__(self, student: AnyStudent) -> None:
        self._student = student

    def predict(
        self, model_input: pandas.DataFrame | Sequence[Any], params: Mapping[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        """What the student says of each row: of texts, or of columns named as in the task."""
        return self._student.answer(_rows(model_input))


def _rows(asked: pandas.DataFrame | Sequence[Any]) -> list[Mapping[str, Any]]:
    rows = asked.to_dict("records") if hasattr(asked, "to_dict") else list(asked)
    out: list[Mapping[str, Any]] = []
    for row in rows:
        if isinstance(row, str):
            out.append({"text": row})
        elif len(row) == 1 and isinstance(value := next(iter(row.values())), str):
            out.append({"text": value})
        else:
            out.append({str(key): value for key, value in row.items()})
    return out


def _load_pyfunc(path: str) -> _Served:
    """What MLflow's ``python_function`` flavor calls to load the student."""
    return _Served(open_student(Path(path)))
