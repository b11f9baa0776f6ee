"""A BERT encoder as trunk of the span student."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import AutoModel, BertConfig, BertModel
from transformers.utils import logging

from gts.core.encoder import training
from gts.student.spans.tokens import MARKS, SHAPES

AVERAGED = 3
"""Layers whose states make a token's vector. The last of a sentence encoder serves the mean of all tokens; with those
before it F1 of 55 labelled sentences rose by 5 points (benchmarks/LOG.md)."""


class BertTrunk(nn.Module):
    """A BERT whose input embeddings also tell what the raw text looks like.

    Many encoders lower the letters, and none can know which entities were given. Both are told by two small
    tables that are added to the word embeddings and are zero before training, so that an untrained trunk is the
    encoder itself. The word embeddings stay as they are.

    Args:
        model: The encoder, without pooler.
    """

    kind = "bert"

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model
        self.width = int(model.config.hidden_size)
        self.positions = int(model.config.max_position_embeddings)
        self.shapes = nn.Embedding(SHAPES, self.width)
        self.marks = nn.Embedding(MARKS, self.width)
        for table in (self.shapes, self.marks):
            nn.init.zeros_(table.weight)
        self.model.embeddings.requires_grad_(False)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor, traits: torch.Tensor) -> torch.Tensor:
        """See :class:`gts.student.spans.trunk.Trunk`."""
        words = self.model.embeddings.word_embeddings(ids)
        words = words + self.shapes(traits % SHAPES) + self.marks(traits // SHAPES)
        states = self.model(inputs_embeds=words, attention_mask=mask, output_hidden_states=True).hidden_states
        hidden: torch.Tensor = torch.stack(states[-AVERAGED:]).mean(dim=0)
        return hidden

    def described(self) -> dict[str, Any]:
        """See :class:`gts.student.spans.trunk.Trunk`."""
        return {"kind": self.kind, "bert": self.model.config.to_diff_dict()}

    @classmethod
    def built(cls, description: Mapping[str, Any]) -> BertTrunk:
        """See :class:`gts.student.spans.trunk.Trunk`."""
        return cls(BertModel(BertConfig.from_dict(dict(description["bert"])), add_pooling_layer=False))

    @classmethod
    def opened(cls, folder: Path) -> BertTrunk:
        """See :class:`gts.student.spans.trunk.Trunk`."""
        logging.disable_progress_bar()
        model = AutoModel.from_pretrained(folder)
        model.pooler = None
        return cls(model)

    def learned(self) -> Iterable[torch.Tensor]:
        """See :class:`gts.student.spans.trunk.Trunk`."""
        parameters: Iterable[torch.Tensor] = self.model.parameters()
        return parameters

    def tuning(self) -> AbstractContextManager[None]:
        """See :class:`gts.student.spans.trunk.Trunk`."""
        return training(self.model)
