"""Growing a text along the user's texts, changing from one to another where both share the last words."""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gts.generator.corpus import END, Corpus

# Sense wears thin with every seam: one for a short text, at most three, one more per so many tokens.
_MAX_SEAMS = 3
_TOKENS_PER_SEAM = 15
# So many places to change over to are looked at; a common context has thousands.
_MAX_PLACES = 64


@dataclass(frozen=True, slots=True)
class Draft:
    """A text under way, in token ids.

    Attributes:
        tokens: The tokens, without START and END.
        texts: Index of each source text, in the order of use.
        longest_span: Most tokens in a row that stand in one source as they are, shared contexts included.
    """

    tokens: tuple[int, ...]
    texts: tuple[int, ...]
    longest_span: int

    @property
    def novelty(self) -> float:
        """Share of the text outside its longest span from one source."""
        return 1.0 - min(self.longest_span / max(len(self.tokens), 1), 1.0)


class Seams:
    """Finds and takes the places where one text can change over to another.

    Args:
        corpus: The user's texts.

    Attributes:
        least_contexts: Tokens two texts should share before a seam, then what small data must make do with.
    """

    def __init__(self, corpus: Corpus) -> None:
        # Plain lists: reading single items of numpy arrays would take most of the time.
        self._tokens: list[int] = corpus.tokens.tolist()
        self._text_of: list[int] = corpus.text_of.tolist()
        self._first: list[int] = corpus.first.tolist()
        self._last: list[int] = corpus.last.tolist()
        self._at: list[list[int]] = [grams.at.tolist() for grams in corpus.grams]
        self._positions: list[list[int]] = [grams.positions.tolist() for grams in corpus.grams]
        self._starts: list[list[int]] = [grams.starts.tolist() for grams in corpus.grams]
        # The start of text is a context too, but one that every text shares: no seam there.
        self._max_context = max(len(corpus.grams) - 1, 1)
        self._min_span = 5 if corpus.unspaced else 3
        self.least_contexts = (3, 2, 1) if corpus.unspaced else (2, 1)

    def grow(
        self, start: int, weights: list[float], length: tuple[int, int], min_context: int, rng: random.Random
    ) -> Draft:
        """Grow one text.

        Args:
            start: The text whose beginning is kept.
            weights: How gladly each text is changed over to [n_texts]; 0 for never.
            length: Least and most tokens wanted; kept by choosing places from which the rest fits.
            min_context: Least tokens two texts must share before a seam.
            rng: Source of chance.
        """
        # Seams early and late, in short texts and long ones.
        hazard = rng.uniform(0.05, 0.6)
        position = self._first[start]
        tokens: list[int] = []
        used = [start]
        seams: list[tuple[int, int]] = []  # (tokens before the seam, shared context)
        context = since = 0
        while True:
            room = len(seams) < min(1 + len(tokens) // _TOKENS_PER_SEAM, _MAX_SEAMS)
            if room and since >= self._min_span and rng.random() < hazard:
                jump = self._jump(position, context, len(tokens), used, weights, length, min_context, rng)
                if jump is not None:
                    position, context = jump
                    seams.append((len(tokens), context))
                    used.append(self._text_of[position])
                    since = 0
            position += 1
            token = self._tokens[position]
            if token == END:
                return Draft(tuple(tokens), tuple(used), _longest_span(len(tokens), seams))
            tokens.append(token)
            context = min(context + 1, self._max_context)
            since += 1

    def _jump(
        self,
        position: int,
        context: int,
        n_tokens: int,
        used: list[int],
        weights: list[float],
        length: tuple[int, int],
        min_context: int,
        rng: random.Random,
    ) -> tuple[int, int] | None:
        following = self._tokens[position + 1]
        for k in range(context, min_context - 1, -1):
            gram = self._at[k - 1][position]
            begin, end = self._starts[k - 1][gram], self._starts[k - 1][gram + 1]
            if end - begin < 2:
                continue
            places = self._positions[k - 1][begin:end]
            if len(places) > _MAX_PLACES:
                places = rng.sample(places, _MAX_PLACES)
            worths = []
            for place in places:
                text = self._text_of[place]
                total = n_tokens + self._last[text] - place - 1
                fits = (
                    length[0] <= total <= length[1]
                    and text not in used
                    and self._tokens[place + 1] != following
                )
                worths.append(weights[text] if fits else 0.0)
            if sum(worths) > 0:
                return rng.choices(places, worths)[0], k
        return None


def _longest_span(n_tokens: int, seams: list[tuple[int, int]]) -> int:
    starts = [0, *(at - shared for at, shared in seams)]
    ends = [*(at for at, _ in seams), n_tokens]
    return max(end - start for start, end in zip(starts, ends, strict=True))


def seed_order(weights: NDArray[np.float64], rng: random.Random) -> list[int]:
    """Texts in weighted random order without repetition; texts of weight 0 are left out.

    Efraimidis and Spirakis (2006, "Weighted random sampling with a reservoir").
    """
    drawn = [
        (np.log(1.0 - rng.random()) / weight, i) for i, weight in enumerate(weights.tolist()) if weight > 1e-9
    ]
    return [i for _, i in sorted(drawn, reverse=True)]
