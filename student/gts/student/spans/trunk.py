"""What reads a text for the span student: tokens in, one vector a token out. Trunks are interchangeable.

This file and all that predicts from numpy stay free of torch; the trunks themselves are torch modules, each in a file
of its own that imports torch at its top and is imported only where one is opened.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, cast

from gts.core.errors import InvalidInput, NotFound

TRUNK_FILE = "trunk.json"
TOKENIZER_FILE = "tokenizer.json"

KINDS: Mapping[str, str] = {
    "bert": "gts.student.spans.bert:BertTrunk",
    "local": "gts.student.spans.local:LocalTrunk",
}
"""Kind of trunk to the class that is one, as ``module:class``."""


class Trunk(Protocol):
    """A ``torch.nn.Module`` that gives every token a vector that knows its surroundings.

    Its forward pass consists of operations that ONNX has, without control flow that depends on values. Parameters
    that are not to be trained have ``requires_grad`` off. Its tokenizer is a ``tokenizer.json`` of the ``tokenizers``
    library that stands beside it and whose offsets count code points of the raw text.

    Attributes:
        kind: Its name in :data:`KINDS`.
        width: Length of a token's vector.
        positions: Most tokens of one sequence, special ones included.
    """

    kind: str
    width: int
    positions: int

    def __call__(self, ids: Any, mask: Any, traits: Any) -> Any:
        """Vectors of tokens.

        Args:
            ids: Token ids, int64 [texts, tokens]; padded anyhow.
            mask: 1 for tokens, 0 for padding, int64 [texts, tokens].
            traits: What the raw text says of a token that its id may not, int64 [texts, tokens], below
                ``tokens.TRAITS``; 0 for special tokens and padding. A trunk may leave them unused.

        Returns:
            float32 [texts, tokens, width]; whatever at padding.
        """
        ...

    def described(self) -> dict[str, Any]:
        """What the class needs to build the same trunk with other weights, as JSON; holds ``kind``."""
        ...

    @classmethod
    def built(cls, description: Mapping[str, Any]) -> Trunk:
        """A trunk of this description whose weights are still to be filled in."""
        ...

    @classmethod
    def opened(cls, folder: Path) -> Trunk:
        """The trunk that stands in a folder, with its weights."""
        ...

    def learned(self) -> Iterable[Any]:
        """The parameters that come from pre-training; they learn at a lower rate than those that start afresh."""
        ...

    def tuning(self) -> AbstractContextManager[None]:
        """Training mode while the context lasts, evaluation mode after it."""
        ...


def open_trunk(folder: Path) -> Trunk:
    """The trunk in a folder, with its weights.

    A folder with a ``trunk.json`` holds the kind named there; any other is taken for a BERT in transformers' format.

    Raises:
        NotFound: The folder holds no tokenizer.
        InvalidInput: The kind is unknown.
    """
    if not (folder / TOKENIZER_FILE).is_file():
        raise NotFound(
            f"{folder} holds no {TOKENIZER_FILE}", mend="name the folder of a trunk or of a BERT encoder"
        )
    described = folder / TRUNK_FILE
    kind = json.loads(described.read_text("utf-8")).get("kind") if described.is_file() else "bert"
    return trunk_class(kind).opened(folder)


def new_trunk(description: Mapping[str, Any]) -> Trunk:
    """A trunk as described by :meth:`Trunk.described`, its weights still to be filled in.

    Raises:
        InvalidInput: The kind is unknown.
    """
    return trunk_class(description.get("kind")).built(description)


def trunk_class(kind: object) -> type[Trunk]:
    """The class of a kind of trunk.

    Raises:
        InvalidInput: The kind is unknown.
    """
    if not isinstance(kind, str) or kind not in KINDS:
        raise InvalidInput(
            f"trunk of kind {kind!r}, known are {', '.join(sorted(KINDS))}", mend="install a newer gts"
        )
    module, name = KINDS[kind].split(":")
    return cast("type[Trunk]", getattr(import_module(module), name))
