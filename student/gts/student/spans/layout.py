"""The files of a span student, and ``spans.json``, which says how its scores are made and read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gts.core.errors import Damaged, NotFound
from gts.student.spans.labels import Labels

FORMAT: Final = 1
LAYOUT_FILE = "spans.json"
WEIGHTS_FILE = "model.safetensors"

_AGAIN = "download or produce the student again"


@dataclass(frozen=True, slots=True)
class SpanLayout:
    """What is known of a span student beside its weights and its tokenizer.

    Attributes:
        labels: What its scores are of.
        length: Most tokens of a window, special ones included.
        overlap: Tokens that neighbouring windows share.
        width: Longest span, in tokens.
        nested: Pairs of span labels that may overlap, smaller first; any others keep apart.
        trunk: What its trunk is built from (:func:`gts.student.spans.trunk.new_trunk`).
    """

    labels: Labels
    length: int
    overlap: int
    width: int
    nested: frozenset[tuple[int, int]]
    trunk: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """A JSON object with the attributes as keys, and ``format``."""
        return {
            "format": FORMAT,
            "labels": self.labels.to_json(),
            "length": self.length,
            "overlap": self.overlap,
            "width": self.width,
            "nested": sorted(map(list, self.nested)),
            "trunk": dict(self.trunk),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> SpanLayout:
        """What :meth:`to_json` wrote."""
        return cls(
            labels=Labels.from_json(value["labels"]),
            length=value["length"],
            overlap=value["overlap"],
            width=value["width"],
            nested=frozenset((one, other) for one, other in value["nested"]),
            trunk=value["trunk"],
        )


def write_layout(folder: Path, layout: SpanLayout) -> None:
    """Write ``spans.json``."""
    text = json.dumps(layout.to_json(), ensure_ascii=False, indent=1)
    (folder / LAYOUT_FILE).write_text(text + "\n", "utf-8")


def read_layout(folder: Path) -> SpanLayout:
    """Read ``spans.json``.

    Raises:
        NotFound: The folder holds none.
        StorageError: It is damaged, or of a format this version does not read.
    """
    path = folder / LAYOUT_FILE
    try:
        value = json.loads(path.read_text("utf-8"))
        found = value["format"]
        if found == FORMAT:
            return SpanLayout.from_json(value)
    except FileNotFoundError as error:
        raise NotFound(
            f"{folder} holds no {LAYOUT_FILE}", mend="name the folder of a span student"
        ) from error
    except (KeyError, TypeError, ValueError) as error:  # ValueError: not UTF-8, or not JSON
        raise Damaged(f"{path} is damaged: {error!r}", mend=_AGAIN, path=str(path)) from error
    raise Damaged(f"{path} has format {found!r}, this version reads {FORMAT}", mend=_AGAIN, path=str(path))
