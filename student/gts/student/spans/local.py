"""A small, fast trunk that needs no pre-trained transformer."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from gts.student.spans.tokens import MARKS, SHAPES
from gts.student.spans.trunk import TRUNK_FILE

TRUNK_WEIGHTS = "trunk.safetensors"
_STEP = 1_000_003  # a prime beyond any vocabulary, so that a pair of ids is one number


class LocalTrunk(nn.Module):
    """Vectors of tokens and of neighbouring pairs, and one recurrent layer that reads them both ways.

    Pairs are hashed; in unspaced scripts most words are two characters. In training some tokens are hidden,
    which keeps the rest from leaning on single words and teaches what to think of unknown ones (word dropout:
    Iyyer et al., Deep Unordered Composition Rivals Syntactic Methods for Text Classification, 2015).

    Args:
        vocabulary: Number of tokens.
        width: Length of a token's vector.
        cells: Length of the state in each direction.
        pairs: Number of vectors that pairs of tokens share; 0 for none.
        pair_width: Length of a pair's vector.
        unknown: Id of the token that stands for unknown text.
        positions: Most tokens of one sequence.
        hidden: Share of tokens that is hidden in training.
        dropout: Share of inputs and outputs of the recurrent layer that is dropped in training.
    """

    kind = "local"

    def __init__(
        self,
        vocabulary: int,
        width: int = 128,
        cells: int = 128,
        pairs: int = 16_384,
        pair_width: int = 64,
        unknown: int = 0,
        positions: int = 512,
        hidden: float = 0.2,
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        self.width = width
        self.positions = positions
        self.unknown = unknown
        self.hidden = hidden
        self._described = {
            "vocabulary": vocabulary,
            "width": width,
            "cells": cells,
            "pairs": pairs,
            "pair_width": pair_width,
            "unknown": unknown,
            "positions": positions,
            "hidden": hidden,
            "dropout": dropout,
        }
        self.tokens = nn.Embedding(vocabulary, width)
        nn.init.normal_(self.tokens.weight, std=width**-0.5)
        self.start = nn.Linear(width, width)
        self.shapes = nn.Embedding(SHAPES, width)
        self.marks = nn.Embedding(MARKS, width)
        for table in (self.shapes, self.marks):
            nn.init.zeros_(table.weight)
        self.pairs = nn.Embedding(pairs, pair_width) if pairs else None
        if self.pairs is not None:
            nn.init.zeros_(self.pairs.weight)
            self.of_pairs = nn.Linear(2 * pair_width, width, bias=False)
        self.dropout = nn.Dropout(dropout)
        self.inner = nn.LayerNorm(width)
        self.ahead = nn.GRU(width, cells, batch_first=True)
        self.back = nn.GRU(width, cells, batch_first=True)
        self.joined = nn.Linear(2 * cells, width)
        self.outer = nn.LayerNorm(width)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor, traits: torch.Tensor) -> torch.Tensor:
        """See :class:`gts.student.spans.trunk.Trunk`."""
        ids = ids * mask
        if self.training and self.hidden:
            ids = torch.where(torch.rand(ids.shape, device=ids.device) < self.hidden, self.unknown, ids)
        # Token vectors have length 1 on average, layers want elements of about 1.
        vectors = self.start(self.width**0.5 * self.tokens(ids))
        vectors = vectors + self.shapes(traits % SHAPES) + self.marks(traits // SHAPES)
        if self.pairs is not None:
            # Pair t joins token t - 1 with token t; before the first and behind the last token stands 0.
            places = functional.pad(ids, (1, 0)) * _STEP + functional.pad(ids, (0, 1))
            pairs = self.pairs(places % self.pairs.num_embeddings)
            vectors = vectors + self.of_pairs(torch.cat([pairs[:, :-1], pairs[:, 1:]], dim=-1))
        vectors = self.dropout(vectors)
        normed: torch.Tensor = self.outer(vectors + self.dropout(self._read(self.inner(vectors), mask)))
        return normed

    def _read(self, vectors: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Read both ways; the way back starts at each text's last token, so padding comes after it."""
        tokens = vectors.shape[1]
        turned = mask.sum(1, keepdim=True) - 1 - torch.arange(tokens, device=mask.device)
        turned = (turned % tokens)[..., None]

        def turn(some: torch.Tensor) -> torch.Tensor:
            return torch.gather(some, 1, turned.expand(-1, -1, some.shape[2]))

        joined: torch.Tensor = self.joined(
            torch.cat([self.ahead(vectors)[0], turn(self.back(turn(vectors))[0])], dim=-1)
        )
        return joined

    def described(self) -> dict[str, Any]:
        """See :class:`gts.student.spans.trunk.Trunk`."""
        return {"kind": self.kind, **self._described}

    @classmethod
    def built(cls, description: Mapping[str, Any]) -> LocalTrunk:
        """See :class:`gts.student.spans.trunk.Trunk`."""
        return cls(**{name: value for name, value in description.items() if name != "kind"})

    @classmethod
    def opened(cls, folder: Path) -> LocalTrunk:
        """See :class:`gts.student.spans.trunk.Trunk`."""
        from safetensors.torch import load_file

        trunk = cls.built(json.loads((folder / TRUNK_FILE).read_text("utf-8")))
        trunk.load_state_dict(load_file(folder / TRUNK_WEIGHTS))
        return trunk.eval()

    def written(self, folder: Path) -> None:
        """Write ``trunk.json`` and the weights; the tokenizer is the caller's to write."""
        from safetensors.torch import save_file

        save_file(
            {name: tensor.contiguous() for name, tensor in self.state_dict().items()}, folder / TRUNK_WEIGHTS
        )
        (folder / TRUNK_FILE).write_text(json.dumps(self.described(), indent=1) + "\n", "utf-8")

    def learned(self) -> Iterable[torch.Tensor]:
        """The token vectors: those that no lesson touches must stay near their like that are taught."""
        return (self.tokens.weight,)

    @contextmanager
    def tuning(self) -> Iterator[None]:
        """See :class:`gts.student.spans.trunk.Trunk`."""
        self.train()
        try:
            yield
        finally:
            self.eval()
