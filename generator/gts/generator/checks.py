"""The checks a generated text must pass; each says why it drops what it drops.

A check takes texts in order and gives a reason, or None, for each. What it must know of the user's data is given when it is made.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from gts.core.errors import InvalidInput
from gts.generator.lengths import ENOUGH_LENGTHS, length_range
from gts.generator.personal import find_identifiers
from gts.generator.protocol import GeneratedText
from gts.generator.shingles import best_overlaps, shingles
from gts.generator.tokens import content, tokenize
from gts.tasks.dataset import Example

Floats = NDArray[np.floating]
Embed = Callable[[Sequence[str]], Floats]
LabelProbabilities = Callable[[Sequence[str]], Floats]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a text is dropped.

    Attributes:
        kind: The check's short name, the same for all its reasons.
        message: What was wrong with this text.
    """

    kind: str
    message: str


_Item = TypeVar("_Item")

Check = Callable[[Sequence[GeneratedText]], list[Reason | None]]

# The length range is widened by this share: a good text may be a little longer than any known one.
_LENGTH_SLACK = 0.25
# So many user texts are measured for a threshold; more would only cost time.
_SAMPLE = 1000


def each(check: Callable[[GeneratedText], Reason | None]) -> Check:
    """A check of many texts from a check of one."""
    return lambda texts: [check(text) for text in texts]


def length_check(gold: Sequence[Example], pool: Sequence[str]) -> Check:
    """Drops texts shorter or longer than the user's.

    A label with twenty labelled examples has its own range, others share that of all texts: 1st to 99th percentile of the
    tokens, a quarter beyond. Fewer than twenty texts in all: from half the shortest to twice the longest.
    """
    by_label: dict[tuple[str, ...], list[int]] = {}
    for example in gold:
        by_label.setdefault(_key(example.labels), []).append(len(tokenize(example.text)))
    every = [length for lengths in by_label.values() for length in lengths]
    every += [len(tokenize(text)) for text in spread(pool, _SAMPLE)]
    if not every:
        raise InvalidInput(
            "there is no text of the user to compare with", mend="give labelled examples or a pool"
        )
    common = length_range(every, _LENGTH_SLACK)
    ranges = {
        key: length_range(lengths, _LENGTH_SLACK)
        for key, lengths in by_label.items()
        if len(lengths) >= ENOUGH_LENGTHS
    }

    def check(text: GeneratedText) -> Reason | None:
        length = len(tokenize(text.text))
        low, high = ranges.get(_key(text.labels), common)
        if not length:
            return Reason("empty", "it holds no token")
        if low <= length <= high:
            return None
        word = "shorter" if length < low else "longer"
        return Reason("length", f"{word} than the user's texts ({length} tokens; {low} to {high} expected)")

    return each(check)


def vocabulary_check(user_texts: Sequence[str]) -> Check:
    """Drops texts with more words the user never writes than the user's own texts have against each other.

    The limit is the 95th percentile of the share of each user text's tokens that stand in no other user text.
    """
    token_sets = [{content(token) for token in tokenize(text)} for text in user_texts]
    holders = Counter(token for tokens in token_sets for token in tokens)
    own = [
        sum(holders[token] == 1 for token in tokens) / len(tokens)
        for tokens in spread(token_sets, _SAMPLE)
        if tokens
    ]
    limit = float(np.quantile(own, 0.95)) + 0.05 if len(own) > 1 else 1.0

    def check(text: GeneratedText) -> Reason | None:
        tokens = {content(token) for token in tokenize(text.text)}
        unknown = sum(token not in holders for token in tokens) / max(len(tokens), 1)
        if unknown <= limit:
            return None
        return Reason(
            "vocabulary", f"{unknown:.0%} of its words are not the user's (at most {limit:.0%} expected)"
        )

    return each(check)


def personal_check(user_texts: Sequence[str]) -> Check:
    """Drops texts with an e-mail address or number of a person that the user's texts do not hold.

    An identifier made up, or remembered by a large model, may be a real person's. One from the user's own texts tells nobody
    anything new, and dropping it would leave out all texts of a label that is about such things.
    """
    known = {identifier for text in user_texts for identifier in find_identifiers(text)}

    def check(text: GeneratedText) -> Reason | None:
        for identifier in find_identifiers(text.text):
            if identifier not in known:
                article = "an" if identifier.kind[0] in "aeiou" else "a"
                return Reason(
                    "personal data", f"it holds {article} {identifier.kind} that is not in the user's texts"
                )
        return None

    return each(check)


