"""A generator that asks a language model for new texts with marks; the twin of :mod:`gts.generator.llm` for tasks of extraction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from gts.core.llm.values import Completion
from gts.generator.chance import seeded
from gts.generator.llm import Ask
from gts.generator.marked import Gold, MarkedText, MarkedTexts, check_requests, is_wanted, types_of
from gts.generator.marked_parsing import ReadText, blocks_of, read_block
from gts.generator.marked_writing import (
    MarkedBrief,
    marked_chat_prompt,
    marked_continuation_prompt,
    read_marked_wording,
)
from gts.generator.protocol import Request
from gts.generator.questions import LLMConfig, texts_per_call, tokens_of_one
from gts.generator.rounds import Form, Prompt, write_in_rounds
from gts.generator.variation import Variation, gather
from gts.generator.wording import Wording, Words, read_wording
from gts.tasks.crossing import without_crossing
from gts.tasks.dataset import Example
from gts.tasks.marking import write_marked
from gts.tasks.text import same_text_key

# A text cannot be cut without its marks: longer ones are shown only where there are no others.
_EXAMPLE_CHARS = 1000
_DEFAULTS = LLMConfig()


class MarkedLLMGenerator:
    """Asks a language model for texts with marks; see :class:`gts.generator.llm.LLMGenerator` for what both have in common.

    Texts whose parts cross are shown without one of them, for brackets cannot show both.

    Args:
        name: Name of the generator, kept in every text's provenance.
        ask: Asks the model.
        brief: What the prompts say about the task.
        config: How it is asked; ``schema`` is of no use here, for the answer is plain text.

    Raises:
        InvalidInput: A person's own prompt file is wrong.

    Example:
        >>> from gts.tasks.schema import Schema
        >>> from gts.tasks.structures import Span, Structure
        >>> brief = MarkedBrief("letters", Schema(entities={"person": ""}))
        >>> answer = Completion("[person: Max] slept.\\n\\n[person: Eve walked.")
        >>> generator = MarkedLLMGenerator("big", lambda calls: [answer for _ in calls], brief, LLMConfig(rounds=1))
        >>> gold = [("Ada wrote.", Structure((Span(0, 3, "person"),)))]
        >>> made = generator.generate(gold, [], [Request("person", 2)], seed=0)
        >>> [text.text for text in made.texts], made.dropped
        (['Max slept.'], {'unclosed': 1})
    """

    def __init__(self, name: str, ask: Ask, brief: MarkedBrief, config: LLMConfig = _DEFAULTS) -> None:
        self._name, self._ask, self._brief, self._config = name, ask, brief, config
        self._wording, self._words = read_wording(brief.language), read_marked_wording(brief.language)

    @property
    def name(self) -> str:
        """The name it was given."""
        return self._name

    def generate(
        self, gold: Sequence[Gold], pool: Sequence[str], requests: Sequence[Request], seed: int
    ) -> MarkedTexts:
        """See :meth:`gts.generator.marked.MarkedGenerator.generate`."""
        check_requests(requests, gold, self._brief.schema)
        # Of a text that stands there twice the last counts.
        shown = dict(gold)
        shown = {text: found for text, found in shown.items() if len(text) <= _EXAMPLE_CHARS} or shown
        marked = {text: write_marked(text, without_crossing(found)) for text, found in shown.items()}
        config = self._config
        writing = _MarkedWriting(
            self._brief,
            config,
            (self._words, self._wording),
            marked,
            requests,
            _variations(list(shown.items()), pool, requests, self._wording, seed),
        )
        max_tokens = config.max_tokens if config.chat else tokens_of_one([*marked.values()], config)
        form = Form(texts_per_call(config), max_tokens)
        known = (same_text_key(text) for text in (*(text for text, _ in gold), *pool))
        wanted = [request.count for request in requests]
        made, dropped = write_in_rounds(self._ask, config, form, writing, wanted, known, seed)
        texts = (
            MarkedText(new.value.text, new.value.structure, self._name, "written", new.seeds, new.scores)
            for own in made
            for new in own
        )
        return MarkedTexts(tuple(texts), dropped)


class _MarkedWriting:
    """Makes the prompts of one run, and takes the texts out of the answers."""

    def __init__(
        self,
        brief: MarkedBrief,
        config: LLMConfig,
        words: tuple[Words, Wording],
        marked: Mapping[str, str],
        requests: Sequence[Request],
        variations: Sequence[Variation],
    ) -> None:
        self._brief, self._config, self._marked = brief, config, marked
        self._words, self._wording = words
        self._requests, self._variations = requests, variations

    def prompt(self, request: int, count: int) -> Prompt:
        variation = self._variations[request]
        seeds = tuple(example.text for example in variation.examples(self._config.seeds_per_call))
        examples = [self._marked[seed] for seed in seeds]
        if not self._config.chat:
            return Prompt(marked_continuation_prompt(self._words, self._brief, examples), seeds)
        types = self._requests[request].labels
        messages = marked_chat_prompt(
            self._words, self._wording, self._brief, types, examples, variation.wishes(), count
        )
        return Prompt(messages, seeds)

    def read(self, answer: Completion, counts: Counter[str]) -> Iterator[ReadText | None]:
        for block in self._blocks(answer, counts):
            yield read_block(block, self._brief.schema, counts)

    def fault(self, request: int, value: ReadText) -> str:
        return "" if is_wanted(value.structure, self._requests[request]) else "not wanted"

    def key(self, value: ReadText) -> str:
        return same_text_key(value.text)

    def _blocks(self, answer: Completion, counts: Counter[str]) -> list[str]:
        """The whole texts of an answer, as they were written."""
        blocks = blocks_of(answer.text, self._words.phrase("next"))
        if not self._config.chat:
            # What comes after the one text that was asked for shows where it ends.
            counts["cut off"] += len(blocks) == 1 and not answer.is_whole
            return blocks[:1] if answer.is_whole or len(blocks) > 1 else []
        counts["cut off"] += bool(blocks) and not answer.is_whole
        return blocks if answer.is_whole else blocks[:-1]


def _variations(
    gold: Sequence[Gold], pool: Sequence[str], requests: Sequence[Request], wording: Wording, seed: int
) -> list[Variation]:
    made = []
    asked: Counter[tuple[str, ...]] = Counter()
    for request in requests:
        # Another draw for a second request of the same types, which else would ask the same questions.
        draw = repr((seed, request.labels, asked[request.labels]))
        asked[request.labels] += 1
        material = gather(_examples(gold, request), pool, None, multi_label=True)
        rng = seeded(draw)
        made.append(Variation(request.labels, material, (), wording, rng))
    return made


def _examples(gold: Sequence[Gold], request: Request) -> list[Example]:
    """The texts labelled with their types; those that hold what is wanted with no other, so that they are shown alike."""
    wanted = [is_wanted(structure, request) for _, structure in gold]
    # Where no text holds nothing, any shows at least what the texts are like.
    is_any = not request.labels and not any(wanted)
    return [
        Example(text, request.labels if fits or is_any else tuple(sorted(types_of(structure))))
        for (text, structure), fits in zip(gold, wanted, strict=True)
    ]
