"""A causal language model on this machine, token by token: what it has read is kept, so that it reads on from anywhere at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gts.core.errors import InvalidInput
from gts.core.llm.entry import ModelEntry
from gts.core.llm.transformers_backend import load_causal

_DEFAULT_CONTEXT = 2048


@dataclass(frozen=True, slots=True)
class Sampling:
    """Which tokens are drawn.

    Attributes:
        temperature: Above 1 flattens the model's distribution, below 1 sharpens it.
        top_k: Only so many of the likeliest tokens are drawn from.
        top_p: Of those, the fewest that hold this share of the probability.

    Raises:
        InvalidInput: A value is out of range.
    """

    temperature: float = 1.0
    top_k: int = 50
    top_p: float = 0.95

    def __post_init__(self) -> None:
        ranges = {"temperature": (0.01, 10.0), "top_k": (1, 100_000), "top_p": (0.01, 1.0)}
        for name, (low, high) in ranges.items():
            if not low <= getattr(self, name) <= high:
                raise InvalidInput(
                    f"{name} is {getattr(self, name)!r}; expected {low} to {high}",
                    mend="change how tokens are drawn",
                )


@dataclass(frozen=True, eq=False, slots=True)
class Prefix:
    """Tokens that a model has read.

    Attributes:
        tokens: The tokens, at least one.
        log_probs: Log-probability (natural) of each token after the first.
        memory: Keys and values of all tokens but the last, in pieces that prefixes share; only the model looks inside.
    """

    tokens: tuple[int, ...]
    log_probs: tuple[float, ...]
    memory: tuple[Any, ...] = ()


@dataclass(frozen=True, eq=False, slots=True)
class Continuation:
    """What a model wrote after a prefix.

    Attributes:
        tokens: The new tokens, the one that ended the line included.
        log_probs: Log-probability (natural) of each under the model as it is, whatever the temperature.
        is_finished: Whether the line came to its end within the tokens it was given.
        after: The prefix with the first tokens of these, from which others can be tried; none where the line ended among them.
    """

    tokens: tuple[int, ...]
    log_probs: tuple[float, ...]
    is_finished: bool
    after: Prefix | None


class TokenModel(Protocol):
    """Reads prompts and writes lines after them. A line ends with a line end or the model's end token."""

    @property
    def context(self) -> int:
        """Most tokens it can hold at once."""
        ...

    @property
    def evaluated(self) -> int:
        """Tokens it has computed so far, for reading and for writing; those kept from before are not computed again."""
        ...

    def encode(self, text: str) -> tuple[int, ...]:
        """The tokens of a text that stands at the beginning."""
        ...

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of tokens, without special ones."""
        ...

    def read(self, tokens: Sequence[int]) -> Prefix:
        """Read a prompt.

        Raises:
            InvalidInput: There is no token, or there are more than :attr:`context`.
        """
        ...

    def write(
        self,
        prefixes: Sequence[Prefix],
        most: Sequence[int],
        keep: int,
        sampling: Sampling,
        seeds: Sequence[int],
    ) -> list[Continuation]:
        """Write each prefix on to the end of its line, all together; which others are in the batch makes no difference.

        Args:
            prefixes: Where to begin; one may stand here several times.
            most: Most tokens to write after each, at least one.
            keep: So many first tokens of each continuation make its :attr:`Continuation.after`.
            sampling: Which tokens are drawn.
            seeds: Of the random numbers of each.
        """
        ...


class LocalTokenModel:
    """A causal model of transformers, loaded when it is made.

    Its keys and values must be those of plain attention, one of each a token in every layer, as in Llama, Qwen or Mistral.

    Args:
        entry: A model of kind ``transformers``.

    Raises:
        InvalidInput: The entry is of another kind.
        MissingDependency: The weights are not at hand.
    """

    def __init__(self, entry: ModelEntry) -> None:
        if entry.kind != "transformers":
            raise InvalidInput(
                f"model {entry.name!r} is of kind {entry.kind}; a search over tokens needs one of kind transformers",
                mend="name a model that runs on this machine",
            )
        self._entry = entry
        self._model, self._tokenizer = load_causal(entry)
        self._ends = _ends(self._model, self._tokenizer)
        self._evaluated = 0

    @property
    def context(self) -> int:
        """See :attr:`TokenModel.context`."""
        config = self._model.config.get_text_config()
        limits = (self._tokenizer.model_max_length, getattr(config, "max_position_embeddings", None))
        return int(min(limit or _DEFAULT_CONTEXT for limit in limits))

    @property
    def evaluated(self) -> int:
        """See :attr:`TokenModel.evaluated`."""
        return self._evaluated

    def encode(self, text: str) -> tuple[int, ...]:
        """See :meth:`TokenModel.encode`."""
        tokens = self._tokenizer(text, add_special_tokens=False)["input_ids"]
        start = self._tokenizer.bos_token_id
        return (*([] if start is None else [start]), *tokens)

    def decode(self, tokens: Sequence[int]) -> str:
        """See :meth:`TokenModel.decode`."""
        return str(self._tokenizer.decode(list(tokens), skip_special_tokens=True))

    def read(self, tokens: Sequence[int]) -> Prefix:
        """See :meth:`TokenModel.read`."""
        import torch
        from transformers import DynamicCache

        if not 1 <= len(tokens) <= self.context:
            raise InvalidInput(
                f"model {self._entry.name!r} was given {len(tokens)} tokens to read; expected 1 to {self.context}",
                mend="show it a shorter prompt",
            )
        ids = torch.tensor([list(tokens)], device=self._model.device)
        cache = DynamicCache()
        with torch.inference_mode():
            logits = self._model(input_ids=ids, past_key_values=cache, use_cache=True).logits[0, :-1].float()
            found = logits.gather(1, ids[0, 1:, None])[:, 0] - logits.logsumexp(-1)
        self._evaluated += len(tokens)
        shapes = {tuple(getattr(layer, "keys", ids).shape) for layer in cache.layers}
        if len(shapes) != 1 or next(iter(shapes))[2:3] != (len(tokens),):
            raise InvalidInput(
                f"model {self._entry.name!r} keeps something else than one key and value a token in each layer",
                mend="choose a model with plain attention, such as Llama or Qwen",
            )
        memory = (_kept(cache, 0, 0, len(tokens) - 1),) if len(tokens) > 1 else ()
        return Prefix(tuple(tokens), tuple(found.tolist()), memory)

    def write(
        self,
        prefixes: Sequence[Prefix],
        most: Sequence[int],
        keep: int,
        sampling: Sampling,
        seeds: Sequence[int],
    ) -> list[Continuation]:
        """See :meth:`TokenModel.write`."""
        import torch

        try:
            return self._write(prefixes, most, keep, sampling, seeds)
        except torch.OutOfMemoryError:
            if len(prefixes) == 1:
                raise
            torch.cuda.empty_cache()
            half = len(prefixes) // 2
            first = self.write(prefixes[:half], most[:half], keep, sampling, seeds[:half])
            return first + self.write(prefixes[half:], most[half:], keep, sampling, seeds[half:])

    def _write(
        self,
        prefixes: Sequence[Prefix],
        most: Sequence[int],
        keep: int,
        sampling: Sampling,
        seeds: Sequence[int],
    ) -> list[Continuation]:
        import torch

        if not prefixes:
            return []
        lines = [
            _Line(*given) for given in zip(prefixes, most, map(np.random.default_rng, seeds), strict=True)
        ]
        device = self._model.device
        cache, mask = _joined(prefixes, device)
        active = list(lines)
        with torch.inference_mode():
            while active:
                mask = torch.cat((mask, mask.new_ones(len(active), 1)), dim=1)
                logits = (
                    self._model(
                        input_ids=torch.tensor([[line.last] for line in active], device=device),
                        attention_mask=mask,
                        position_ids=mask.sum(1, keepdim=True) - 1,
                        past_key_values=cache,
                        use_cache=True,
                    )
                    .logits[:, -1]
                    .float()
                )
                self._evaluated += len(active)
                for line, token, log_prob in zip(active, *_drawn(logits, sampling, active), strict=True):
                    line.append(token, log_prob, token in self._ends)
                width = mask.shape[1]
                for row, line in enumerate(active):
                    if len(line.tokens) == keep and not line.is_finished:
                        line.kept = _kept(cache, row, width - keep, width)
                going = [row for row, line in enumerate(active) if line.is_going]
                if len(going) < len(active):
                    rows = torch.tensor(going, dtype=torch.long, device=device)
                    cache.batch_select_indices(rows)
                    mask = mask[rows]
                    active = [active[row] for row in going]
        return [line.continuation(keep) for line in lines]


@dataclass(slots=True)
class _Line:
    """A line under way."""

    prefix: Prefix
    most: int
    rng: np.random.Generator
    tokens: list[int] = field(default_factory=list)
    log_probs: list[float] = field(default_factory=list)
    is_finished: bool = False
    kept: Any = None

    @property
    def last(self) -> int:
        return self.tokens[-1] if self.tokens else self.prefix.tokens[-1]

    @property
    def is_going(self) -> bool:
        return not self.is_finished and len(self.tokens) < self.most

    def append(self, token: int, log_prob: float, is_end: bool) -> None:
        self.tokens.append(token)
        self.log_probs.append(log_prob)
        self.is_finished = is_end

    def continuation(self, keep: int) -> Continuation:
        after = None
        if self.kept is not None:
            after = Prefix(
                self.prefix.tokens + tuple(self.tokens[:keep]),
                self.prefix.log_probs + tuple(self.log_probs[:keep]),
                (*self.prefix.memory, self.kept),
            )
        return Continuation(tuple(self.tokens), tuple(self.log_probs), self.is_finished, after)


def _drawn(logits: Any, sampling: Sampling, lines: Sequence[_Line]) -> tuple[list[int], list[float]]:
    """A token for each row of logits [n, vocabulary], and its log-probability."""
    import torch

    values, tokens = logits.topk(min(sampling.top_k, logits.shape[-1]))
    weights = nucleus((values / sampling.temperature).softmax(-1).cpu().numpy(), sampling.top_p)
    places = [
        int(np.searchsorted(row, line.rng.random() * row[-1], side="right"))
        for row, line in zip(weights.cumsum(axis=1), lines, strict=True)
    ]
    chosen = torch.tensor(places, device=logits.device)[:, None]
    log_probs = values.gather(1, chosen)[:, 0] - logits.logsumexp(-1)
    return tokens.gather(1, chosen)[:, 0].tolist(), log_probs.tolist()


def nucleus(probabilities: NDArray[np.floating], top_p: float) -> NDArray[np.float64]:
    """Probabilities with all but the fewest that hold a share set to zero (Holtzman et al., 2020, section 3.1).

    Args:
        probabilities: Rows in falling order [n, k].
        top_p: The share.

    Example:
        >>> nucleus(np.array([[0.5, 0.25, 0.25]]), 0.6).tolist()
        [[0.5, 0.25, 0.0]]
    """
    before = probabilities.cumsum(axis=1, dtype=np.float64) - probabilities
    return np.where(before < top_p, probabilities, 0.0).astype(np.float64)


def _kept(cache: Any, row: int, start: int, stop: int) -> Any:
    """Keys and values of one row between two places [layers, 2, heads, places, width]."""
    import torch

    return torch.stack(
        [
            torch.stack((layer.keys[row, :, start:stop], layer.values[row, :, start:stop]))
            for layer in cache.layers
        ]
    )


def _joined(prefixes: Sequence[Prefix], device: Any) -> tuple[Any, Any]:
    """What prefixes have kept as one cache, padded on the left, and its mask [n, places]."""
    import torch
    from torch.nn.functional import pad
    from transformers import DynamicCache

    lengths = [len(prefix.tokens) - 1 for prefix in prefixes]
    longest = max(lengths)
    mask = torch.tensor([[0] * (longest - n) + [1] * n for n in lengths], dtype=torch.long, device=device)
    some = next((piece for prefix in prefixes for piece in prefix.memory), None)
    if some is None:
        return DynamicCache(), mask
    empty = some[..., :0, :]
    rows = [
        pad(torch.cat((empty, *prefix.memory), dim=-2), (0, 0, longest - n, 0))
        for prefix, n in zip(prefixes, lengths, strict=True)
    ]
    batch = torch.stack(rows, dim=2)  # [layers, 2, n, heads, places, width]
    return DynamicCache([(layer[0], layer[1]) for layer in batch]), mask


def _ends(model: Any, tokenizer: Any) -> frozenset[int]:
    """Tokens with which a line ends."""
    given = model.generation_config.eos_token_id
    ends = set(given if isinstance(given, list) else [given]) | {tokenizer.eos_token_id}
    texts = tokenizer.batch_decode([[token] for token in range(len(tokenizer))])
    ends.update(token for token, text in enumerate(texts) if "\n" in text)
    return frozenset(token for token in ends if token is not None)
