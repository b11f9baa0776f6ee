"""The generator of texts with marks that needs no weights: the user's own, with other mentions or joined to each other."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice

from gts.generator.chance import seeded
from gts.generator.deck import Deck
from gts.generator.marked import Gold, MarkedText, MarkedTexts, check_requests, is_wanted
from gts.generator.mentions import Mentions
from gts.generator.protocol import Request
from gts.generator.templates import Templates
from gts.tasks.text import same_text_key

# Tries in vain, on end, after which a request is given up: there are too few mentions, or the texts share too little.
_PATIENCE = 40
# Ways to join one text to others that are tried before its mentions are replaced instead.
_MAX_JOINS = 16


class MarkedEmbeddedGenerator:
    """Replaces mentions and joins texts by turns; see :mod:`gts.generator.mentions` and :mod:`gts.generator.templates`.

    Offsets are right by construction: marks move with their words. A request may end short where there is too little to vary.

    Example:
        >>> from gts.tasks.structures import Span, Structure
        >>> gold = [("Ada wrote", Structure((Span(0, 3, "person"),))), ("then Charles slept", Structure((Span(5, 12, "person"),)))]
        >>> made = MarkedEmbeddedGenerator().generate(gold, [], [Request("person", 5)], seed=0)
        >>> sorted((text.text, text.structure.entities[0].of(text.text)) for text in made.texts)
        [('Charles wrote', 'Charles'), ('then Ada slept', 'Ada')]
    """

    @property
    def name(self) -> str:
        """``embedded``."""
        return "embedded"

    def generate(
        self, gold: Sequence[Gold], pool: Sequence[str], requests: Sequence[Request], seed: int
    ) -> MarkedTexts:
        """See :meth:`gts.generator.marked.MarkedGenerator.generate`; the pool has no marks and is not used but for copies."""
        check_requests(requests, gold)
        mentions, templates = Mentions(gold), Templates(gold)
        taken = {same_text_key(text) for text in (*(text for text, _ in gold), *pool)}
        counts: Counter[str] = Counter()
        asked: Counter[tuple[str, ...]] = Counter()
        made: list[MarkedText] = []
        for request in requests:
            # The texts of a request do not depend on the other requests but for copies.
            draw = repr((seed, request.labels, asked[request.labels]))
            asked[request.labels] += 1
            rng = seeded(draw)
            seeds = Deck([i for i, (_, found) in enumerate(gold) if is_wanted(found, request)], rng)
            own = failed = 0
            while own < request.count and failed < _PATIENCE and (first := seeds.one()) is not None:
                failed += 1
                for text in self._ways(gold, first, mentions, templates, rng):
                    key = same_text_key(text.text)
                    if key in taken:
                        counts["copy"] += 1
                    elif not is_wanted(text.structure, request):
                        counts["not wanted"] += 1
                    else:
                        taken.add(key)
                        made.append(text)
                        own, failed = own + 1, 0
                        break
        return MarkedTexts(tuple(made), dict(counts))

    def _ways(
        self, gold: Sequence[Gold], first: int, mentions: Mentions, templates: Templates, rng: random.Random
    ) -> Iterator[MarkedText]:
        """A new text made in one way, then, should it not do, in the other."""
        text, structure = gold[first]
        is_join = rng.random() < 0.5
        for joins in (is_join, not is_join):
            if joins:
                for joined, found, second in islice(templates.joined(first, rng), _MAX_JOINS):
                    yield MarkedText(joined, found, self.name, "recombined", (text, gold[second][0]))
            elif (replaced := mentions.replaced(text, structure, rng)) is not None:
                yield MarkedText(*replaced, self.name, "mentions", (text,))
