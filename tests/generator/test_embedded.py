from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gts.core.errors import InvalidInput
from gts.generator.embedded import EmbeddedGenerator
from gts.generator.protocol import GeneratedText, PoolWeights, Request, make_generator
from gts.generator.tokens import content, tokenize
from gts.tasks.dataset import Example

REFUND = [
    "I would like to get my money back for the broken lamp.",
    "Can I get a refund for the blue shirt I sent back?",
    "You charged my card twice, please send the money back to my account.",
    "I sent the shoes back two weeks ago and my refund is not here.",
    "The refund for the broken lamp is not on my account.",
    "Please tell me when the money for the blue shirt is back on my card.",
    "I was charged twice for the shoes, can I get my money back?",
    "How long does a refund take to reach my account?",
]
DELIVERY = [
    "Where is my parcel? It should have been here two days ago.",
    "The courier left my parcel at the wrong door.",
    "My parcel has been on the way for two weeks.",
    "Can you tell me where my parcel is right now?",
    "The tracking page says the parcel was left at the wrong address.",
    "The courier says nobody was at home, but I was here all day.",
    "Can the courier bring my parcel on Saturday?",
    "The tracking page has not changed for two days.",
]
GOLD = [Example(text, ("refund",)) for text in REFUND] + [Example(text, ("delivery",)) for text in DELIVERY]
POOL = [
    "I would like to know when my refund will be on my account.",
    "Please send my money back to the card I paid with.",
    "The courier left the parcel at the door of a neighbour.",
    "My parcel was left at the wrong door two days ago.",
    "The refund for the shoes I sent back is too small.",
    "The tracking page says the courier was here, but I was at home all day.",
    "Can you tell me when the courier will bring my parcel?",
    "Can I get my money back if the parcel never comes?",
]
CHINESE = [
    Example("物流很快，包装也很好，音质不错，非常满意。", ("好评",)),
    Example("音质不错，物流很快，快递小哥服务也很好。", ("好评",)),
    Example("快递小哥服务也很好，手机很好用，非常满意！", ("好评",)),
    Example("手机很好用，包装也很好，下次还会再买。", ("好评",)),
    Example("质量太差了，用了两天就坏了，客服也不理人。", ("差评",)),
    Example("用了两天就坏了，退货也不给退，太失望了。", ("差评",)),
    Example("客服也不理人，退货也不给退，再也不买了。", ("差评",)),
    Example("包装太差了，充不进电，太失望了，再也不买了。", ("差评",)),
]
BOTH = [Request("refund", 12), Request("delivery", 12)]


def generate(
    gold: list[Example],
    pool: list[str],
    requests: list[Request],
    seed: int = 0,
    weights: PoolWeights | None = None,
) -> list[GeneratedText]:
    return list(EmbeddedGenerator().generate(gold, pool, requests, seed, weights))


def vocabulary(texts: list[str]) -> set[str]:
    return {content(token) for text in texts for token in tokenize(text)}


def test_texts_are_new_and_in_the_users_words() -> None:
    made = generate(GOLD, POOL, BOTH)
    texts = [text.text for text in made]
    sources = [example.text for example in GOLD] + POOL
    assert Counter(text.labels for text in made) == {("refund",): 12, ("delivery",): 12}
    assert len(set(texts)) == len(texts)
    assert not set(texts) & set(sources)
    assert vocabulary(texts) <= vocabulary(sources)


def test_every_text_names_its_sources_and_scores() -> None:
    sources = {example.text for example in GOLD} | set(POOL)
    for text in generate(GOLD, POOL, BOTH):
        assert text.generator == "embedded"
        assert len(text.seeds) >= 2
        assert set(text.seeds) <= sources
        assert vocabulary([text.text]) <= vocabulary(list(text.seeds))
        assert text.text.startswith(tokenize(text.seeds[0])[0])
        assert set(text.scores) == {"fluency", "novelty", "affinity", "score"}
        assert 0.2 <= text.scores["novelty"] < 1


def test_every_pair_of_neighbouring_words_was_written_by_the_user() -> None:
    def pairs(text: str) -> set[tuple[str, str]]:
        tokens = [token.strip() for token in tokenize(text)]
        return set(pairwise(tokens))

    known = set().union(*(pairs(text) for text in [*REFUND, *DELIVERY, *POOL]))
    for text in generate(GOLD, POOL, BOTH):
        assert pairs(text.text) <= known


def test_equal_seed_gives_equal_texts_and_another_seed_others() -> None:
    first, again, other = (generate(GOLD, POOL, BOTH, seed) for seed in (3, 3, 4))
    assert first == again
    assert [text.text for text in first] != [text.text for text in other]


def test_texts_keep_to_their_label() -> None:
    for text in generate(GOLD, [], [Request("delivery", 10)]):
        assert sum(seed in DELIVERY for seed in text.seeds) >= len(text.seeds) / 2
        assert "refund" not in text.text


def test_the_teachers_weights_decide_which_pool_texts_speak_for_a_label() -> None:
    # The words say one thing, the teacher another: the teacher is believed.
    gold = [Example("red cars drive on the road", ("x",)), Example("blue boats sail on the sea", ("y",))]
    pool = [
        "green boats sail on the lake when it is warm",
        "we saw many white boats sail on the river today",
        "old cars drive on the street now",
    ]
    weights = PoolWeights(("x", "y"), np.array([[0.99, 0.01], [0.99, 0.01], [0.01, 0.99]]))
    made = generate(gold, pool, [Request("x", 4)], weights=weights)
    assert made
    for text in made:
        assert set(text.seeds) <= {pool[0], pool[1], gold[0].text}


