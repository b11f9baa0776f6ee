"""A generator that asks a language model for new texts with their summaries.

The twin of :mod:`gts.generator.llm` for summarization.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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
from gts.generator.tokens import tokenize
from gts.generator.variation import Variation, length_bands
from gts.generator.wording import Wording, Words, read_wording
from gts.generator.words import read_words
from gts.generator.writing import wish_lines
from gts.tasks.dataset import Origin
from gts.tasks.intake.fields import SUMMARY_NAMES, TEXT_NAMES, find_key
from gts.tasks.rows import SummaryRow
from gts.tasks.text import same_text_key

_NAMES = ("text", "summary")
_SCHEMA = couple_schema("texts", _NAMES)
_WRITE = (("examples", "count"), ("task", "wishes"))
_CONTINUE = (("examples", "next"), ("task",))
_PHRASES: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "length": (("low", "high"), ()),
    "length_characters": (("low", "high"), ()),
    "text": ((), ()),
    "summary": ((), ()),
}
# Words and signs, or characters of a script without spaces: fewer say nothing that could be summarized.
_LEAST_TOKENS = 5
_DEFAULTS = LLMConfig()


class SummaryLLMGenerator:
    """Asks a language model for texts with summaries; much as :class:`gts.generator.llm.LLMGenerator` does.

    Texts of the user that an answer could not hold are not shown where there are others, and the lengths of
    those are wished for.

    Args:
        name: Name of the generator, kept in every text's provenance.
        ask: Asks the model.
        brief: What the prompts say about the task.
        config: How it is asked.

    Raises:
        InvalidInput: A person's own prompt file is wrong.

    Example:
        >>> from gts.core.llm.values import Completion
        >>> answer = Completion('{"texts": [{"text": "Eve slept all day long.", "summary": "Eve slept."}]}')
        >>> brief = CoupleBrief("diary", "en")
        >>> generator = SummaryLLMGenerator("big", lambda calls: [answer for _ in calls], brief)
        >>> gold = [SummaryRow("Ada wrote to Max for an hour.", "Ada wrote.")]
        >>> [made.row.summary for made in generator.generate(gold, [], 1, seed=0).rows]
        ['Eve slept.']
    """

    def __init__(self, name: str, ask: Ask, brief: CoupleBrief, config: LLMConfig = _DEFAULTS) -> None:
        self._name, self._ask, self._brief, self._config = name, ask, brief, config
        self._wording = read_wording(brief.language)
        self._words = read_words("summaries", "summaries", brief.language, _WRITE, _CONTINUE, _PHRASES)

    @property
    def name(self) -> str:
        """The name it was given."""
        return self._name

    def generate(self, gold: Sequence[SummaryRow], pool: Sequence[str], count: int, seed: int) -> MadeRows:
        """Make up to so many texts with summaries.

        Args:
            gold: The user's texts with summaries.
            pool: The user's texts without; may be empty.
            count: How many are wanted.
            seed: Equal arguments and answers give equal calls.

        Returns:
            The rows. Left out and counted are ``empty`` ones, without text or summary, those with a
            ``short text`` of less than a sentence, those with a ``long summary``, as long as the text or longer,
            each ``copy`` of a text, and what was ``cut off``.

        Raises:
            InvalidInput: There is no summary to learn from, or the count is negative.
        """
        request = Request((), count)
        known = [(row.text, row.summary) for row in gold if row.summary]
        if not known:
            raise InvalidInput("there is no summary to learn from", mend="give texts with summaries")
        shown = [couple for couple in known if fits("".join(couple), self._config)] or known
        rng = seeded(seed)
        variation = wishes_for([text for text, _ in shown], pool, self._wording, rng)
        writing = _SummaryWriting(
            self._brief, self._config, (self._words, self._wording), Deck(shown, rng), variation, shown
        )
        form = fitting_form(["\n".join(couple) for couple in shown], self._config, _SCHEMA)
        keys = (same_text_key(text) for text in (*(row.text for row in gold), *pool))
        (made,), dropped = write_in_rounds(
            self._ask, self._config, form, writing, [request.count], keys, seed
        )
        rows = (
            MadeRow(
                SummaryRow(*new.value, Origin.GENERATED), (), self._name, "written", new.seeds, new.scores
            )
            for new in made
        )
        return MadeRows(tuple(rows), dropped)


class _SummaryWriting(CoupleReader):
    """Makes the prompts of one run, and takes the texts with summaries out of the answers."""

    def __init__(
        self,
        brief: CoupleBrief,
        config: LLMConfig,
        words: tuple[Words, Wording],
        deck: Deck[Couple],
        variation: Variation,
        known: Sequence[Couple],
    ) -> None:
        self._words, self._wording = words
        self._brief, self._deck, self._variation = brief, deck, variation
        self._length = _length(self._words, [summary for _, summary in known])
        super().__init__(config, _find, (self._words.phrase("text"), self._words.phrase("summary")))

    def prompt(self, request: int, count: int) -> Prompt:
        """See :meth:`gts.generator.rounds.Writing.prompt`."""
        examples = self._deck.deal(self._config.seeds_per_call)
        content = self._chat(examples, count) if self._config.chat else self._continuation(examples)
        return Prompt((Message("user", content),), tuple(text for text, _ in examples))

    def fault(self, request: int, value: Couple) -> str:
        """See :meth:`gts.generator.rounds.Writing.fault`."""
        text, summary = value
        if not (says_something(text) and says_something(summary)):
            return "empty"
        if len(tokenize(text)) < _LEAST_TOKENS:
            return "short text"
        return "long summary" if len(summary) >= len(text) else ""

    def key(self, value: Couple) -> str:
        """See :meth:`gts.generator.rounds.Writing.key`."""
        return same_text_key(value[0])

    def _chat(self, examples: Sequence[Couple], count: int) -> str:
        wishes = wish_lines(self._wording, self._brief.language, (), self._variation.wishes())
        return self._words.write(
            task=self._brief.name,
            examples="\n".join(as_json(_NAMES, couple) for couple in examples),
            wishes="\n".join([*wishes, self._length]),
            count=str(count),
        )

    def _continuation(self, examples: Sequence[Couple]) -> str:
        shown = "\n\n".join(as_listed(self._tags, couple) for couple in examples)
        return self._words.continue_(task=self._brief.name, examples=shown, next=self._tags[0])


def _length(words: Words, summaries: Sequence[str]) -> str:
    """The wish for summaries as long as the user's, but for the shortest and the longest."""
    bands = length_bands(summaries)
    name = "length_characters" if bands[0].in_characters else "length"
    return words.phrase(name, low=str(bands[0].low), high=str(bands[-1].high))


def _find(keys: tuple[str, ...]) -> Couple | None:
    summary = find_key(keys, SUMMARY_NAMES, None, "summary")
    text = find_key(tuple(key for key in keys if key != summary), TEXT_NAMES, None, "text")
    return None if text is None or summary is None else (text, summary)
