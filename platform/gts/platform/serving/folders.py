"""Where the files of a published student lie, and what is said to those who know only its name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from gts.core.errors import GTSError, InvalidInput
from gts.platform.serving.engine import split_model
from gts.student.layout import MANIFEST

if TYPE_CHECKING:
    from gts.registry.registry import Registry


@contextmanager
def student_folder(registry: Registry, root: Path, model: str, commit: str) -> Iterator[Path]:
    """The folder of a student, to open it; errors name the model instead of the folder.

    Args:
        registry: Holds the files.
        root: Where folders are kept.
        model: ``namespace/name``.
        commit: The revision.

    Raises:
        NotFound: There is no such model or revision.
        InvalidInput: It holds something else than a student.
        GTSError: What is raised while the folder is used.
    """
    folder = registry.materialize(*split_model(model), commit, root)
    if not (folder / MANIFEST).is_file():
        raise InvalidInput(
            f"{model} holds no {MANIFEST} at {commit[:10]}, so it is no student that this server could ask",
            mend="download it and load it with its own library; students are what `gts produce` makes",
        )
    try:
        yield folder
    except GTSError as error:
        raise error.naming(str(folder), f"{model}@{commit[:10]}") from error