def copy_check(
    gold: Sequence[Example], pool: Sequence[str], held_out: Sequence[str], threshold: float
) -> Check:
    """Drops texts that mostly stand in one source text, and all that give away a held-out text.

    A held-out text is given away when it holds most of the new text or most of it stands in the new text.

    Args:
        gold: Labelled examples.
        pool: Unlabelled texts.
        held_out: Texts kept for testing.
        threshold: Share of pieces from which a text counts as a copy.
    """
    sources = [*(example.text for example in gold), *pool]

    def check(texts: Sequence[GeneratedText]) -> list[Reason | None]:
        pieces = [shingles(text.text) for text in texts]
        holding, _ = best_overlaps(pieces, sources)
        testing, tested = best_overlaps(pieces, held_out)
        reasons: list[Reason | None] = []
        for own, test, reverse in zip(holding, testing, tested, strict=True):
            if test.share >= threshold or reverse.share_of_source >= threshold:
                share = max(test.share, reverse.share_of_source)
                reasons.append(Reason("held out", f"it shares {share:.0%} with a text kept for testing"))
            elif own.share >= threshold:
                where = "labelled" if own.source < len(gold) else "unlabelled"
                reasons.append(Reason("copy", f"{own.share:.0%} of it stands in one {where} text"))
            else:
                reasons.append(None)
        return reasons

    return check


def duplicate_check(threshold: float) -> Check:
    """Drops texts that say again what an earlier one has said, whatever its label.

    Candidates come from MinHash with locality-sensitive hashing; the Jaccard likeness of their pieces decides.

    Args:
        threshold: Likeness from which two texts count as the same.
    """

    def check(texts: Sequence[GeneratedText]) -> list[Reason | None]:
        from datasketch import MinHash, MinHashLSH

        index = MinHashLSH(threshold=threshold, num_perm=128)
        kept: dict[int, frozenset[str]] = {}
        seen: set[str] = set()
        reasons: list[Reason | None] = []
        for i, text in enumerate(texts):
            plain = " ".join(text.text.casefold().split())
            if plain in seen:
                reasons.append(Reason("duplicate", "the same text was generated before"))
                continue
            seen.add(plain)
            pieces = shingles(text.text)
            sketch = MinHash(num_perm=128, seed=1)
            sketch.update_batch([piece.encode("utf-8", "surrogatepass") for piece in sorted(pieces)])
            likeness = max((_jaccard(pieces, kept[j]) for j in index.query(sketch)), default=0.0)
            if likeness >= threshold:
                reasons.append(Reason("near duplicate", f"{likeness:.0%} like a text generated before"))
                continue
            index.insert(i, sketch)
            kept[i] = pieces
            reasons.append(None)
        return reasons

    return check


def _jaccard(a: frozenset[str], b: frozenset[str]) -> float:
    return len(a & b) / len(a | b) if a | b else 1.0


