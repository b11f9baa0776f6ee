"""A generator that asks a language model for new pairs of texts, alike or not.

The twin of :mod:`gts.generator.llm` for tasks of similarity.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle

from gts.core.errors import InvalidInput
from gts.core.llm.values import Message
from gts.generator.chance import seeded
from gts.generator.couple_writing import (
    CoupleBrief,
    CoupleReader,
    as_json,
    as_listed,
    couple_schema,
    fits,
    wishes_for,
)
from gts.generator.couples import Couple
from gts.generator.deck import Deck
from gts.generator.llm import Ask
from gts.generator.made import MadeRow, MadeRows
from gts.generator.parsing import says_something
from gts.generator.protocol import Request
from gts.generator.questions import LLMConfig
from gts.generator.rounds import Prompt, fitting_form, write_in_rounds
from gts.generator.variation import Variation
from gts.generator.wording import Wording, Words, read_wording
from gts.generator.words import read_words
from gts.generator.writing import wish_lines
from gts.tasks.dataset import Origin
from gts.tasks.intake.fields import find_pair
from gts.tasks.intake.pairs import pair_key
from gts.tasks.rows import PairRow, texts_of
from gts.tasks.text import same_text_key

_SCORES = {"alike": 1.0, "not alike": 0.0}
_MANNERS = {"alike": ("alike",), "not alike": ("hard", "easy")}
_NAMES = ("text_a", "text_b")
_SCHEMA = couple_schema("pairs", _NAMES)
_WRITE = (("alike", "unlike", "count", "wanted"), ("task", "wishes"))
_CONTINUE = (("examples", "next"), ("task",))
_PARTS = ("alike", "easy", "hard", "list_alike", "list_unlike", "first", "second", "unseen")
_PHRASES: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {name: ((), ()) for name in _PARTS}
_DEFAULTS = LLMConfig()


class PairLLMGenerator:
    """Asks a language model for pairs; it has much in common with :class:`gts.generator.llm.LLMGenerator`.

    Each prompt shows pairs of the user of both kinds. Pairs that are not alike are asked for by turns as hard
    ones, of much the same words with another meaning, and as easy ones.

    Args:
        name: Name of the generator, kept in every pair's provenance.
        ask: Asks the model.
        brief: What the prompts say about the task.
        config: How it is asked.

    Raises:
        InvalidInput: A person's own prompt file is wrong.

    Example:
        >>> from gts.core.llm.values import Completion
        >>> answer = Completion('{"pairs": [{"text_a": "who are you?", "text_b": "what is your name?"}]}')
        >>> brief = CoupleBrief("questions", "en")
        >>> generator = PairLLMGenerator("big", lambda calls: [answer for _ in calls], brief)
        >>> gold = [PairRow("how old are you?", "what is your age?", 1.0)]
        >>> [made.row.text_b for made in generator.generate(gold, [], [Request("alike", 1)], seed=0).rows]
        ['what is your name?']
    """

    def __init__(self, name: str, ask: Ask, brief: CoupleBrief, config: LLMConfig = _DEFAULTS) -> None:
        self._name, self._ask, self._brief, self._config = name, ask, brief, config
        self._wording = read_wording(brief.language)
        self._words = read_words("pairs", "pairs", brief.language, _WRITE, _CONTINUE, _PHRASES)

    @property
    def name(self) -> str:
        """The name it was given."""
        return self._name

    def generate(
        self, gold: Sequence[PairRow], pool: Sequence[PairRow], requests: Sequence[Request], seed: int
    ) -> MadeRows:
        """Make up to the requested number of pairs per request, in the order of the requests.

        Args:
            gold: The user's pairs, each alike (1) or not (0).
            pool: The user's unlabelled pairs; may be empty.
            requests: How many pairs are wanted that are ``alike``, and ``not alike``.
            seed: Equal arguments and answers give equal calls.

        Returns:
            The pairs. Left out and counted are ``empty`` ones, of which a text is missing, those with the
            ``same text`` twice, each ``copy``, and what was ``cut off``.

        Raises:
            InvalidInput: Something else is asked for, a pair of the user has another score, or there is none.
        """
        _check(gold, requests)
        fitting = [row for row in gold if fits(row.text_a + row.text_b, self._config)] or gold
        hands = _hands(fitting, pool, requests, self._wording, seed)
        writing = _PairWriting(self._brief, self._config, (self._words, self._wording), hands)
        form = fitting_form([f"{row.text_a}\n{row.text_b}" for row in fitting], self._config, _SCHEMA)
        known = (pair_key(row) for row in (*gold, *pool))
        wanted = [request.count for request in requests]
        made, dropped = write_in_rounds(self._ask, self._config, form, writing, wanted, known, seed)
        rows = []
        for hand, own in zip(hands, made, strict=True):
            for new in own:
                row = PairRow(*new.value, _SCORES[hand.kind], Origin.GENERATED)
                rows.append(MadeRow(row, (hand.kind,), self._name, "written", new.seeds, new.scores))
        return MadeRows(tuple(rows), dropped)


def _check(gold: Sequence[PairRow], requests: Sequence[Request]) -> None:
    if not gold:
        raise InvalidInput("there is no pair to learn from", mend="give labelled pairs")
    for row in gold:
        if row.score not in _SCORES.values():
            raise InvalidInput(
                f"a pair has the score {row.score}; pairs are written for tasks of scores 0 and 1 only",
                mend="choose no language model as a generator for a task with grades",
            )
    for request in requests:
        if len(request.labels) != 1 or request.labels[0] not in _SCORES:
            raise InvalidInput(
                f"pairs were asked for that are {request.label!r}; known: {', '.join(_SCORES)}",
                mend="ask for one of these",
                known=list(_SCORES),
            )


@dataclass(frozen=True, slots=True)
class _Hand:
    """What is dealt out for the calls of one request.

    Attributes:
        kind: What its pairs shall be.
        rows: Pairs of the user to show, by kind.
        manners: What is said of the new pairs, by turns: names of phrases.
        variation: Wishes for their texts.
    """

    kind: str
    rows: Mapping[str, Deck[PairRow]]
    manners: Iterator[str]
    variation: Variation

    def examples(self, count: int) -> dict[str, list[PairRow]]:
        """The next pairs to show, by kind; those of the wanted kind are one more if the number is odd."""
        return {
            kind: deck.deal((count + 1) // 2 if kind == self.kind else count // 2)
            for kind, deck in self.rows.items()
        }


def _hands(
    gold: Sequence[PairRow],
    pool: Sequence[PairRow],
    requests: Sequence[Request],
    wording: Wording,
    seed: int,
) -> list[_Hand]:
    texts, unlabelled = ([text for row in rows for text in texts_of(row)] for rows in (gold, pool))
    hands = []
    asked: Counter[str] = Counter()
    for request in requests:
        (kind,) = request.labels
        # Another draw for a second request of the same kind, which else would ask the same questions.
        rng = seeded(repr((seed, kind, asked[kind])))
        asked[kind] += 1
        rows = {
            name: Deck([row for row in gold if row.score == score], rng) for name, score in _SCORES.items()
        }
        hands.append(_Hand(kind, rows, cycle(_MANNERS[kind]), wishes_for(texts, unlabelled, wording, rng)))
    return hands


class _PairWriting(CoupleReader):
    """Makes the prompts of one run, and takes the pairs out of the answers."""

    def __init__(
        self, brief: CoupleBrief, config: LLMConfig, words: tuple[Words, Wording], hands: Sequence[_Hand]
    ) -> None:
        self._words, self._wording = words
        self._brief, self._hands = brief, hands
        super().__init__(config, _find, (self._words.phrase("first"), self._words.phrase("second")))

    def prompt(self, request: int, count: int) -> Prompt:
        """See :meth:`gts.generator.rounds.Writing.prompt`."""
        hand = self._hands[request]
        examples = hand.examples(self._config.seeds_per_call)
        content = (
            self._chat(hand, examples, count) if self._config.chat else self._continuation(hand, examples)
        )
        seeds = tuple(text for rows in examples.values() for row in rows for text in texts_of(row))
        return Prompt((Message("user", content),), seeds)

    def fault(self, request: int, value: Couple) -> str:
        """See :meth:`gts.generator.rounds.Writing.fault`."""
        if not all(map(says_something, value)):
            return "empty"
        return "same text" if same_text_key(value[0]) == same_text_key(value[1]) else ""

    def key(self, value: Couple) -> tuple[str, ...]:
        """See :meth:`gts.generator.rounds.Writing.key`."""
        return pair_key(PairRow(*value))

    def _chat(self, hand: _Hand, examples: Mapping[str, Sequence[PairRow]], count: int) -> str:
        alike, unlike = (
            "\n".join(as_json(_NAMES, (row.text_a, row.text_b)) for row in examples[kind]) for kind in _SCORES
        )
        unseen = self._words.phrase("unseen")
        return self._words.write(
            task=self._brief.name,
            alike=alike or unseen,
            unlike=unlike or unseen,
            wanted=self._words.phrase(next(hand.manners)),
            wishes="\n".join(wish_lines(self._wording, self._brief.language, (), hand.variation.wishes())),
            count=str(count),
        )

    def _continuation(self, hand: _Hand, examples: Mapping[str, Sequence[PairRow]]) -> str:
        # Those of the wanted kind last, next to what is to be written.
        shown = [
            f"{self._heading(kind)}\n{as_listed(self._tags, (row.text_a, row.text_b))}"
            for kind in sorted(_SCORES, key=lambda kind: kind == hand.kind)
            for row in examples[kind]
        ]
        begin = f"{self._heading(hand.kind)}\n{self._tags[0]}"
        return self._words.continue_(task=self._brief.name, examples="\n\n".join(shown), next=begin)

    def _heading(self, kind: str) -> str:
        return self._words.phrase("list_alike" if _SCORES[kind] else "list_unlike")


def _find(keys: tuple[str, ...]) -> Couple | None:
    return find_pair(keys, None)
