"""What goes between those who ask and those who answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gts.student.layout import StudentManifest

Rows = Sequence[Mapping[str, Any]]
Answers = list[dict[str, Any]]


@dataclass(frozen=True)
class Served:
    """A revision of a model that can be asked.

    Attributes:
        model: ``namespace/name``.
        commit: Its commit.
        manifest: What its student is.
    """

    model: str
    commit: str
    manifest: StudentManifest
