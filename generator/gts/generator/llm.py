"""A generator that asks a language model, of this machine or behind a server, for new texts of a label.

A model that follows instructions is asked for several texts at a time, each call with other examples and other wishes: style, writer,
length, subjects, nearness to another label (attributed prompts, Yu et al., "Large Language Model as Attributed Training Data
Generator", 2023). A model without instruction tuning is shown a list of texts of the label and goes on writing it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence

from gts.core.errors import InvalidInput
from gts.core.llm.values import Answer, Call, Completion
from gts.generator.chance import seeded
from gts.generator.neighbours import confusions, nearest
from gts.generator.parsing import first_text, parse_texts
from gts.generator.protocol import GeneratedText, PoolWeights, Request
from gts.generator.questions import LLMConfig
from gts.generator.rounds import Prompt, fitting_form, write_in_rounds
from gts.generator.variation import Material, Variation, gather
from gts.generator.wording import Wording, read_wording
from gts.generator.writing import SCHEMA, Brief, chat_prompt, continuation_prompt
from gts.tasks.dataset import Example
from gts.tasks.text import same_text_key

__all__ = ["Ask", "Brief", "LLMConfig", "LLMGenerator"]

Ask = Callable[[Sequence[Call]], Sequence[Answer]]
"""Asks one model; bound to its cache and its allowance. One answer for each call, in order."""

_DEFAULTS = LLMConfig()


class LLMGenerator:
    """Asks a language model for texts; see the module's text.

    All calls of a round are handed over in one go. Equal arguments and equal answers give equal calls, so that calls kept
    by their content are found again; the calls of a request do not depend on the other requests.

    Args:
        name: Name of the generator, kept in every text's provenance.
        ask: Asks the model.
        brief: What the prompts say about the task.
        config: How it is asked.

    Raises:
        InvalidInput: A person's own prompt file is wrong.

    Example:
        >>> from gts.core.llm.values import Completion
        >>> gold = [Example("you charged me twice", ("billing",)), Example("where is my parcel", ("delivery",))]
        >>> answer = Completion('{"texts": ["why was I charged?", "You charged me twice"]}')
        >>> generator = LLMGenerator(
        ...     "big", lambda calls: [answer for _ in calls], Brief("tickets", {"billing": "", "delivery": ""})
        ... )
        >>> [text.text for text in generator.generate(gold, [], [Request("billing", 2)], seed=0)]
        ['why was I charged?']
    """

    def __init__(self, name: str, ask: Ask, brief: Brief, config: LLMConfig = _DEFAULTS) -> None:
        self._name, self._ask, self._brief, self._config = name, ask, brief, config
        self._wording = read_wording(brief.language)

    @property
    def name(self) -> str:
        """The name it was given."""
        return self._name

    def generate(
        self,
        gold: Sequence[Example],
        pool: Sequence[str],
        requests: Sequence[Request],
        seed: int,
        pool_weights: PoolWeights | None = None,
    ) -> Iterator[GeneratedText]:
        """See :meth:`gts.generator.protocol.Generator.generate`; the model is asked when the first text is taken."""
        if pool_weights is not None and len(pool_weights.values) != len(pool):
            raise InvalidInput(
                f"pool weights were given for {len(pool_weights.values)} texts; the pool has {len(pool)}",
                mend="give one row per pool text",
            )
        if not gold and not pool:
            raise InvalidInput("there is no text to learn from", mend="give labelled examples or a pool")
        known = list(self._brief.labels)
        for request in requests:
            if unknown := [label for label in request.labels if label not in known]:
                raise InvalidInput(
                    f"texts were asked for label {unknown[0]!r}; known: {', '.join(known) or 'none'}",
                    mend="ask for a label of the task",
                    known=known,
                )
        return self._generate(gold, pool, requests, seed, pool_weights)

    def _generate(
        self,
        gold: Sequence[Example],
        pool: Sequence[str],
        requests: Sequence[Request],
        seed: int,
        pool_weights: PoolWeights | None,
    ) -> Iterator[GeneratedText]:
        texts = [*(example.text for example in gold), *pool]
        material = gather(gold, pool, pool_weights, self._brief.multi_label)
        shown = [*(example.text for example in material.gold), *material.pool]
        made, _ = write_in_rounds(
            self._ask,
            self._config,
            fitting_form(shown, self._config, SCHEMA),
            _Texts(self._brief, self._config, self._wording, material, requests, seed),
            [request.count for request in requests],
            map(same_text_key, texts),
            seed,
        )
        for request, written in zip(requests, made, strict=True):
            for one in written:
                yield GeneratedText(one.value, request.labels, self._name, one.seeds, one.scores)


class _Texts:
    """See :class:`gts.generator.rounds.Writing`: texts of the labels of each request."""

    def __init__(
        self,
        brief: Brief,
        config: LLMConfig,
        wording: Wording,
        material: Material,
        requests: Sequence[Request],
        seed: int,
    ) -> None:
        self._brief, self._config, self._wording, self._requests = brief, config, wording, requests
        names = list(brief.labels)
        confusion = confusions(names, material.gold, material.weights)
        # Labels that a request's texts shall not carry, the likeliest to be confused first.
        self._others = [nearest(names, request.labels, confusion) for request in requests]
        self._variations = []
        asked: Counter[tuple[str, ...]] = Counter()
        for request, near in zip(requests, self._others, strict=True):
            # Another draw for a second request of the same labels, which else would ask the same questions.
            rng = seeded(repr((seed, request.labels, asked[request.labels])))
            asked[request.labels] += 1
            # A set of labels is confused most with one other; "none of them" with each.
            boundary = near[:1] if request.labels else near
            self._variations.append(Variation(request.labels, material, boundary, wording, rng))

    def prompt(self, request: int, count: int) -> Prompt:
        """What varies is dealt anew for each call."""
        labels, variation = self._requests[request].labels, self._variations[request]
        examples = variation.examples(self._config.seeds_per_call)
        if self._config.chat:
            others, wishes = self._others[request], variation.wishes()
            messages = chat_prompt(self._wording, self._brief, labels, others, examples, wishes, count)
        else:
            messages = continuation_prompt(self._wording, self._brief, labels, examples)
        return Prompt(messages, tuple(example.text for example in examples))

    def read(self, answer: Completion, counts: Counter[str]) -> Sequence[str]:
        """A list of texts, or the text that a list was continued with."""
        labels = tuple(self._brief.labels)
        if self._config.chat:
            return parse_texts(answer.text, labels, is_whole=answer.is_whole)
        text = first_text(answer.text, labels, is_whole=answer.is_whole)
        return [] if text is None else [text]

    def fault(self, request: int, value: str) -> str:
        """A text alone does not show whether it carries its labels; filters look into that."""
        return ""

    def key(self, value: str) -> Hashable:
        """Texts that differ in case and white space are the same."""
        return same_text_key(value)
