"""The encoder gives each text its vector, whatever else is encoded beside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gts.core import catalogue, encoder
from gts.core.encoder import Encoder, TokenizedTexts, unit

TEXTS = [
    "soup",
    "the striler kick",
    "",
    "my laptop is not very fast today " * 40,
    "再见 😀",
    "goal! goal? goal.",
]


@pytest.fixture(scope="module")
def tiny(tiny_encoder: Path) -> Encoder:
    return Encoder(tiny_encoder, max_length=32)


def test_vectors_have_length_one(tiny: Encoder) -> None:
    vectors = tiny.embed(TEXTS)

    assert vectors.shape == (len(TEXTS), 32)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)


@pytest.mark.parametrize("batch_size", [1, 2, 64])
def test_neighbours_in_a_batch_do_not_change_a_vector(tiny: Encoder, batch_size: int) -> None:
    alone = np.concatenate([tiny.embed([text]) for text in TEXTS])
    order = [3, 0, 5, 2, 4, 1]

    together = tiny.embed([TEXTS[i] for i in order], batch_size=batch_size)

    # bfloat16, where the chip has it, keeps about three digits.
    np.testing.assert_allclose((together * alone[order]).sum(axis=1), 1.0, atol=2e-3)


def test_no_texts_give_no_vectors(tiny: Encoder) -> None:
    assert tiny.embed([]).shape == (0, 32)
    assert len(TokenizedTexts(tiny.tokenizer, [], 16)) == 0


def test_progress_ends_at_one(tiny: Encoder) -> None:
    seen: list[float] = []
    tiny.embed(TEXTS, batch_size=4, on_batch=seen.append)

    assert seen == pytest.approx([4 / 6, 1.0])


def test_long_texts_are_cut(tiny: Encoder) -> None:
    long = "my laptop is not very fast today " * 40

    assert max(len(ids) for ids in tiny.tokenize([long]).ids) == 32
    np.testing.assert_array_equal(tiny.embed([long]), tiny.embed([long + "soup"]))


def test_a_token_alone_is_a_text_of_one_token(tiny: Encoder) -> None:
    soup = tiny.tokenizer.convert_tokens_to_ids("soup")

    np.testing.assert_allclose(unit(tiny.embed_tokens([soup])), tiny.embed(["soup"]), atol=2e-3)


def test_a_saved_encoder_is_the_same(tiny: Encoder, tmp_path: Path) -> None:
    tiny.save(tmp_path)

    np.testing.assert_array_equal(Encoder(tmp_path, 32).embed(TEXTS), tiny.embed(TEXTS))


def test_zero_rows_stay_zero() -> None:
    np.testing.assert_array_equal(unit(np.zeros((2, 3), np.float32)), np.zeros((2, 3)))


def test_the_shipped_encoder_knows_likeness_in_either_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["Where is my parcel?", "My package has not arrived.", "The soup needs more salt."]
    real = Encoder(catalogue.locate("sentence-transformers/all-MiniLM-L6-v2"))
    vectors = {}
    for bfloat16 in (False, True):
        monkeypatch.setattr(encoder, "device_and_dtype", lambda chosen=bfloat16: ("cpu", chosen))
        real.model.to("cpu")
        vectors[bfloat16] = real.embed(texts)

    likeness = vectors[False] @ vectors[False].T
    assert likeness[0, 1] > 0.5 > likeness[0, 2] + 0.3
    assert ((vectors[False] * vectors[True]).sum(axis=1) > 0.999).all()
