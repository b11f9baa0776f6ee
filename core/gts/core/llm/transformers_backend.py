"""Causal language models of transformers on this machine's own processor or GPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gts.core.errors import MissingDependency
from gts.core.llm.backend import Likelihoods, OnAnswer
from gts.core.llm.entries import ModelEntry
from gts.core.llm.values import Answer, Call, Completion, Failed, Fault, Message, Usage, spoken

_CPU_BATCH, _GPU_BATCH = 8, 32


class TransformersBackend:
    """A local model, loaded at the first call unless model and tokenizer are given.

    Calls are batched with others of like length and like sampling. A batch that does not fit into memory is halved,
    and the smaller size kept.
    """

    def __init__(self, entry: ModelEntry, loaded: tuple[Any, Any] | None = None) -> None:
        self._entry = entry
        self._loaded = loaded
        self._batch = 0

    def complete(self, calls: Sequence[Call], on_answer: OnAnswer) -> None:
        """See :meth:`gts.core.llm.backend.Backend.complete`."""
        model, tokenizer = self._load()
        prompts = [_prompt(tokenizer, call.messages) for call in calls]
        alike: dict[tuple[Any, ...], list[int]] = {}
        for index, call in enumerate(calls):
            sampling = (call.max_tokens, call.temperature, call.top_p, call.seed, call.top_logprobs)
            alike.setdefault(sampling, []).append(index)
        for rows in alike.values():
            rows.sort(key=lambda index: len(prompts[index]))
            while rows:
                taken = rows[: self._batch]
                answers = self._fitting(model, tokenizer, [prompts[i] for i in taken], calls[taken[0]])
                for index, answer in zip(taken, answers, strict=False):  # fewer where fewer fit
                    on_answer(index, answer)
                del rows[: len(answers)]

    def score(self, prompts: Sequence[str], continuations: Sequence[str]) -> Likelihoods:
        """See :meth:`gts.core.llm.backend.Scorer.score`."""
        import torch

        model, tokenizer = self._load()
        out = np.zeros(len(prompts))
        start = [tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id]
        rows = []
        for prompt, continuation in zip(prompts, continuations, strict=True):
            before = start + tokenizer(prompt, add_special_tokens=False)["input_ids"]
            rows.append((before, tokenizer(continuation, add_special_tokens=False)["input_ids"]))
        order = sorted(range(len(rows)), key=lambda row: sum(map(len, rows[row])))
        for at in range(0, len(order), self._batch):
            batch = order[at : at + self._batch]
            longest = max(sum(map(len, rows[row])) for row in batch)
            ids = torch.full((len(batch), longest), tokenizer.eos_token_id or 0)
            for i, row in enumerate(batch):
                tokens = rows[row][0] + rows[row][1]
                ids[i, : len(tokens)] = torch.tensor(tokens)
            with torch.inference_mode():
                logits = model(input_ids=ids.to(model.device)).logits.float().log_softmax(-1)
            for i, row in enumerate(batch):
                before, judged = rows[row]
                for position, token in enumerate(judged, start=len(before)):
                    out[row] += float(logits[i, position - 1, token])
        return Likelihoods(out, np.array([len(judged) for _, judged in rows], np.int64))

    def _load(self) -> tuple[Any, Any]:
        if self._loaded is None:
            self._loaded = load_causal(self._entry)
        self._batch = self._batch or (_CPU_BATCH if self._loaded[0].device.type == "cpu" else _GPU_BATCH)
        return self._loaded

    def _fitting(self, model: Any, tokenizer: Any, prompts: list[str], call: Call) -> list[Answer]:
        """Answers to as many of the prompts as fit into memory together, at least one."""
        import torch

        while True:
            try:
                return _generate(model, tokenizer, prompts, call)
            except torch.OutOfMemoryError:
                if len(prompts) == 1:
                    raise
                torch.cuda.empty_cache()
                self._batch = max(1, len(prompts) // 2)
                prompts = prompts[: self._batch]


def load_causal(entry: ModelEntry) -> tuple[Any, Any]:
    """A causal model on its device, ready to be run, and its tokenizer, which pads on the left.

    Raises:
        MissingDependency: The weights are not at hand.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    # A model larger than one GPU is spread over all there are.
    spread = {"device_map": "auto"} if entry.device == "auto" and torch.cuda.device_count() > 1 else {}
    device = entry.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        tokenizer = AutoTokenizer.from_pretrained(entry.model, padding_side="left")
        model = AutoModelForCausalLM.from_pretrained(entry.model, dtype=entry.dtype, **spread)
    except (OSError, ValueError) as error:
        raise MissingDependency(
            f"model {entry.name!r} cannot be loaded from {entry.model!r}: {str(error).splitlines()[0][:200]}",
            mend="give a folder with weights in transformers' format (safetensors), or a hub id that is reachable",
        ) from error
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return (model if spread else model.to(device)).eval(), tokenizer


def _prompt(tokenizer: Any, messages: Sequence[Message]) -> str:
    """Messages as the model was trained to read them; one after the other where it knows no chat."""
    if tokenizer.chat_template:
        turns = [{"role": message.role, "content": message.content} for message in messages]
        return str(tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True))
    return "\n\n".join(message.content for message in messages)


def _generate(model: Any, tokenizer: Any, prompts: list[str], call: Call) -> list[Answer]:
    import torch

    batch = tokenizer(
        prompts, return_tensors="pt", padding=True, add_special_tokens=not tokenizer.chat_template
    )
    batch = {name: tensor.to(model.device) for name, tensor in batch.items() if name != "token_type_ids"}
    sampling = (
        {"temperature": call.temperature, "top_p": call.top_p, "top_k": 0} if call.temperature > 0 else {}
    )
    torch.manual_seed(call.seed)
    with torch.inference_mode():
        made = model.generate(
            **batch,
            **sampling,
            do_sample=call.temperature > 0,
            max_new_tokens=call.max_tokens,
            pad_token_id=tokenizer.pad_token_id,
            return_dict_in_generate=True,
            output_logits=call.top_logprobs > 0,
        )
    width = batch["input_ids"].shape[1]
    first: list[dict[str, float]] = [{}] * len(prompts)
    if call.top_logprobs:
        first = _first_tokens(made.logits[0], tokenizer, call.top_logprobs)
    read = batch["attention_mask"].sum(1).tolist()
    ends = {tokenizer.eos_token_id, tokenizer.pad_token_id, *_listed(model.generation_config.eos_token_id)}
    answers: list[Answer] = []
    for row, tokens in enumerate(made.sequences[:, width:].tolist()):
        length = next((i for i, token in enumerate(tokens) if token in ends), len(tokens))
        usage = Usage(int(read[row]), length)
        text = spoken(tokenizer.decode(tokens[:length], skip_special_tokens=True))
        if not text:
            answers.append(Failed(Fault.EMPTY, "the answer was empty", usage))
        else:
            answers.append(Completion(text, usage, first[row], length < len(tokens)))
    return answers


def _first_tokens(logits: Any, tokenizer: Any, count: int) -> list[dict[str, float]]:
    values, tokens = logits.float().log_softmax(-1).topk(min(count, logits.shape[-1]))
    return [
        {tokenizer.decode([token]): value for token, value in zip(row, likely, strict=True)}
        for row, likely in zip(tokens.tolist(), values.tolist(), strict=True)
    ]


def _listed(value: int | list[int] | None) -> list[int]:
    return value if isinstance(value, list) else [] if value is None else [value]
