"""ROUGE agrees with the rouge-score package on English, counts characters in Chinese, and extracts are what they say."""

from __future__ import annotations

import json
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer

from gts.core.errors import InvalidInput
from gts.tasks.rouge import evaluate, extract, lead, oracle, rouge, row_scores, tokens
from gts.tasks.sentences import sentences

NAMES = ["rouge1", "rouge2", "rougeL"]
SCORER = RougeScorer(NAMES, use_stemmer=False)
WORD = st.sampled_from(["the", "The", "cat", "cat's", "sat", "on", "mat.", "a_b", "3.5", "--", "\n"])
ENGLISH = st.lists(WORD, max_size=25).map(" ".join)
ASCII = st.text(st.characters(max_codepoint=127), max_size=30)


@settings(max_examples=200, deadline=None)
@given(reference=ENGLISH | ASCII, summary=ENGLISH | ASCII)
def test_agreement_with_rouge_score(reference, summary):
    expected = SCORER.score(reference, summary)
    found = rouge(reference, summary)
    assert found == pytest.approx([expected[name].fmeasure for name in NAMES], abs=1e-12)
    assert all(0 <= value <= 1 for value in found)


@settings(max_examples=100, deadline=None)
@given(left=st.text("甲乙丙", max_size=20), right=st.text("甲乙丙", max_size=20))
def test_chinese_characters_count_as_words_do(left, right):
    spaced = [" ".join({"甲": "a", "乙": "b", "丙": "c"}[char] for char in text) for text in (left, right)]
    assert rouge(left, right) == rouge(*spaced)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It's 3.5%, Dr. Lee_2!", ["it", "s", "3", "5", "dr", "lee", "2"]),
        ("Das Café öffnet.", ["das", "café", "öffnet"]),
        ("cafe\u0301", ["café"]),
        ("我用BERT-2做摘要，2005年。", [*"我用", "bert", "2", *"做摘要", "2005", "年"]),
        ("ＡＢＣ３", ["abc3"]),
        ("カード・ゲームが〇々", list("カードゲームが〇々")),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("가나 다", ["가나", "다"]),
        ("葛\U000e0100城😀", ["葛", "城"]),
        ("…——", []),
    ],
)
def test_tokens(text, expected):
    assert tokens(text) == expected


def test_known_values():
    assert rouge("今天天气好", "今天好") == pytest.approx((6 / 8, 2 / 6, 6 / 8))
    assert rouge("one", "one") == (1, 0, 1)  # no pair of words to share
    assert rouge("a b c", "a b c") == (1, 1, 1)
    assert rouge("a a b", "a a a") == pytest.approx((2 / 3, 0.5, 2 / 3))
    assert rouge("", "a") == rouge("a", "!?") == rouge("", "") == (0, 0, 0)


def test_evaluate_gives_means():
    references, summaries = ["the cat sat", "今天天气好"], ["the cat", "今天好"]
    found = evaluate(references, summaries)
    rows = row_scores(references, summaries)
    assert rows.shape == (2, 3) and rows[0].tolist() == list(rouge("the cat sat", "the cat"))
    assert found == {**dict(zip(NAMES, rows.mean(axis=0), strict=True)), "n": 2}
    json.dumps(found)
    with pytest.raises(InvalidInput, match="2 references and 1 summaries"):
        evaluate(references, ["a"])
    with pytest.raises(InvalidInput, match="0 references"):
        evaluate([], [])


def test_lead():
    text = "Dr. Lee came. She sat.\nShe left."
    assert lead(text, sentences(text), 2) == "Dr. Lee came. She sat."
    assert lead(text, sentences(text), 9) == text
    assert lead(text, sentences(text), 0) == lead("", [], 3) == ""


def test_extracts_keep_the_order_and_what_parts_sentences():
    chinese = "他来了。天黑了。她走了。"
    assert extract(chinese, sentences(chinese), [2, 0, 0]) == "他来了。她走了。"
    dialogue = "A: Hi. You?\nB: Fine.\nA: Bye."
    assert extract(dialogue, sentences(dialogue, turns=True), [0, 2]) == "A: Hi. You?\nA: Bye."


def value(text: str, reference: str, chosen: tuple[int, ...]) -> float:
    found = rouge(reference, extract(text, sentences(text), chosen))
    return found.rouge1 + found.rouge2


SENTENCE = st.lists(st.sampled_from("abcdef"), min_size=1, max_size=6).map(
    lambda words: " ".join(words) + ".\n"
)


@settings(max_examples=100, deadline=None)
@given(parts=st.lists(SENTENCE, max_size=5), reference=st.lists(st.sampled_from("abcdxy"), max_size=8))
def test_every_step_of_the_oracle_is_the_best_one(parts, reference):
    text, wanted = "".join(parts), " ".join(reference)
    places = sentences(text)
    chosen: tuple[int, ...] = ()
    for most in range(len(places) + 2):
        found = oracle(text, places, wanted, most)
        assert list(found) == sorted(set(found)) and len(found) <= most
        if most == 0 or found == chosen:
            assert found == chosen
        else:
            assert set(found) > set(chosen)
            steps = [
                value(text, wanted, (*chosen, more)) for more in range(len(places)) if more not in chosen
            ]
            assert value(text, wanted, found) == pytest.approx(max(steps))
            assert value(text, wanted, found) > value(text, wanted, chosen)
        chosen = found
    for single in combinations(range(len(places)), 1):
        assert value(text, wanted, chosen) >= value(text, wanted, single) - 1e-12


def test_oracle():
    text = "It rained all day. Nobody came. The shop sold three umbrellas. It rained all day."
    places = sentences(text)
    assert oracle(text, places, "The shop sold umbrellas while it rained", 2) == (0, 2)
    assert oracle(text, places, "Nothing else matters", 2) == ()
    assert oracle("", [], "a", 2) == oracle(text, places, "", 2) == ()
    chinese = "本文研究芦荟。芦荟产业发展快。对策如下。"
    assert oracle(chinese, sentences(chinese), "芦荟产业对策", 2) == (1, 2)


def test_long_texts_have_the_same_longest_subsequence():
    rng = np.random.default_rng(0)
    left, right = (" ".join(rng.choice(list("abcdefgh"), size)) for size in (300, 170))
    assert rouge(left, right).rougeL == pytest.approx(SCORER.score(left, right)["rougeL"].fmeasure, abs=1e-12)
