"""The nearest-token teacher: words of a text take the entity type of the gold words most like them in context."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gts.core.encoder import Encoder, device_and_dtype, for_inference, unit
from gts.tasks.items import ENTITY, TRIGGER, Item, Place, items_of
from gts.tasks.rows import MarkedRow

Floats = NDArray[np.float32]
Marks = tuple[str, str]
"""Kind and type of an entity or trigger."""

_NOTHING: Marks = ("", "")
_NEIGHBOURS, _SHARPNESS = 8, 12.0
_MOST_KNOWN = 20_000
_BATCH = 32


@dataclass(frozen=True)
class Words:
    """The words of some texts.

    Attributes:
        vectors: Unit vectors in context [words, d].
        texts: Number of the text each word is of [words].
        places: First and one past the last character of each word.
    """

    vectors: Floats
    texts: NDArray[np.int64]
    places: Sequence[Place]


def find_nearest(
    train: Sequence[MarkedRow],
    query: Sequence[MarkedRow],
    encoder: Path,
    max_length: int,
    report: Callable[[float], None],
) -> list[dict[Item, float]]:
    """What the texts of rows hold, judged by the gold words nearest to theirs.

    Neighbouring words that take the same type are one entity, whose belief is the mean of theirs.

    References:
        Yang and Katiyar, Simple and Effective Few-Shot Named Entity Recognition with Structured Nearest Neighbor Learning,
        2020 (nearest tokens, without its transitions).

    Args:
        train: Gold rows.
        query: Rows asked about.
        encoder: Folder of the encoder.
        max_length: Longest text that is read, in tokens.
        report: Told the fraction done.
    """
    texts = [row.text for row in (*train, *query)]
    words = embed_words(texts, Encoder(encoder, max_length), report)
    of_train = words.texts < len(train)
    marks = [
        _mark(train[text], place)
        for text, place in zip(words.texts, words.places, strict=True)
        if text < len(train)
    ]
    known, kinds = _some(words.vectors[of_train], marks)
    asked = np.flatnonzero(~of_train)
    shares = _shares(words.vectors[asked], known, kinds)
    best = shares.argmax(axis=1)
    names = sorted(set(kinds))
    found: list[dict[Item, float]] = [{} for _ in query]
    run: list[tuple[int, Place, float]] = []

    def close(text: int) -> None:
        if run and names[run[0][0]] != _NOTHING:
            kind, name = names[run[0][0]]
            item = Item(kind, name, (run[0][1][0], run[-1][1][1]))
            found[text][item] = round(float(np.mean([share for _, _, share in run])), 4)
        run.clear()

    last = -1
    for row, word in enumerate(asked.tolist()):
        text = int(words.texts[word]) - len(train)
        if run and (text != last or int(best[row]) != run[-1][0]):
            close(last)
        run.append((int(best[row]), words.places[word], float(shares[row, best[row]])))
        last = text
    close(last)
    return found


def embed_words(texts: Sequence[str], encoder: Encoder, report: Callable[[float], None]) -> Words:
    """Each word's vector in context: that of its first token, in the mean of the last four layers."""
    import torch

    model = for_inference(encoder.model)
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    of_text: dict[int, tuple[Floats, list[Place]]] = {}
    for start in range(0, len(order), _BATCH):
        some = order[start : start + _BATCH]
        batch = encoder.tokenizer(
            [texts[i] for i in some],
            padding=True,
            truncation=True,
            max_length=encoder.max_length,
            return_offsets_mapping=True,
            return_tensors="pt",
        )
        offsets = batch.pop("offset_mapping").numpy()
        inputs = {name: tensor.to(device_and_dtype()[0]) for name, tensor in batch.items()}
        with torch.inference_mode():
            states = model(**inputs, output_hidden_states=True).hidden_states
        vectors = torch.stack(states[-4:]).float().mean(0).cpu().numpy()
        for row, number in enumerate(some):
            firsts, places = _words(batch.word_ids(row), offsets[row])
            of_text[number] = vectors[row, firsts], places
        report((start + len(some)) / len(texts))
    parts = [of_text[i] for i in range(len(texts))]
    vectors = unit(np.concatenate([vectors for vectors, _ in parts]))
    numbers = np.repeat(np.arange(len(texts)), [len(places) for _, places in parts])
    return Words(vectors, numbers, [place for _, places in parts for place in places])


def _words(word_ids: Sequence[int | None], offsets: NDArray[Any]) -> tuple[list[int], list[Place]]:
    """First token and place of each word."""
    firsts: list[int] = []
    places: list[Place] = []
    last: int | None = None
    for token, word in enumerate(word_ids):
        if word is None:
            continue
        start, end = (int(offset) for offset in offsets[token])
        if word != last:
            firsts.append(token)
            places.append((start, end))
        else:
            places[-1] = (places[-1][0], end)
        last = word
    return firsts, places


def _mark(row: MarkedRow, place: Place) -> Marks:
    """What a word is part of; of nested things the longest."""
    holding = [
        item
        for item in (items_of(row.found) if row.found else ())
        if item.kind in (ENTITY, TRIGGER) and item.place[0] < place[1] and place[0] < item.place[1]
    ]
    longest = max(holding, key=lambda item: (item.place[1] - item.place[0], item), default=None)
    return (longest.kind, longest.type) if longest else _NOTHING


def _some(vectors: Floats, marks: Sequence[Marks]) -> tuple[Floats, list[Marks]]:
    """All marked words and as many others as are looked through in reasonable time."""
    rng = np.random.default_rng(0)
    marked = np.array([mark != _NOTHING for mark in marks])
    chosen = []
    for rows in (np.flatnonzero(marked), np.flatnonzero(~marked)):
        chosen.append(rng.permutation(rows)[: _MOST_KNOWN // 2])
    rows = np.sort(np.concatenate(chosen))
    return vectors[rows], [marks[int(row)] for row in rows]


def _shares(queries: Floats, known: Floats, kinds: Sequence[Marks]) -> Floats:
    """Share of each kind, in sorted order, among the nearest known words, weighed by likeness [queries, kinds]."""
    names = sorted(set(kinds))
    column = np.array([names.index(kind) for kind in kinds])
    out = np.zeros((len(queries), len(names)), np.float32)
    count = min(_NEIGHBOURS, len(known))
    for start in range(0, len(queries), 1024):
        likeness = queries[start : start + 1024] @ known.T
        near = np.argpartition(-likeness, count - 1, axis=1)[:, :count]
        weights = np.exp(_SHARPNESS * np.take_along_axis(likeness, near, axis=1))
        for rank in range(count):
            rows = np.arange(len(near))
            np.add.at(out[start : start + 1024], (rows, column[near[:, rank]]), weights[:, rank])
    return np.asarray(out / np.maximum(out.sum(axis=1, keepdims=True), 1e-9), np.float32)
