"""What every generator takes and gives, and the table of generators by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Protocol

from gts.core.errors import InvalidInput
from gts.tasks.dataset import Example, Origin

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Request:
    """How many new texts are wanted for one label, or for one set of labels in a multi-label task.

    Attributes:
        label: One label name, or the whole set of labels the new texts shall carry (may be empty).
        count: Number of texts wanted; a generator may yield fewer, never more.

    Raises:
        InvalidInput: The count is negative.

    Example:
        >>> Request("billing", 20).labels, Request(("billing", "urgent"), 5).labels
        (('billing',), ('billing', 'urgent'))
    """

    label: str | tuple[str, ...]
    count: int

    def __post_init__(self) -> None:
        if self.count < 0:
            raise InvalidInput(
                f"{self.count} texts were asked for label {self.label!r}; expected 0 or more",
                mend="ask for a positive number of texts",
            )

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels as a tuple, whichever way they were given."""
        return (self.label,) if isinstance(self.label, str) else tuple(self.label)


@dataclass(frozen=True, slots=True, eq=False)
class PoolWeights:
    """Soft labels of the pool, as a teacher gives them; they tell a generator which texts speak for a label.

    Attributes:
        labels: Label of each column.
        values: Probabilities [n_pool, n_labels]; rows sum to one for single-label tasks only.

    Raises:
        InvalidInput: The values are not a matrix with one column per label, or not probabilities.
    """

    labels: tuple[str, ...]
    values: NDArray[np.float64]

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or self.values.shape[1] != len(self.labels):
            raise InvalidInput(
                f"pool weights have shape {self.values.shape}; expected [texts, {len(self.labels)}]",
                mend="give one column per label",
            )
        if self.values.size and not (self.values.min() >= 0 and self.values.max() <= 1 + 1e-6):
            raise InvalidInput(
                "pool weights hold values outside 0..1 (or NaN); expected probabilities",
                mend="pass the teacher's probabilities, not its logits",
            )


@dataclass(frozen=True, slots=True)
class GeneratedText:
    """One new text and how it came about.

    Attributes:
        text: The new text.
        labels: The labels it was made for.
        generator: Name of the generator.
        seeds: The user's texts it was derived from, in the order of use.
        scores: The generator's own measures of it, by name.
    """

    text: str
    labels: tuple[str, ...]
    generator: str
    seeds: tuple[str, ...] = ()
    scores: Mapping[str, float] = field(default_factory=dict)

    def as_example(self) -> Example:
        """The training example it becomes once it is kept."""
        return Example(self.text, self.labels, Origin.GENERATED)


@dataclass(frozen=True, slots=True)
class Judged:
    """A generated text after the filters.

    Attributes:
        text: The generated text with its provenance.
        kept: Whether it may be trained on.
        kind: Short name of the filter that dropped it (``copy``, ``length``, ...); empty when kept.
        reason: Why it was dropped, for a person; empty when kept.
    """

    text: GeneratedText
    kept: bool
    kind: str = ""
    reason: str = ""

    def as_json(self) -> dict[str, Any]:
        """The row that is stored with the job, dropped texts included."""
        return {
            "text": self.text.text,
            "labels": list(self.text.labels),
            "generator": self.text.generator,
            "seeds": list(self.text.seeds),
            "scores": dict(self.text.scores),
            "kept": self.kept,
            "kind": self.kind,
            "reason": self.reason,
        }


class Generator(Protocol):
    """Writes new texts for a task from the user's own."""

    @property
    def name(self) -> str:
        """Name in the registry, kept in every text's provenance."""
        ...

    def generate(
        self,
        gold: Sequence[Example],
        pool: Sequence[str],
        requests: Sequence[Request],
        seed: int,
        pool_weights: PoolWeights | None = None,
    ) -> Iterator[GeneratedText]:
        """Yield up to the requested number of texts per request, in the order of the requests.

        Args:
            gold: The user's labelled examples.
            pool: The user's unlabelled texts; may be empty.
            requests: What is wanted.
            seed: Equal arguments and seed give equal texts.
            pool_weights: Soft labels of the pool where a teacher has given them.

        Raises:
            InvalidInput: A requested label is unknown, or there is no text to learn from.
        """
        ...


def _embedded(**options: Any) -> Generator:
    from gts.generator.embedded import EmbeddedConfig, EmbeddedGenerator

    known = [entry.name for entry in fields(EmbeddedConfig)]
    if unknown := sorted(options.keys() - set(known)):
        raise InvalidInput(
            f"generator 'embedded' has no option {', '.join(unknown)}; known: {', '.join(known)}",
            mend="change the generator's options",
            known=known,
        )
    return EmbeddedGenerator(EmbeddedConfig(**options))


REGISTRY: dict[str, Callable[..., Generator]] = {"embedded": _embedded}
"""Generators by name. A factory takes the fields of that generator's config as keyword arguments."""


def make_generator(name: str, **options: Any) -> Generator:
    """The generator of that name.

    Args:
        name: A key of :data:`REGISTRY`.
        **options: Fields of the generator's config.

    Raises:
        InvalidInput: No generator has that name, or an option is unknown or out of range.

    Example:
        >>> make_generator("embedded").name
        'embedded'
    """
    if name not in REGISTRY:
        known = ", ".join(sorted(REGISTRY))
        raise InvalidInput(
            f"no generator is named {name!r}; known: {known}",
            mend="choose one of the known generators",
            known=sorted(REGISTRY),
        )
    return REGISTRY[name](**options)
