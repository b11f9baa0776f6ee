"""The generator that searches: Monte-Carlo tree search over a local model's tokens for sentences like one of the user's texts.

The model reads a few texts of a label, one a line, and writes a new line. Each line it finishes is worth the weighted mean of its
likeness to the seed text and its agreement with the label, both in the teacher's space, its fluency under the model, and its novelty
against the user's texts; the tree (:mod:`gts.generator.tree`) leads the model back to the beginnings that were worth most.

With a model of 2.5 million parameters plain sampling, which is ``breadth`` no less than ``simulations``, found better sentences
with as many tokens (benchmarks/results/mcts.json); nobody has measured a large one yet.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from gts.core.errors import InvalidInput
from gts.core.llm.tokens import Prefix, Sampling, TokenModel
from gts.generator.affinity import label_weights
from gts.generator.checks import Embed, spread
from gts.generator.protocol import GeneratedText, PoolWeights, Request
from gts.generator.shingles import shingles
from gts.generator.tree import Play, TreeOptions, search
from gts.generator.worth import PARTS, Judge, KnownTexts, fluency_of, judge_near, worth
from gts.tasks.dataset import Example

Floats = NDArray[np.floating]
# So many pool texts are embedded as neighbours, and so many are looked at for copies.
_MOST_NEIGHBOURS, _MOST_KNOWN = 1000, 20_000
# From this share of common pieces on, two results say the same.
_SAME = 0.5
# Seeds without a result, on end, after which a request is given up.
_PATIENCE = 8


class PromptForm(StrEnum):
    """What the model reads before it writes."""

    LINES = "lines"
    """The texts, one a line: for models that only continue text."""
    LIST = "list"
    """The same as a list under the label's name: for models that know what the name means."""


