"""The span student's network: a trunk, scores of spans, and scores of links between spans.

The heads are plain operations on the trunk's vectors, so that all of it can be exported.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from gts.student.spans.tokens import TRAITS

NEAR = 16
"""Links tell distances of up to this many tokens apart."""


PRIOR = -6.0
"""Logit of a span before training: hardly any is one."""


class SpanNet(nn.Module):
    """A trunk with a head for spans and one for links.

    A span from token i to token j of type c scores ``start_c[i] + end_c[j] + q[i] . k[j]``, the product being shared
    by all types, as in the efficient form of GlobalPointer (Su et al., Global Pointer: Novel Efficient Span-based
    Approach for Named Entity Recognition, 2022); beside that the mean of ``inside_c`` over its tokens, and a bias for
    its width instead of rotated positions.

    Args:
        trunk: See :class:`gts.student.spans.trunk.Trunk`; a torch module.
        spans: Number of span labels.
        links: Number of link labels.
        width: Longest span, in tokens.
        rank: Width of queries and keys.
        hidden: Width of the layer that scores links.
        dropout: Share of the trunk's outputs that is dropped in training.
    """

    def __init__(
        self,
        trunk: Any,
        spans: int,
        links: int,
        width: int,
        rank: int = 32,
        hidden: int = 128,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.trunk = trunk
        self.width = width
        self.labels = (spans, links)
        self.dropout = nn.Dropout(dropout)
        self.traits = nn.Embedding(TRAITS, trunk.width)
        nn.init.zeros_(self.traits.weight)
        if spans:
            self.span_head = SpanHead(trunk.width, spans, width, rank)
        if links:
            self.link_head = LinkHead(trunk.width, links, hidden, dropout)

    def read(self, ids: torch.Tensor, mask: torch.Tensor, traits: torch.Tensor) -> torch.Tensor:
        """Vectors of tokens: int64 [texts, tokens] three times -> float32 [texts, tokens, d]."""
        vectors: torch.Tensor = self.dropout(self.trunk(ids, mask, traits).float()) + self.traits(traits)
        return vectors

    def spans(self, vectors: torch.Tensor) -> torch.Tensor:
        """Logits of all spans [texts, first token, tokens beyond it, labels]; whatever where a span leaves the text."""
        scores: torch.Tensor = self.span_head(vectors)
        return scores

    def links(self, vectors: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        """Logits of links between spans.

        Args:
            vectors: What :meth:`read` gives.
            places: First and last token of some spans of each text, int64 [texts, spans, 2].

        Returns:
            float32 [texts, heads, tails, labels].
        """
        scores: torch.Tensor = self.link_head(vectors, places)
        return scores


class SpanHead(nn.Module):
    """Scores of spans; see :class:`SpanNet`."""

    def __init__(self, d: int, labels: int, width: int, rank: int) -> None:
        super().__init__()
        self.width = width
        self.labels = labels
        self.rank = rank
        self.ends = nn.Linear(d, 3 * labels)
        self.pair = nn.Linear(d, 2 * rank)
        self.lengths = nn.Parameter(torch.zeros(width, labels))
        nn.init.normal_(self.ends.weight, std=0.02)
        nn.init.zeros_(self.ends.bias)
        with torch.no_grad():
            self.ends.bias[:labels] = PRIOR

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        """Logits [texts, tokens, width, labels]."""
        n, tokens, _ = vectors.shape
        start, end, inside = self.ends(vectors).split(self.labels, dim=-1)
        query, key = self.pair(vectors).split(self.rank, dim=-1)
        beyond = torch.arange(self.width, device=vectors.device)
        # Spans that would leave the text read its last token; nobody looks at their scores.
        last = (torch.arange(tokens, device=vectors.device)[:, None] + beyond).clamp(max=tokens - 1)
        flat = last.reshape(-1)
        totals = torch.cumsum(inside, dim=1)
        sums = totals[:, flat].reshape(n, tokens, self.width, self.labels) - (totals - inside)[:, :, None]
        mean = sums / (beyond + 1).to(vectors.dtype)[:, None]
        ending = end[:, flat].reshape(n, tokens, self.width, self.labels)
        products = torch.matmul(query, key.transpose(1, 2)) / self.rank**0.5
        product = torch.gather(products, 2, last[None].expand(n, -1, -1))
        scores: torch.Tensor = start[:, :, None] + ending + mean + product[..., None] + self.lengths
        return scores


class LinkHead(nn.Module):
    """Scores of links: one hidden layer over both spans (their ends and mean), what lies between, and the distance."""

    def __init__(self, d: int, labels: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.head = nn.Linear(3 * d, hidden)
        self.tail = nn.Linear(3 * d, hidden, bias=False)
        self.between = nn.Linear(d, hidden, bias=False)
        self.distance = nn.Embedding(2 * NEAR + 1, hidden)
        self.dropout = nn.Dropout(dropout)
        self.score = nn.Linear(hidden, labels)
        nn.init.zeros_(self.distance.weight)

    def forward(self, vectors: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        """Logits [texts, heads, tails, labels]."""
        first, last = places[..., 0], places[..., 1]
        d = vectors.shape[-1]
        totals = torch.nn.functional.pad(torch.cumsum(vectors, dim=1), (0, 0, 1, 0))

        def taken(table: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
            flat = at.reshape(at.shape[0], -1, 1).expand(-1, -1, d)
            return torch.gather(table, 1, flat).reshape(*at.shape, d)

        mean = (taken(totals, last + 1) - taken(totals, first)) / (last - first + 1)[..., None].to(
            vectors.dtype
        )
        spans = torch.cat([taken(vectors, first), taken(vectors, last), mean], dim=-1)
        # Between two spans: from the end of the earlier one to the start of the later one, if there is anything.
        begin = torch.minimum(last[:, :, None], last[:, None, :]) + 1
        stop = torch.maximum(torch.maximum(first[:, :, None], first[:, None, :]), begin)
        gap = (taken(totals, stop) - taken(totals, begin)) / (stop - begin).clamp(min=1)[..., None].to(
            vectors.dtype
        )
        far = (first[:, None, :] - first[:, :, None]).clamp(-NEAR, NEAR) + NEAR
        hidden = (
            self.head(spans)[:, :, None]
            + self.tail(spans)[:, None, :]
            + self.between(gap)
            + self.distance(far)
        )
        scores: torch.Tensor = self.score(self.dropout(torch.nn.functional.gelu(hidden)))
        return scores
