"""What the doctor finds in the labels of a classification task."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from statistics import median_low

from gts.tasks import dataset
from gts.tasks.diagnosis.finding import ENOUGH, FEW, SHOWN, Example, Finding, cut
from gts.tasks.diagnosis.likeness import SAME, Likeness, at_least, drawn
from gts.tasks.diagnosis.names import is_catch_all, is_unclear, name_findings
from gts.tasks.diagnosis.openings import edge, joined, shared
from gts.tasks.diagnosis.overlap import overlapping
from gts.tasks.wording import counted, listing, quote

_RARE, _RARE_UP_TO = 10, 30
"""How much rarer than the commonest a label must be, and with how many examples it is still learnt less well."""
_DIFFERENT = 0.75
"""Share of a label's examples that must differ from each other."""
_TOGETHER = 3
"""Least number of texts from which two labels can be said to come together always."""
_ALIKE, _ALPHA = 0.7, 0.01
_ELSEWHERE = 0.1
"""Share of the other labels' examples that may begin as all of one label do."""


@dataclass(frozen=True)
class Gold:
    """The labelled examples that are looked at.

    Attributes:
        examples: All of them, in the task's order.
        places: Which are compared with each other.
    """

    examples: Sequence[dataset.Example]
    places: Sequence[int]

    @cached_property
    def likeness(self) -> Likeness:
        """Those that are compared."""
        return Likeness(tuple(self.examples[place].text for place in self.places))

    @cached_property
    def by_label(self) -> dict[str, list[int]]:
        """Label to the places of its examples."""
        found: dict[str, list[int]] = defaultdict(list)
        for place, example in enumerate(self.examples):
            for label in example.labels:
                found[label].append(place)
        return found

    def shown(self, places: Sequence[int]) -> tuple[Example, ...]:
        """Examples for a finding, by their place."""
        return tuple(
            Example(place + 1, cut(self.examples[place].text), self.examples[place].labels)
            for place in places[:SHOWN]
        )

    @property
    def sampled(self) -> str:
        """What a message says where not all examples were compared."""
        if len(self.places) == len(self.examples):
            return ""
        return f" (among {len(self.places):,} of the {len(self.examples):,} examples, drawn at random)"


def label_findings(data: dataset.TaskData) -> Iterator[Finding]:
    """Everything that is found in the labels of a task and in their examples; guessed examples are not looked at."""
    described = data.spec.labels
    yield from name_findings(described, "labels")
    if not data.gold or data.is_guessed:
        yield from _undescribed(data)
        return
    keys = [example.labels[0] if example.labels else "" for example in data.gold]
    gold = Gold(data.gold, drawn(keys))
    yield from _numbers(gold, data.labels)
    yield from _twins(gold)
    if data.multi_label:
        yield from _always_together(gold, data.labels)
    yield from _overlaps(gold)
    yield from _catch_alls(gold, {label for label, text in described.items() if not text.strip()})
    yield from _giveaways(gold)


def _undescribed(data: dataset.TaskData) -> Iterator[Finding]:
    """Of a task without examples: labels without a description, and descriptions that nearly coincide."""
    bare = [label for label, text in data.spec.labels.items() if not text.strip() and not is_unclear(label)]
    if bare:
        yield Finding(
            "unclear",
            tuple(bare),
            f"{listing(bare)}: no examples and no description, so that the name alone says what is meant",
            f"describe it in the words of its texts: `labels: {{{bare[0]}: ...}}`; or give examples",
        )
    texts = {label: text for label, text in data.spec.labels.items() if text.strip()}
    likeness = Likeness(tuple(texts.values()))
    names = list(texts)
    for i, j in likeness.pairs(SAME):
        yield Finding(
            "names",
            (names[i], names[j]),
            f"the descriptions of {quote(names[i])} and {quote(names[j])} are nearly the same",
            "say in each what the other is not, or make them one label",
        )


