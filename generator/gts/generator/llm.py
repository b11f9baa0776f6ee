"""A generator that asks a language model, of this machine or behind a server, for new texts of a label.

A model that follows instructions is asked for several texts at a time, each call with other examples and other wishes: style, writer,
length, subjects, nearness to another label (attributed prompts, Yu et al., "Large Language Model as Attributed Training Data
Generator", 2023). A model without instruction tuning is shown a list of texts of the label and goes on writing it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from gts.core.errors import InvalidInput
from gts.core.llm.values import Answer, Call
from gts.generator.chance import seeded
from gts.generator.neighbours import confusions, nearest
from gts.generator.protocol import GeneratedText, PoolWeights, Request
from gts.generator.questions import LLMConfig, Questioner, max_calls
from gts.generator.variation import Material, Variation, gather
from gts.generator.wording import read_wording
from gts.generator.writing import Brief
from gts.tasks.dataset import Example
from gts.tasks.text import same_text_key

__all__ = ["Ask", "Brief", "LLMConfig", "LLMGenerator", "max_calls"]

Ask = Callable[[Sequence[Call]], Sequence[Answer]]
"""Asks one model; bound to its cache and its allowance. One answer for each call, in order."""

# Seeds of servers and of torch are whole numbers of 32 bits at the least; room is left to count up.
_MAX_SEED = 2**30
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
        material = gather(gold, pool, pool_weights, self._brief.multi_label)
        first_seed = seeded(seed).randrange(_MAX_SEED)
        texts = [*(example.text for example in material.gold), *material.pool]
        questioner = Questioner(self._wording, self._brief, self._config, texts, first_seed)
        others = self._others(material, requests)
        variations = self._variations(material, requests, others, seed)
        taken = {same_text_key(text) for text in (*(example.text for example in gold), *pool)}
        made: list[list[GeneratedText]] = [[] for _ in requests]
        for round_ in range(self._config.rounds):
            questions = [
                (i, question)
                for i, request in enumerate(requests)
                for question in questioner.questions(
                    request, others[i], variations[i], request.count - len(made[i]), round_
                )
            ]
            if not questions:
                break
            # By turns, so that a budget that ends within a round ends for all labels alike.
            questions.sort(key=lambda asked: asked[1].turn)
            is_answered = False
            answers = self._ask([question.call for _, question in questions])
            for (i, question), answer in zip(questions, answers, strict=True):
                for text in questioner.read(answer):
                    is_answered = True
                    if len(made[i]) < requests[i].count and (key := same_text_key(text)) not in taken:
                        taken.add(key)
                        scores = {"temperature": question.temperature, "round": round_ + 1.0}
                        made[i].append(
                            GeneratedText(text, requests[i].labels, self._name, question.seeds, scores)
                        )
            if not is_answered:
                break
        for row in made:
            yield from row

    def _others(self, material: Material, requests: Sequence[Request]) -> list[list[str]]:
        """For each request the labels that its texts shall not carry, the likeliest to be confused first."""
        names = list(self._brief.labels)
        confusion = confusions(names, material.gold, material.weights)
        return [nearest(names, request.labels, confusion) for request in requests]

    def _variations(
        self, material: Material, requests: Sequence[Request], others: Sequence[list[str]], seed: int
    ) -> list[Variation]:
        made = []
        asked: Counter[tuple[str, ...]] = Counter()
        for request, near in zip(requests, others, strict=True):
            # Another draw for a second request of the same labels, which else would ask the same questions.
            draw = repr((seed, request.labels, asked[request.labels]))
            asked[request.labels] += 1
            # A set of labels is confused most with one other; "none of them" with each.
            boundary = near[:1] if request.labels else near
            rng = seeded(draw)
            made.append(Variation(request.labels, material, boundary, self._wording, rng))
        return made