def test_no_pool_is_enough() -> None:
    made = generate(GOLD, [], BOTH)
    assert Counter(text.labels for text in made)[("refund",)] >= 5
    assert Counter(text.labels for text in made)[("delivery",)] >= 5


def test_pool_alone_is_enough_where_a_teacher_labels_it() -> None:
    weights = PoolWeights(("a", "b"), np.tile([0.9, 0.1], (len(POOL), 1)))
    assert generate([], POOL, [Request("a", 2)], weights=weights)


def test_chinese_gets_no_spaces_and_keeps_its_signs() -> None:
    made = generate(CHINESE, [], [Request("好评", 4), Request("差评", 4)])
    assert len(made) >= 4
    characters = set("".join(example.text for example in CHINESE))
    for text in made:
        assert not any(char.isspace() for char in text.text)
        assert set(text.text) <= characters
        assert text.text not in {example.text for example in CHINESE}


def test_spacing_and_signs_are_the_users() -> None:
    gold = [
        Example("Dear all,\n\nthe server  (eu-1) is down.", ("ops",)),
        Example("Hello,\n\nthe server  (eu-1) works again -- thanks!", ("ops",)),
    ]
    texts = [text.text for text in generate(gold, [], [Request("ops", 2)])]
    assert texts
    assert all(",\n\nthe server  (eu-1) " in text for text in texts)


def test_brackets_close() -> None:
    gold = [
        Example("the new phone (black, large) is very good for the price", ("a",)),
        Example("the new phone is very good (I think) for me and my wife", ("a",)),
        Example("my old phone (black, small) is very good for the trip (or not)", ("a",)),
    ]
    for text in generate(gold, [], [Request("a", 10)]):
        assert text.text.count("(") == text.text.count(")")


def test_several_labels_are_carried() -> None:
    gold = [
        Example("the room was clean but the food was cold", ("room", "food")),
        Example("the room was small but the food was very good", ("room", "food")),
        Example("the food was cold and late", ("food",)),
        Example("the room was clean and quiet", ("room",)),
        Example("we will come again", ()),
        Example("we will never come again", ()),
    ]
    made = generate(gold, [], [Request(("room", "food"), 3), Request((), 2)])
    assert any(text.labels == ("room", "food") for text in made)
    for text in made:
        if text.labels:
            assert "come again" not in text.text


@pytest.mark.parametrize(
    "gold",
    [
        [Example("yes", ("a",)), Example("no", ("b",))],
        [Example("one two", ("a",)), Example("three four", ("a",))],
        [Example("same text", ("a",)), Example("same text", ("a",))],
        [Example("", ("a",)), Example(" ", ("a",))],
        [Example("👍", ("a",)), Example("!!!", ("a",))],
    ],
)
def test_texts_that_share_nothing_give_nothing(gold: list[Example]) -> None:
    assert generate(gold, [], [Request("a", 5)]) == []


def test_nothing_asked_gives_nothing() -> None:
    assert generate(GOLD, POOL, []) == []
    assert generate(GOLD, POOL, [Request("refund", 0)]) == []


def test_a_huge_text_is_cut_for_use() -> None:
    huge = "the parcel is on the way and the courier says it is late " * 20_000
    made = generate([*GOLD, Example(huge, ("delivery",))], POOL, [Request("delivery", 3)])
    assert made
    assert all(len(text.text) < 5_000 for text in made)


def test_a_large_pool_is_sampled_and_its_weights_with_it() -> None:
    generator = make_generator("embedded", max_pool_characters=150)
    weights = PoolWeights(("refund", "delivery"), np.full((len(POOL), 2), 0.5))
    made = list(generator.generate(GOLD, POOL, BOTH, 0, weights))
    used = {seed for text in made for seed in text.seeds} & set(POOL)
    assert made
    assert sum(len(text) for text in used) <= 150


def test_wrong_input_is_named() -> None:
    with pytest.raises(InvalidInput, match="label 'refnd'; known: delivery, refund"):
        generate(GOLD, POOL, [Request("refnd", 1)])
    with pytest.raises(InvalidInput, match="pool weights were given for 1 texts; the pool has 8"):
        generate(GOLD, POOL, BOTH, weights=PoolWeights(("refund",), np.ones((1, 1))))
    with pytest.raises(InvalidInput, match="no text to learn from"):
        generate([], [], BOTH)
    with pytest.raises(InvalidInput, match="no text speaks for"):
        generate(GOLD, [], [Request((), 1)])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.text(max_size=60), st.sampled_from(["a", "b"])), min_size=1, max_size=8),
    st.lists(st.text(max_size=60), max_size=6),
)
def test_any_unicode_is_survived(rows: list[tuple[str, str]], pool: list[str]) -> None:
    gold = [Example(text, (label,)) for text, label in [*rows, ("x", "a")]]
    texts = {text.text for text in generate(gold, pool, [Request("a", 3)])}
    sources = [example.text for example in gold] + pool
    assert not texts & {source.strip() for source in sources}
    assert vocabulary(list(texts)) <= vocabulary(sources)


def test_texts_do_not_depend_on_the_process() -> None:
    # Hash randomisation changes the order of sets from process to process: none may reach the result.
    program = (
        "from gts.generator.protocol import Request, make_generator\n"
        "from gts.tasks.dataset import Example\n"
        "gold = [Example('the red car is fast', ('car',)), Example('my old car is very slow today', ('car',)),\n"
        "        Example('the old bus is slow today', ('bus',)), Example('my red bus is very fast', ('bus',))]\n"
        "requests = [Request('car', 3), Request('bus', 3)]\n"
        "print([text.text for text in make_generator('embedded').generate(gold, [], requests, 5)])\n"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1
    assert "car" in outputs.pop()
