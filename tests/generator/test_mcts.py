"""Searched sentences are new, belong to their label, say where they come from, and get better with more search."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_causal import write_tiny_causal

from gts.core.errors import InvalidInput
from gts.core.llm.entries import ModelEntry
from gts.core.llm.tokens import Continuation, LocalTokenModel, Prefix, Sampling
from gts.generator.mcts import Candidate, MCTSConfig, MCTSGenerator, best_distinct, explore
from gts.generator.protocol import PoolWeights, Request
from gts.generator.worth import PARTS, KnownTexts, judge_near
from gts.tasks.dataset import Example

WORDS = (
    "\n",
    *("red", "fast", "car", "wheel", "road", "engine"),
    *("hot", "sweet", "soup", "bread", "oven", "salt"),
    *("the", "is", "of"),
)
GOLD = (
    Example("red fast car is red car", ("car",)),
    Example("the wheel is of fast engine road", ("car",)),
    Example("hot sweet soup is of hot oven", ("food",)),
    Example("the bread of the oven is salt", ("food",)),
)


class AnyWord:
    """Writes any word after any other; the longer the line, the likelier its end."""

    def __init__(self, context: int = 200, ends: bool = True) -> None:
        self.context, self.evaluated, self._ends = context, 0, ends
        self.prompts: list[str] = []

    def encode(self, text: str) -> tuple[int, ...]:
        return tuple(WORDS.index(word) for line in text.splitlines() for word in (*line.split(), "\n"))

    def decode(self, tokens: Sequence[int]) -> str:
        return " ".join(WORDS[token] for token in tokens)

    def read(self, tokens: Sequence[int]) -> Prefix:
        self.evaluated += len(tokens)
        self.prompts.append(self.decode(tokens))
        return Prefix(tuple(tokens), (-2.0,) * (len(tokens) - 1))

    def write(
        self,
        prefixes: Sequence[Prefix],
        most: Sequence[int],
        keep: int,
        sampling: Sampling,
        seeds: Sequence[int],
    ) -> list[Continuation]:
        return [self._line(*given, keep) for given in zip(prefixes, most, seeds, strict=True)]

    def _line(self, prefix: Prefix, most: int, seed: int, keep: int) -> Continuation:
        rng = np.random.default_rng(seed)
        tokens: list[int] = []
        length = len(prefix.tokens) - 1 - max(i for i, token in enumerate(prefix.tokens) if token == 0)
        while len(tokens) < most and (not tokens or tokens[-1]):
            ended = self._ends and rng.random() < max(0, length + len(tokens) - 3) / 10
            tokens.append(0 if ended else int(rng.integers(1, len(WORDS))))
        self.evaluated += len(tokens)
        probabilities = (-2.0,) * len(tokens)
        after = None
        if len(tokens) > keep or (len(tokens) == keep and tokens[-1]):
            after = Prefix(prefix.tokens + tuple(tokens[:keep]), prefix.log_probs + probabilities[:keep])
        return Continuation(tuple(tokens), probabilities, tokens[-1] == 0, after)


def embed(texts: Sequence[str]) -> np.ndarray:
    """Counts of words, of unit length."""
    counts = np.array([[text.split().count(word) for word in WORDS] for text in texts], float) + 1e-3
    return counts / np.linalg.norm(counts, axis=1, keepdims=True)


def generator(model: Any = None, **options: Any) -> MCTSGenerator:
    return MCTSGenerator("search", model or AnyWord(), embed, MCTSConfig(**{"chunk": 2, **options}))


def texts(made: MCTSGenerator, *requests: Request, seed: int = 0) -> list[str]:
    return [text.text for text in made.generate(GOLD, [], requests, seed)]


def test_texts_say_where_they_come_from() -> None:
    found = list(generator(shown=2).generate(GOLD, [], [Request("car", 3), Request("food", 2)], 0))

    assert [text.labels for text in found] == [("car",)] * 3 + [("food",)] * 2
    for text in found:
        same = {example.text for example in GOLD if example.labels == text.labels}
        assert text.generator == "search"
        assert set(text.seeds) == same
        assert set(text.scores) == {"value", *PARTS}
        assert all(0 <= score <= 1 for score in text.scores.values())
        assert text.scores["value"] == pytest.approx(np.mean([text.scores[part] for part in PARTS]))
        assert text.scores["similarity"] == pytest.approx(float(embed([text.text])[0] @ embed(text.seeds)[0]))
        assert text.scores["agreement"] > 0.5
    assert len({text.text for text in found}) == 5


def test_the_seed_text_stands_last_in_the_prompt_and_each_has_its_turn() -> None:
    model = AnyWord()
    found = list(generator(model, shown=2, per_seed=1).generate(GOLD, [], [Request("car", 2)], 0))

    assert {text.seeds[0] for text in found} == {GOLD[0].text, GOLD[1].text}
    for prompt, text in zip(model.prompts, found, strict=True):
        assert prompt == f"{text.seeds[1]} \n {text.seeds[0]} \n"


def test_more_simulations_find_better_texts_and_better_ones_than_sampling() -> None:
    def value(seed: int, **options: Any) -> float:
        config = MCTSConfig(**{"chunk": 2, "breadth": 2, "batch": 4, **options})
        vectors = embed([example.text for example in GOLD])
        judge = judge_near(embed, vectors[0], vectors, np.array([1.0, 1.0, 0.0, 0.0]))
        known = KnownTexts([example.text for example in GOLD])
        found = explore(AnyWord(), ("car",), [GOLD[0].text], judge, known, config, seed)
        return max(candidate.scores["value"] for candidate in found)

    few, many, sampled = (
        np.mean([value(seed, **options) for seed in range(12)])
        for options in ({"simulations": 8}, {"simulations": 200}, {"simulations": 200, "breadth": 200})
    )
    assert many > few + 0.05
    assert many > sampled + 0.01


def test_equal_arguments_give_equal_texts_and_another_seed_others() -> None:
    made = generator()
    first, again, other = (texts(made, Request("car", 4), seed=seed) for seed in (1, 1, 2))

    assert first == again
    assert first != other


def test_never_more_than_asked_for() -> None:
    assert len(texts(generator(per_seed=5), Request("car", 3))) == 3
    assert texts(generator(), Request("car", 0)) == []


def test_copies_are_no_result() -> None:
    known = KnownTexts([example.text for example in GOLD])
    assert known.novelty(GOLD[0].text) == 0
    assert known.novelty("salt salt salt salt") == 1

    found = texts(generator(min_novelty=0.9, simulations=100), Request("car", 6))

    assert found
    assert all(known.novelty(text) >= 0.9 for text in found)


def test_the_best_are_taken_that_say_something_new() -> None:
    candidates = [
        Candidate(text, {"value": value}, 0)
        for text, value in (
            ("one two three four five six", 0.9),
            ("one two three four five seven", 0.8),
            ("eight nine ten", 0.7),
            ("other words altogether", 0.95),
        )
    ]
    taken: list[frozenset[str]] = []

    assert [one.scores["value"] for one in best_distinct(candidates, 3, taken)] == [0.95, 0.9, 0.7]
    assert best_distinct(candidates, 3, taken) == []


def test_a_model_that_comes_to_no_end_gives_nothing() -> None:
    assert texts(generator(AnyWord(ends=False), max_tokens=10, simulations=8), Request("car", 5)) == []


def test_pool_texts_of_the_label_are_begun_from_and_asked_too() -> None:
    pool = ["fast road fast road engine", "sweet bread sweet salt", "the of is"]
    weights = PoolWeights(("car", "food"), np.array([[0.99, 0.01], [0.02, 0.98], [0.5, 0.5]]))

    found = list(generator(per_seed=1).generate(GOLD, pool, [Request("car", 6)], 0, weights))
    from_pool = list(generator(per_seed=1).generate([], pool, [Request("car", 1)], 0, weights))

    assert {text.seeds[0] for text in found} == {GOLD[0].text, GOLD[1].text, pool[0]}
    assert from_pool[0].seeds == (pool[0],)


def test_a_prompt_is_cut_to_what_the_model_holds() -> None:
    model = AnyWord(context=30)
    long = Example("red fast " * 40 + "engine", ("car",))

    found = list(generator(model, max_tokens=15).generate([*GOLD, long], [], [Request("car", 6)], 0))

    assert found
    assert all(len(model.encode(prompt.replace("\n", ""))) <= 16 for prompt in model.prompts)
    assert all(prompt.endswith("\n") for prompt in model.prompts)
    assert all(len(text.seeds) < 3 for text in found)  # no more than were shown
    with pytest.raises(InvalidInput, match="max_tokens is 30; the model holds 30 tokens"):
        generator(model, max_tokens=30)


@pytest.mark.parametrize(
    ("gold", "pool", "label", "weights", "message"),
    [
        (GOLD, [], "boat", None, "asked for label 'boat'; known: car, food"),
        ((), ["text"], "car", None, "there is no labelled text"),
        (
            GOLD,
            ["a", "b"],
            "car",
            PoolWeights(("car",), np.ones((1, 1))),
            "given for 1 texts; the pool has 2",
        ),
    ],
)
def test_what_cannot_be_done_is_said_at_once(
    gold: Sequence[Example], pool: list[str], label: str, weights: PoolWeights | None, message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        generator().generate(gold, pool, [Request(label, 1)], 0, weights)


@pytest.mark.parametrize(
    "wrong",
    [
        {"simulations": 0},
        {"breadth": 1.5},
        {"min_novelty": 2.0},
        {"prompt": "poem"},
        {"top_p": 0.0},
        {f"{part}_weight": 0.0 for part in PARTS},
    ],
)
def test_options_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        MCTSConfig(**wrong)


class Recording(LocalTokenModel):
    """Keeps all lines it has finished, from the first token of the prompt on."""

    written: list[tuple[int, ...]]

    def write(self, prefixes: Sequence[Prefix], *given: Any) -> list[Continuation]:
        lines = super().write(prefixes, *given)
        self.written += [
            prefix.tokens + line.tokens
            for prefix, line in zip(prefixes, lines, strict=True)
            if line.is_finished
        ]
        return lines


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    folder: Path = tmp_path_factory.mktemp("causal")
    lines = [f"{example.text}\n{other.text}\n" for example in GOLD for other in GOLD]
    write_tiny_causal(folder, lines, steps=60)
    model = Recording(ModelEntry(name="own", kind="transformers", model=str(folder)))
    model.written = []
    return model


@pytest.mark.parametrize("prompt", ["lines", "list"])
def test_a_causal_model_is_searched(tiny: Recording, prompt: str) -> None:
    made = generator(
        tiny,
        chunk=4,
        simulations=16,
        shown=1,
        max_tokens=100,
        prompt=prompt,
        min_novelty=0.1,
        temperature=0.8,
    )
    first, again = (list(made.generate(GOLD, [], [Request("food", 2)], 5)) for _ in range(2))

    assert first
    assert [text.text for text in first] == [text.text for text in again]
    assert all(text.text == text.text.strip() and "\n" not in text.text for text in first)


def test_fluency_is_how_likely_the_model_finds_the_text_beside_its_prompt(tiny: Recording) -> None:
    vectors = embed([example.text for example in GOLD])
    judge = judge_near(embed, vectors[0], vectors, np.ones(4))
    config = MCTSConfig(chunk=3, simulations=40, max_tokens=100, temperature=1.0)
    prompt = tiny.encode(f"{GOLD[0].text}\n")
    tiny.written.clear()

    found = {
        one.text: one for one in explore(tiny, ("car",), [GOLD[0].text], judge, KnownTexts([]), config, 0)
    }

    assert found
    for tokens in tiny.written:
        one = found.pop(tiny.decode(tokens[len(prompt) :]).partition("\n")[0].strip(), None)
        if one is not None:  # else the same text was found before
            log_probs = tiny.read(tokens).log_probs
            gain = np.mean(log_probs[len(prompt) - 1 :]) - np.mean(log_probs[: len(prompt) - 1])
            assert one.scores["fluency"] == pytest.approx(1 / (1 + np.exp(-gain)), abs=1e-4)
    assert not found