def _numbers(gold: Gold, labels: Sequence[str]) -> Iterator[Finding]:
    """Labels with few examples, or with few beside the commonest."""
    counts = {label: len(gold.by_label[label]) for label in labels if label in gold.by_label}
    if not counts:
        return
    usual = median_low(counts.values())
    few = sorted((label for label in counts if counts[label] < FEW), key=lambda label: counts[label])
    if few:
        listed = ", ".join(f"{quote(label)} {counts[label]}" for label in few[:ENOUGH])
        more = f" and {len(few) - ENOUGH} more labels" if len(few) > ENOUGH else ""
        beside = f"; half of the labels have {usual} or more" if usual >= FEW else ""
        yield Finding(
            "few",
            tuple(few),
            f"fewer than {FEW} examples: {listed}{more}{beside}",
            f"add examples until each has {ENOUGH} or so; the student is measured on a part of them at a time, and "
            f"{ENOUGH} leave two or more a label for each part",
            gold.shown(gold.by_label[few[0]]),
        )
    most = max(counts, key=lambda label: counts[label])
    rare = [
        label
        for label in counts
        if FEW <= counts[label] < _RARE_UP_TO and counts[label] * _RARE <= counts[most]
    ]
    if rare:
        listed = ", ".join(f"{quote(label)} {counts[label]}" for label in rare[:ENOUGH])
        more = f" and {len(rare) - ENOUGH} more labels" if len(rare) > ENOUGH else ""
        yield Finding(
            "imbalance",
            tuple(rare),
            f"{quote(most)} has {counted(counts[most], 'example')}, {listed}{more}: a tenth of that or less",
            "add examples of the rare ones; where they are as rare in life, `goal: {metric: macro_f1}` lets them count "
            "as much as the others",
        )


def _twins(gold: Gold) -> Iterator[Finding]:
    """Texts that are nearly the same: with different labels, and with the same one."""
    against: dict[tuple[str, ...], list[tuple[int, int]]] = defaultdict(list)
    copies: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for i, j in gold.likeness.pairs(SAME):
        pair = gold.places[i], gold.places[j]
        one, other = (set(gold.examples[place].labels) for place in pair)
        if one != other:
            against[tuple(sorted(one ^ other))].append(pair)
        for label in one & other:
            copies[label].append(pair)
    for labels, pairs in against.items():
        first = gold.examples[pairs[0][0]].labels, gold.examples[pairs[0][1]].labels
        where = f"rows {pairs[0][0] + 1} and {pairs[0][1] + 1}"
        others = f", and {counted(len(pairs) - 1, 'more pair')}" if len(pairs) > 1 else ""
        yield Finding(
            "contradiction",
            labels,
            f"nearly the same text is labelled {_said(first[0])} and {_said(first[1])}: {where}{others}{gold.sampled}",
            "where that is a slip, mend the label; where it is meant, describe in the labels what makes the difference",
            gold.shown([place for pair in pairs for place in pair]),
        )
    for label, pairs in copies.items():
        places = [place for place in gold.places if label in gold.examples[place].labels]
        groups = _groups(places, pairs)
        if len(groups) > _DIFFERENT * len(places) or len(places) - len(groups) < 2:
            continue
        largest = max(groups, key=len)
        yield Finding(
            "copies",
            (label,),
            f"{counted(len(places), 'example')} of {quote(label)} teach as much as {len(groups)}: some are nearly the "
            f"same{gold.sampled}",
            "replace the copies by texts in other words",
            gold.shown(largest),
        )


def _said(labels: Sequence[str]) -> str:
    return listing(labels) if labels else "with nothing"