def drift_check(embed: Embed, gold: Sequence[Example], pool: Sequence[str]) -> Check:
    """Drops texts that lie farther from their label's examples than the user's own texts do.

    The distance is one minus the cosine to the nearest example of the label. The label's limit is the 95th percentile, a tenth
    beyond, over its examples (each against the others) and the pool texts that lie nearest to the label. A text with several
    labels must hold for one of them.

    Args:
        embed: Texts to vectors [n, d].
        gold: Labelled examples, at least one.
        pool: Unlabelled texts.
    """
    names = list(dict.fromkeys(name for example in gold for name in _names(example.labels)))
    members = {
        name: [i for i, example in enumerate(gold) if name in _names(example.labels)] for name in names
    }

    def check(texts: Sequence[GeneratedText]) -> list[Reason | None]:
        if not texts:
            return []
        near_pool = spread(pool, _SAMPLE)
        vectors = _unit(
            embed([*(example.text for example in gold), *near_pool, *(text.text for text in texts)])
        )
        n_known = len(gold) + len(near_pool)
        distances = 1.0 - vectors @ vectors[: len(gold)].T
        # Nearest example of each label [n_texts, n_names]; an example is not its own neighbour.
        distances[np.arange(len(gold)), np.arange(len(gold))] = np.inf
        nearest = np.stack([distances[:, members[name]].min(axis=1) for name in names], axis=1)
        closest = nearest[len(gold) : n_known].argmin(axis=1)
        limits = {}
        for column, name in enumerate(names):
            own = nearest[members[name], column]
            values = np.concatenate(
                (own[np.isfinite(own)], nearest[len(gold) : n_known][closest == column, column])
            )
            limits[name] = 1.1 * float(np.quantile(values, 0.95)) + 1e-6 if len(values) else np.inf
        reasons: list[Reason | None] = []
        for row, text in zip(nearest[n_known:], texts, strict=True):
            found = [
                (float(row[names.index(name)]), limits[name]) for name in _names(text.labels) if name in names
            ]
            over = bool(found) and all(distance > limit for distance, limit in found)
            distance, limit = min(found, default=(0.0, 0.0))
            message = f"far from the label's examples (distance {distance:.2f}, at most {limit:.2f} expected)"
            reasons.append(Reason("drift", message) if over else None)
        return reasons

    return check


def teacher_check(
    label_probabilities: LabelProbabilities, labels: Sequence[str], threshold: float, multi_label: bool
) -> Check:
    """Drops texts whose intended labels the teacher does not see.

    Args:
        label_probabilities: Texts to probabilities [n, n_labels].
        labels: Label of each column.
        threshold: Least probability of an intended label; in multi-label tasks no other label may reach it.
        multi_label: Whether a text may carry several labels or none.
    """
    place = {name: i for i, name in enumerate(labels)}

    def check(texts: Sequence[GeneratedText]) -> list[Reason | None]:
        if not texts:
            return []
        probabilities = np.asarray(label_probabilities([text.text for text in texts]))
        if probabilities.shape != (len(texts), len(labels)):
            raise InvalidInput(
                f"the teacher gave probabilities of shape {probabilities.shape}; expected {(len(texts), len(labels))}",
                mend="give one row per text and one column per label",
            )
        return [judge_one(text, row) for text, row in zip(texts, probabilities, strict=True)]

    def judge_one(text: GeneratedText, row: Floats) -> Reason | None:
        for name in text.labels:
            if name not in place:
                raise InvalidInput(
                    f"a text was made for label {name!r}; the teacher knows {', '.join(labels)}",
                    mend="ask for labels of the task",
                )
            if not row[place[name]] >= threshold:
                return Reason("teacher", f"teacher disagrees (p={row[place[name]]:.2f} for {name})")
        if multi_label:
            for name, i in place.items():
                if name not in text.labels and row[i] >= threshold:
                    return Reason("teacher", f"teacher also sees {name} (p={row[i]:.2f})")
        return None

    return check


def balance_check(factor: float) -> Check:
    """Drops texts of a set of labels that has far more of them than the others; earlier texts win.

    Args:
        factor: Most texts of one set, as a multiple of the median over all sets.
    """

    def check(texts: Sequence[GeneratedText]) -> list[Reason | None]:
        of_set = Counter(_key(text.labels) for text in texts)
        most = int(np.ceil(factor * np.median(list(of_set.values())))) if of_set else 0
        counts: Counter[tuple[str, ...]] = Counter()
        reasons: list[Reason | None] = []
        for text in texts:
            counts[_key(text.labels)] += 1
            full = counts[_key(text.labels)] > most
            message = f"{most} texts of {', '.join(text.labels) or 'no label'} are kept already, and fewer of the others"
            reasons.append(Reason("balance", message) if full else None)
        return reasons

    return check


def spread(items: Sequence[_Item], most: int) -> list[_Item]:
    """At most so many items, taken at even distances."""
    step = max(-(-len(items) // most), 1)
    return list(items[::step])


def _key(labels: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(labels))


def _names(labels: tuple[str, ...]) -> tuple[str | None, ...]:
    return labels or (None,)


def _unit(vectors: Floats) -> Floats:
    array = np.asarray(vectors, dtype=np.float64)
    unit: Floats = array / np.maximum(np.linalg.norm(array, axis=1, keepdims=True), 1e-12)
    return unit