@dataclass(frozen=True, slots=True)
class MCTSConfig:
    """How the generator searches.

    Attributes:
        simulations: Sentences written for each seed text.
        breadth: Children of a node, times the root of the sentences that went through it; see :class:`gts.generator.tree.TreeOptions`.
        chunk: Tokens an edge of the tree.
        batch: Sentences written together.
        exploration: UCT's constant. Values of sentences from one prompt lie near each other, hence so small.
        per_seed: Most texts taken from one search.
        max_tokens: Longest sentence; one that is not at its end by then is worth nothing.
        temperature: Above 1 flattens the model's distribution, below 1 sharpens it.
        top_k: Only so many of the likeliest tokens are drawn from.
        top_p: Of those, the fewest that hold this share of the probability.
        shown: Texts in the prompt, the seed text among them.
        prompt: How they are shown.
        similarity_weight: Weight of the likeness to the seed text.
        agreement_weight: Weight of the agreement with the label.
        fluency_weight: Weight of the fluency.
        novelty_weight: Weight of the novelty.
        min_novelty: Least novelty; a sentence below is a copy, and worth nothing.

    Raises:
        InvalidInput: A value is out of range.
    """

    simulations: int = 64
    breadth: int = 1
    chunk: int = 12
    batch: int = 8
    exploration: float = 0.1
    per_seed: int = 2
    max_tokens: int = 96
    temperature: float = 1.0
    top_k: int = 50
    top_p: float = 0.95
    shown: int = 4
    prompt: str = PromptForm.LINES
    similarity_weight: float = 1.0
    agreement_weight: float = 1.0
    fluency_weight: float = 1.0
    novelty_weight: float = 1.0
    min_novelty: float = 0.2

    def __post_init__(self) -> None:
        ranges = {
            "simulations": (1, 100_000),
            "breadth": (1, 100_000),
            "chunk": (1, 1000),
            "batch": (1, 1000),
            "exploration": (0.0, 100.0),
            "per_seed": (1, 1000),
            "max_tokens": (1, 10_000),
            "shown": (1, 100),
            **{f"{part}_weight": (0.0, 100.0) for part in PARTS},
            "min_novelty": (0.0, 1.0),
        }
        for name, (low, high) in ranges.items():
            value = getattr(self, name)
            numeric = isinstance(value, int | float if isinstance(low, float) else int)
            if not numeric or not low <= value <= high:
                raise InvalidInput(
                    f"{name} is {value!r}; expected {low} to {high}", mend="change the generator's options"
                )
        if not sum(self.weights.values()):
            raise InvalidInput("all parts of the value weigh nothing", mend="give one of them a weight")
        if self.prompt not in list(PromptForm):
            raise InvalidInput(
                f"prompt is {self.prompt!r}; expected {' or '.join(PromptForm)}",
                mend="change the generator's options",
            )
        Sampling(self.temperature, self.top_k, self.top_p)

    @property
    def weights(self) -> dict[str, float]:
        """The weight of each part of the value."""
        return {part: float(getattr(self, f"{part}_weight")) for part in PARTS}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A finished sentence that a search came upon.

    Attributes:
        text: The sentence.
        scores: Its ``value`` and the parts of it.
        evaluated: Tokens the model had computed for this search up to its end, a batch taken sentence by sentence.
    """

    text: str
    scores: Mapping[str, float]
    evaluated: int


@dataclass(frozen=True)
class MCTSGenerator:
    """Searches a local model's sentences for those most like the user's; see the module's text.

    Args:
        name: Its name in every text's provenance.
        model: Writes the sentences.
        embed: Texts to unit vectors [n, d]: the teacher's space.
        config: How it searches.

    Raises:
        InvalidInput: A sentence of ``max_tokens`` leaves the model no room for a prompt.
    """

    name: str
    model: TokenModel
    embed: Embed
    config: MCTSConfig = MCTSConfig()

    def __post_init__(self) -> None:
        if self.config.max_tokens >= self.model.context:
            raise InvalidInput(
                f"max_tokens is {self.config.max_tokens}; the model holds {self.model.context} tokens with the prompt",
                mend="choose shorter sentences or a model with a longer context",
            )

    def generate(
        self,
        gold: Sequence[Example],
        pool: Sequence[str],
        requests: Sequence[Request],
        seed: int,
        pool_weights: PoolWeights | None = None,
    ) -> Iterator[GeneratedText]:
        """See :meth:`gts.generator.protocol.Generator.generate`."""
        if pool_weights is not None and len(pool_weights.values) != len(pool):
            raise InvalidInput(
                f"pool weights were given for {len(pool_weights.values)} texts; the pool has {len(pool)}",
                mend="give one row per pool text",
            )
        if not gold and pool_weights is None:
            raise InvalidInput(
                "there is no labelled text to begin with",
                mend="give labelled examples, or a pool with weights",
            )
        near = [] if pool_weights is None else spread(range(len(pool)), _MOST_NEIGHBOURS)
        if pool_weights is not None:
            pool_weights = PoolWeights(pool_weights.labels, pool_weights.values[near])
        belonging = [label_weights(request.labels, gold, pool_weights, None) for request in requests]
        sources = [*(example.text for example in gold), *(pool[i] for i in near)]
        known = list(dict.fromkeys((*sources, *spread(pool, _MOST_KNOWN))))
        return self._generate(sources, known, len(gold), requests, belonging, seed)

    def _generate(
        self,
        sources: Sequence[str],
        known: Sequence[str],
        n_gold: int,
        requests: Sequence[Request],
        belonging: Sequence[Floats],
        seed: int,
    ) -> Iterator[GeneratedText]:
        known_texts = KnownTexts(known)
        vectors = self.embed(sources)
        for number, (request, belongs) in enumerate(zip(requests, belonging, strict=True)):
            rng = np.random.default_rng([seed % 2**63, number])
            taken: list[frozenset[str]] = []
            idle = 0
            for shown in _turns(belongs, n_gold, self.config.shown, rng):
                wanted = min(self.config.per_seed, request.count - len(taken))
                if wanted <= 0 or idle >= _PATIENCE:
                    break
                texts = _fitting(self.model, request.labels, [sources[i] for i in shown], self.config)
                judge = judge_near(self.embed, vectors[shown[0]], vectors, belongs)
                found = explore(
                    self.model,
                    request.labels,
                    texts,
                    judge,
                    known_texts,
                    self.config,
                    int(rng.integers(2**63)),
                )
                chosen = best_distinct(found, wanted, taken)
                idle = 0 if chosen else idle + 1
                for candidate in chosen:
                    yield GeneratedText(
                        candidate.text, request.labels, self.name, tuple(texts), candidate.scores
                    )


def explore(
    model: TokenModel,
    labels: Sequence[str],
    shown: Sequence[str],
    judge: Judge,
    known: KnownTexts,
    config: MCTSConfig,
    seed: int,
) -> list[Candidate]:
    """Search for sentences like one text.

    Args:
        model: Writes them.
        labels: The labels, for the prompt's heading.
        shown: Texts in the prompt, the seed text first; of more than fit beside a sentence the end is read.
        judge: Likeness to the seed text and agreement with the labels.
        known: What must not be copied.
        config: How to search.
        seed: Of the random numbers.

    Returns:
        Every finished sentence that is no copy, once, in the order found.
    """
    began = model.evaluated
    rng = np.random.default_rng(seed)
    room_for_prompt = model.context - config.max_tokens
    prompt = model.read(_prompt(model, labels, shown, config)[-room_for_prompt:])
    written = len(prompt.tokens)
    usual = float(np.mean(prompt.log_probs)) if prompt.log_probs else 0.0
    sampling = Sampling(config.temperature, config.top_k, config.top_p)
    candidates: dict[str, Candidate] = {}

    def play(prefixes: Sequence[Prefix]) -> list[Play[Prefix]]:
        room = [config.max_tokens - (len(prefix.tokens) - written) for prefix in prefixes]
        seeds = [int(value) for value in rng.integers(2**63, size=len(prefixes))]
        before = model.evaluated - began
        lines = model.write(prefixes, room, config.chunk, sampling, seeds)
        spent = before + np.cumsum([len(line.tokens) for line in lines])
        texts = [
            _text(model, prefix.tokens[written:] + line.tokens) if line.is_finished else ""
            for prefix, line in zip(prefixes, lines, strict=True)
        ]
        fluency = [
            fluency_of(float(np.mean((*prefix.log_probs[written - 1 :], *line.log_probs))) - usual)
            for prefix, line in zip(prefixes, lines, strict=True)
        ]
        scores = worth(texts, fluency, judge, known, config.weights, config.min_novelty)
        for text, score, evaluated in zip(texts, scores, spent, strict=True):
            if score["value"] > 0:
                candidates.setdefault(text, Candidate(text, score, int(evaluated)))
        return [
            Play(line.tokens[: config.chunk], line.after if left > config.chunk else None, score["value"])
            for line, left, score in zip(lines, room, scores, strict=True)
        ]

    search(prompt, play, TreeOptions(config.simulations, config.breadth, config.batch, config.exploration))
    return list(candidates.values())


def best_distinct(
    candidates: Sequence[Candidate], count: int, taken: list[frozenset[str]]
) -> list[Candidate]:
    """The best candidates that say something else than each other and than what was taken before, best first.

    Args:
        candidates: To choose from.
        count: Most to take.
        taken: Pieces of the texts taken before; those of the chosen are added.
    """
    chosen: list[Candidate] = []
    for candidate in sorted(candidates, key=lambda one: -one.scores["value"]):
        if len(chosen) == count:
            break
        pieces = shingles(candidate.text)
        if all(len(pieces & other) < _SAME * len(pieces | other) for other in taken):
            taken.append(pieces)
            chosen.append(candidate)
    return chosen


def _turns(belongs: Floats, n_gold: int, shown: int, rng: np.random.Generator) -> Iterator[list[int]]:
    """Texts for each prompt, the seed text first, without end; each is the seed in its turn, gold texts before the pool's."""
    fit = np.flatnonzero(belongs >= 0.5 * belongs.max())
    while True:
        order = [int(i) for part in (fit[fit < n_gold], fit[fit >= n_gold]) for i in rng.permutation(part)]
        for place in range(len(order)):
            yield [order[(place + step) % len(order)] for step in range(min(shown, len(order)))]


def _fitting(model: TokenModel, labels: Sequence[str], shown: Sequence[str], config: MCTSConfig) -> list[str]:
    """As many of the texts as leave room for a sentence, at least the first."""
    fit = list(shown)
    while len(fit) > 1 and len(_prompt(model, labels, fit, config)) > model.context - config.max_tokens:
        fit.pop()
    return fit


def _prompt(
    model: TokenModel, labels: Sequence[str], shown: Sequence[str], config: MCTSConfig
) -> tuple[int, ...]:
    """The texts as the model reads them; the seed text stands last, where it is heeded most."""
    lines = [" ".join(text.split()) for text in reversed(shown)]
    if config.prompt == PromptForm.LIST:
        listed = "".join(f"- {line}\n" for line in lines)
        return model.encode(f"{', '.join(labels) or 'Examples'}:\n{listed}-")
    return model.encode("".join(f"{line}\n" for line in lines))


def _text(model: TokenModel, tokens: Sequence[int]) -> str:
    return model.decode(tokens).partition("\n")[0].strip()