def _groups(places: Sequence[int], pairs: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Places put together where a chain of pairs joins them."""
    leader = {place: place for place in places}

    def lead(place: int) -> int:
        while leader[place] != place:
            place = leader[place]
        return place

    for one, other in pairs:
        leader[lead(other)] = lead(one)
    groups: dict[int, list[int]] = defaultdict(list)
    for place in places:
        groups[lead(place)].append(place)
    return list(groups.values())


def _always_together(gold: Gold, labels: Sequence[str]) -> Iterator[Finding]:
    """Labels of a multi-label task that every text has both of, or neither."""
    groups: dict[tuple[int, ...], list[str]] = defaultdict(list)
    for label in labels:
        groups[tuple(gold.by_label.get(label, ()))].append(label)
    for places, names in groups.items():
        for one, other in combinations(names, 2) if len(places) >= _TOGETHER else ():
            yield Finding(
                "together",
                (one, other),
                f"{quote(one)} and {quote(other)} always come together, in {counted(len(places), 'text')}, so that "
                "nothing tells them apart",
                "add texts that have only one of them, or make them one label",
                gold.shown(places),
            )


def _overlaps(gold: Gold) -> Iterator[Finding]:
    """Labels whose examples are each other's nearest, among texts that have one label."""
    places, likeness = _with_one_label(gold)
    labels = [gold.examples[place].labels[0] for place in places]
    for found in overlapping(likeness, labels):
        one, other = found.labels
        pairs = [(places[i], places[j]) for i, j in found.crossing]
        shown = list(dict.fromkeys(place for pair in pairs for place in pair))
        yield Finding(
            "overlap",
            found.labels,
            f"the examples of {quote(one)} and {quote(other)} do not tell them apart: {found.crosses} of "
            f"{found.texts} are nearer in words to one of the other label than to any of their own{gold.sampled}",
            f"describe both labels so that the difference is plain, for instance what is {quote(one)} and never "
            f"{quote(other)}; mend examples that stand under the wrong one; or make them one label",
            gold.shown(shown),
        )


def _with_one_label(gold: Gold) -> tuple[list[int], Likeness]:
    places = [place for place in gold.places if len(gold.examples[place].labels) == 1]
    if len(places) == len(gold.places):
        return places, gold.likeness
    return places, Likeness(tuple(gold.examples[place].text for place in places))


def _catch_alls(gold: Gold, bare: set[str]) -> Iterator[Finding]:
    """A label such as ``other`` whose examples are of one kind."""
    names = [label for label in gold.by_label if label in bare and is_catch_all(label)]
    for label in names:
        own = [label in gold.examples[place].labels for place in gold.places]
        table = gold.likeness.table
        rows = [i for i, is_own in enumerate(own) if is_own and table[i].any()]
        inside = [i for i in rows if own[int(table[i].argmax())]]
        chance = (sum(own) - 1) / max(1, len(own) - 1)
        if (
            len(rows) < FEW
            or len(inside) < _ALIKE * len(rows)
            or at_least(len(inside), len(rows), chance) > _ALPHA
        ):
            continue
        yield Finding(
            "unclear",
            (label,),
            f"{quote(label)} has no description, and its examples are like each other: {len(inside)} of {len(rows)} are "
            f"nearest to another of it{gold.sampled}",
            f"give what they are about a label of its own, or describe {quote(label)} in the task's labels",
            gold.shown([gold.places[i] for i in inside]),
        )


def _giveaways(gold: Gold) -> Iterator[Finding]:
    """Labels whose examples all begin, or all end, with the same words, as hardly any other does."""
    for verb, at_end in (("begin", False), ("end", True)):
        edges = {place: edge(gold.examples[place].text, at_end=at_end) for place in gold.places}
        for label in gold.by_label:
            own = [place for place in gold.places if label in gold.examples[place].labels]
            same = shared([edges[place] for place in own]) if len(own) >= FEW else ()
            if not same:
                continue
            others = [
                edges[place][: len(same)] == same
                for place in gold.places
                if label not in gold.examples[place].labels
            ]
            if not others or sum(others) > _ELSEWHERE * len(others):
                continue
            yield Finding(
                "giveaway",
                (label,),
                f"all {len(own)} examples of {quote(label)} {verb} with {quote(joined(same, at_end=at_end))}, and hardly "
                f"any other does{gold.sampled}",
                "the student may learn these words and nothing else: add examples that are worded otherwise, or take the "
                "words out where they are not the person's own",
                gold.shown(own),
            )
