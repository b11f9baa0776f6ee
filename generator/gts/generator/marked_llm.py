"""A generator that asks a language model for new texts with marks; the twin of :mod:`gts.generator.llm` for tasks of extraction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gts.core.llm.values import Answer, Call, Completion, Message
from gts.generator.chance import seeded
from gts.generator.llm import Ask
from gts.generator.marked import Gold, MarkedText, MarkedTexts, check_requests, is_wanted, types_of
from gts.generator.marked_parsing import blocks_of, read_block
from gts.generator.marked_writing import (
    MarkedBrief,
    MarkedWording,
    marked_chat_prompt,
    marked_continuation_prompt,
    read_marked_wording,
)
from gts.generator.protocol import Request
from gts.generator.questions import LLMConfig, texts_per_call, tokens_of_one
from gts.generator.variation import Variation, gather
from gts.generator.wording import Wording, read_wording
from gts.tasks.crossing import without_crossing
from gts.tasks.dataset import Example
from gts.tasks.marking import write_marked
from gts.tasks.text import same_text_key

# Seeds of servers and of torch are whole numbers of 32 bits at the least; room is left to count up.
_MAX_SEED = 2**30
# A text cannot be cut without its marks: longer ones are shown only where there are no others.
_EXAMPLE_CHARS = 1000
_DEFAULTS = LLMConfig()


@dataclass(frozen=True, slots=True)
class _Question:
    """A call, the request it is for, the user's texts it shows, and how many calls of its request come before it."""

    call: Call
    request: int
    seeds: tuple[str, ...]
    turn: int


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
        taken = {same_text_key(text) for text in (*(text for text, _ in gold), *pool)}
        # Of a text that stands there twice the last counts.
        known = dict(gold)
        known = {text: found for text, found in known.items() if len(text) <= _EXAMPLE_CHARS} or known
        marked = {text: write_marked(text, without_crossing(found)) for text, found in known.items()}
        variations = _variations(list(known.items()), pool, requests, self._wording, seed)
        asker = _Asker(
            self._brief,
            self._config,
            (self._words, self._wording),
            marked,
            list(zip(requests, variations, strict=True)),
            seed,
        )
        counts: Counter[str] = Counter()
        made: list[list[MarkedText]] = [[] for _ in requests]
        for round_ in range(self._config.rounds):
            missing = [request.count - len(own) for request, own in zip(requests, made, strict=True)]
            questions = asker.questions(missing, round_)
            if not questions:
                break
            answers = self._ask([question.call for question in questions])
            is_answered = False
            for question, answer in zip(questions, answers, strict=True):
                request, own = requests[question.request], made[question.request]
                for block in asker.blocks(answer, counts):
                    is_answered = True
                    read = read_block(block, self._brief.schema, counts)
                    if read is None or len(own) == request.count:
                        continue
                    if not is_wanted(read.structure, request):
                        counts["not wanted"] += 1
                    elif (key := same_text_key(read.text)) in taken:
                        counts["copy"] += 1
                    else:
                        taken.add(key)
                        scores = {"temperature": question.call.temperature, "round": round_ + 1.0}
                        own.append(
                            MarkedText(
                                read.text, read.structure, self._name, "written", question.seeds, scores
                            )
                        )
            if not is_answered:
                break
        return MarkedTexts(tuple(text for own in made for text in own), dict(+counts))


class _Asker:
    """Makes the questions of one run, and takes the texts out of the answers."""

    def __init__(
        self,
        brief: MarkedBrief,
        config: LLMConfig,
        words: tuple[MarkedWording, Wording],
        marked: Mapping[str, str],
        wanted: Sequence[tuple[Request, Variation]],
        seed: int,
    ) -> None:
        self._brief, self._config, self._marked, self._wanted = brief, config, marked, wanted
        self._words, self._wording = words
        self._first_seed = seeded(seed).randrange(_MAX_SEED)
        self._asked: Counter[tuple[Message, ...]] = Counter()
        self._max_tokens = config.max_tokens if config.chat else tokens_of_one([*marked.values()], config)

    def questions(self, missing: Sequence[int], round_: int) -> list[_Question]:
        """The questions of one round, by turns, so that a budget that ends within it ends for all requests alike."""
        made = [
            question
            for request, count in enumerate(missing)
            for question in self._questions(request, count, round_)
        ]
        return sorted(made, key=lambda question: question.turn)

    def blocks(self, answer: Answer, counts: Counter[str]) -> list[str]:
        """The whole texts of an answer, as they were written."""
        if not isinstance(answer, Completion):
            return []
        blocks = blocks_of(answer.text, self._words.phrase("next"))
        if not self._config.chat:
            # What comes after the one text that was asked for shows where it ends.
            counts["cut off"] += len(blocks) == 1 and not answer.is_whole
            return blocks[:1] if answer.is_whole or len(blocks) > 1 else []
        counts["cut off"] += bool(blocks) and not answer.is_whole
        return blocks if answer.is_whole else blocks[:-1]

    def _questions(self, request: int, missing: int, round_: int) -> Iterator[_Question]:
        config, variation = self._config, self._wanted[request][1]
        size = texts_per_call(config)
        for turn, start in enumerate(range(0, missing, size)):
            seeds = tuple(example.text for example in variation.examples(config.seeds_per_call))
            messages = self._messages(request, seeds, variation, min(size, missing - start))
            call = Call(
                messages,
                max_tokens=self._max_tokens,
                temperature=config.temperatures[round_ % len(config.temperatures)],
                top_p=config.top_p,
                seed=self._first_seed + self._asked[messages],
            )
            self._asked[messages] += 1
            yield _Question(call, request, seeds, turn)

    def _messages(
        self, request: int, seeds: Sequence[str], variation: Variation, count: int
    ) -> tuple[Message, ...]:
        examples = [self._marked[seed] for seed in seeds]
        if not self._config.chat:
            return marked_continuation_prompt(self._words, self._brief, examples)
        types = self._wanted[request][0].labels
        return marked_chat_prompt(
            self._words, self._wording, self._brief, types, examples, variation.wishes(), count
        )


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
