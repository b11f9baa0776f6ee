"""The trunk without a transformer: tokens that lose no character, and a student that learns and runs."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gts.student.layout import StudentManifest, TaskInfo
from gts.student.spans.export import export_span_student
from gts.student.spans.labels import Lesson
from gts.student.spans.local import TRUNK_WEIGHTS, LocalTrunk
from gts.student.spans.local_making import build_local_trunk
from gts.student.spans.local_warming import Warmth, warm_up
from gts.student.spans.own_text import first_vectors, neighbour_table, spelling_table, train_span_tokenizer
from gts.student.spans.predicting import predict
from gts.student.spans.runtime import load_span_student
from gts.student.spans.tokens import MARKS, SHAPES, TRAITS, Cutter, Window
from gts.student.spans.training import SpanConfig, train
from gts.student.spans.trunk import new_trunk, open_trunk
from gts.student.static_runtime import unknown_id
from gts.student.tokenizing import load_tokenizer
from gts.tasks.items import certain, decide
from gts.tasks.rows import MarkedRow
from gts.tasks.schema import Schema
from gts.tasks.structures import Span, Structure

NAMES, FIRMS = ["王小明", "李雷", "韩梅梅", "陈晨", "赵四海"], ["天龙公司", "华北银行", "明月集团"]
FRAMES = [
    "{n}昨天去了{f}。",
    "{f}的{n}说：“很好”。",
    "据悉，{n}已离开{f}，去了北京",
    "{f}和{n}签了ＡＢＣ合同😀",
]
PEOPLE = Schema(entities={"name": {}, "company": {}})
QUICK = SpanConfig(steps=150, batch_size=16, learning_rate=1e-3, head_rate=5e-3, length=64, overlap=8)
COLD = Warmth(steps=0)


def chinese(n: int, seed: int = 0) -> list[MarkedRow]:
    rng = random.Random(seed)
    rows = []
    for _ in range(n):
        name, firm = rng.choice(NAMES), rng.choice(FIRMS)
        text = rng.choice(FRAMES).format(n=name, f=firm)
        found = (
            Span(text.index(name), text.index(name) + len(name), "name"),
            Span(text.index(firm), text.index(firm) + len(firm), "company"),
        )
        rows.append(MarkedRow(text, Structure(found).ordered()))
    return rows


def lessons(rows: list[MarkedRow]) -> list[Lesson]:
    return [Lesson(row, certain(row.found)) for row in rows]


def right(found: list[dict], rows: list[MarkedRow]) -> float:
    return float(np.mean([decide(one, {}) == row.found for one, row in zip(found, rows, strict=True)]))


@pytest.fixture(scope="module")
def trunk_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("local") / "trunk"
    build_local_trunk([row.text for row in chinese(60)], folder, warmth=Warmth(steps=5))
    return folder


@pytest.fixture(scope="module")
def student(trunk_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("local") / "student"
    fit = train(lessons(chinese(60)), PEOPLE, trunk_folder, folder, QUICK)
    assert (fit.widened, fit.lost, fit.width) == (0, 0, 4)
    return folder


@pytest.fixture(scope="module")
def own() -> Cutter:
    texts = [row.text for row in chinese(60)] + ["the parcel is lost", "naïve café", "한국어", "Ａ１ ﬁn …"]
    return Cutter(train_span_tokenizer(texts), 1000, 0)


TEXTS = st.text(
    st.sampled_from(
        "ab cß é́Ａ１２。，字中龙𠮷\u3000\n\t😀👩\u200d🚀\u0301fiﬁ İ-…㎏①한がｶﾞไทยनि\u00ad\ufeff\ufe0f\x00´"
    )
    | st.characters(exclude_categories=["Cs"]),
    max_size=40,
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=TEXTS)
def test_every_character_stands_in_its_place(own: Cutter, text: str) -> None:
    (window,) = own.windows(text)
    held = np.zeros(len(text), np.int64)
    before = (0, 0)
    for start, end in zip(window.starts.tolist()[1:], window.ends.tolist()[1:], strict=True):
        if start == end:
            assert text[start - 1] in "\x1c\x1d\x1e\x1f"  # blank in Python, not so in Unicode
            continue
        # Characters that come apart are several tokens in one place; others follow one another.
        assert (start, end) == before or start >= before[1]
        before = (start, end)
        held[start:end] = 1
    assert [bool(one) for one in held] == [not character.isspace() for character in text]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    parts=st.lists(
        st.sampled_from(["中", "龙", "。", "，", "😀", "𠮷", "ひ", "ｶ", "ก", "１", "7", "!", "中\ufe00"]),
        min_size=1,
    )
)
def test_unspaced_characters_are_tokens_of_their_own(own: Cutter, parts: list[str]) -> None:
    text = "".join(parts)
    (window,) = own.windows(text)
    ends = np.cumsum([len(part) for part in parts]).tolist()
    assert set(ends) <= set(window.ends.tolist())
    for end, part in zip(ends, parts, strict=True):
        found = window.tokens_of((end - len(part), end))
        assert found is not None
        assert not window.cuts((end - len(part), end))


def test_unknown_characters_keep_their_places() -> None:
    tokenizer = train_span_tokenizer(["中国银行", "the card"])
    encoding = tokenizer.encode("中龘龘 Ωcard", add_special_tokens=False)
    unknown = [
        place
        for place, number in zip(encoding.offsets, encoding.ids, strict=True)
        if number == unknown_id(tokenizer)
    ]
    assert unknown[:3] == [(1, 2), (2, 3), (4, 5)]


def test_full_width_letters_and_case_are_read_as_plain_ones(own: Cutter) -> None:
    plain, wide = (own.windows(text)[0].ids.tolist() for text in ("parcel 12", "ＰＡＲＣＥＬ　１２"))
    assert plain == wide


def test_frequent_words_of_spaced_scripts_are_tokens() -> None:
    tokens = train_span_tokenizer(["der Vertrag mit der Firma"] * 5).encode("Der Vertrag").tokens
    assert tokens == ["[START]", "der", "vertrag"]


def test_tokens_of_like_neighbours_have_like_vectors() -> None:
    rng = np.random.default_rng(0)
    rows = [np.array([rng.integers(0, 2), 4, rng.integers(2, 4), 5]) for _ in range(200)]
    table = neighbour_table(rows, 7, 4)

    def alike(one: int, other: int) -> float:
        return float(table[one] @ table[other] / np.linalg.norm(table[one]) / np.linalg.norm(table[other]))

    assert alike(0, 1) > 0.9 and alike(2, 3) > 0.9
    assert alike(0, 2) < 0.5
    assert not table[6].any()


def test_tokens_of_like_spelling_have_like_vectors() -> None:
    table = spelling_table(["walking", "talking", "##ing", "blue"], 64)
    near = table @ table.T / np.outer(*[np.linalg.norm(table, axis=1)] * 2)
    assert near[0, 1] > near[0, 2] > near[0, 3]


@pytest.mark.parametrize("texts", [[], [""], ["中\ud800"], ["中国"] * 4])
def test_hardly_any_text_still_makes_a_trunk(texts: list[str], tmp_path: Path) -> None:
    build_local_trunk(texts, tmp_path, warmth=Warmth(steps=2))
    train([Lesson(MarkedRow("中国", Structure()), {})], PEOPLE, tmp_path, tmp_path / "s", SpanConfig(steps=1))
    assert len(predict(tmp_path / "s", [MarkedRow(""), MarkedRow("中国 abc")])) == 2
    assert predict(tmp_path / "s", [MarkedRow("")]) == [{}]


def test_first_vectors_are_finite_and_of_length_one_on_average() -> None:
    table = first_vectors([np.array([2, 3, 4, 3])], ["[PAD]", "[UNK]", "a", "b", "##c"], 128, 0)
    assert np.isfinite(table).all() and abs(np.linalg.norm(table, axis=1).mean() - 1) < 1e-3


def test_it_learns_names_in_chinese_and_finds_new_ones_by_their_surroundings(student: Path) -> None:
    rows = chinese(40, seed=1)
    assert right(predict(student, rows), rows) > 0.9
    (beliefs,) = predict(student, [MarkedRow("据悉，龘靐齉已离开天龙公司，去了北京")])
    assert Span(3, 6, "name") in decide(beliefs, {"entity": 0.3}).entities


def test_the_published_form_finds_the_same(student: Path, tmp_path: Path) -> None:
    manifest = StudentManifest(
        task=TaskInfo(name="people", language="zh", type="ner"), labels=tuple(PEOPLE.entities), tier="static"
    )
    rows = [*chinese(20, seed=2), MarkedRow(""), MarkedRow("天龙公司" * 60)]
    told = export_span_student(student, manifest, tmp_path, [row.text for row in rows])

    assert told["serving"] == "fp32"
    for one, other in zip(predict(student, rows), load_span_student(tmp_path).find(rows), strict=True):
        assert one.keys() == other.keys()
        assert np.allclose(list(one.values()), list(other.values()), atol=1e-3)


def test_an_encoder_lends_its_tokenizer_and_vectors(tiny_encoder: Path, tmp_path: Path) -> None:
    texts = ["the soup is good", "the match was lost"]
    build_local_trunk(texts, tmp_path, encoder=tiny_encoder, warmth=COLD)

    assert (tmp_path / "tokenizer.json").read_bytes() == (tiny_encoder / "tokenizer.json").read_bytes()
    table = open_trunk(tmp_path).tokens.weight.detach().numpy()
    assert abs(np.linalg.norm(table, axis=1).mean() - 1) < 1e-3
    (window,) = Cutter(load_tokenizer(tmp_path), 100, 0).windows(texts[0])
    assert window.ids.max() < len(table)


def test_equal_seeds_make_equal_trunks(tmp_path: Path) -> None:
    texts = [row.text for row in chinese(20)]
    for name, seed in (("one", 3), ("other", 3), ("third", 4)):
        build_local_trunk(texts, tmp_path / name, seed=seed, warmth=Warmth(steps=3, seed=seed))
    weights = {name: (tmp_path / name / TRUNK_WEIGHTS).read_bytes() for name in ("one", "other", "third")}
    assert weights["one"] == weights["other"] != weights["third"]
    for name in ("tokenizer.json", "trunk.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()


@pytest.fixture
def trunk() -> LocalTrunk:
    torch.manual_seed(0)
    trunk = LocalTrunk(50, 16, 8, pairs=64, pair_width=4, unknown=1)
    for table in (trunk.pairs, trunk.shapes, trunk.marks):
        torch.nn.init.normal_(table.weight)
    return trunk.eval()


def test_padding_and_other_texts_do_not_leak(trunk: LocalTrunk) -> None:
    ids, traits = torch.randint(0, 50, (1, 7)), torch.randint(0, TRAITS, (1, 7))
    alone = trunk(ids, torch.ones_like(ids), traits)
    padded = torch.randint(0, 50, (3, 12))
    mask = torch.zeros_like(padded)
    padded[1, :7], mask[1, :7] = ids[0], 1
    mask[0], mask[2, :2] = 1, 1
    seen = torch.zeros_like(padded)
    seen[1, :7] = traits[0]
    assert torch.allclose(trunk(padded, mask, seen)[1, :7], alone[0], atol=1e-6)


def test_a_token_is_read_with_all_that_stands_around_it(trunk: LocalTrunk) -> None:
    ids = torch.arange(2, 12)[None]
    mask, traits = torch.ones_like(ids), torch.zeros_like(ids)
    before = trunk(ids, mask, traits)
    for at in (0, 9):
        other = ids.clone()
        other[0, at] = 20
        assert (trunk(other, mask, traits) - before).abs().amax(-1)[0, 5] > 1e-6
    for step in (1, SHAPES):
        assert not torch.allclose(trunk(ids, mask, traits + step), before)
    assert MARKS * SHAPES == TRAITS


def test_a_trunk_is_described_whole(trunk: LocalTrunk, tmp_path: Path) -> None:
    again = new_trunk(json.loads(json.dumps(trunk.described())))
    assert again.described() == trunk.described()
    assert {name: t.shape for name, t in again.state_dict().items()} == {
        name: t.shape for name, t in trunk.state_dict().items()
    }
    trunk.written(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    ids = torch.tensor([[3, 4, 5]])
    opened = open_trunk(tmp_path)
    assert torch.equal(opened(ids, ids > 0, ids), trunk(ids, ids > 0, ids))


def test_warming_up_teaches_what_stands_where(trunk: LocalTrunk) -> None:
    row = np.array([2, 3, 4, 5] * 4)
    places = np.arange(len(row))
    losses = warm_up(
        trunk, [Window(row, np.zeros_like(row), places, places + 1)] * 20, Warmth(steps=100, rate=1e-2)
    )
    assert np.mean(losses[-10:]) < 0.6 * losses[0]
    assert not trunk.training
