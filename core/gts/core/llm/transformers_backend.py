"""Causal language models of transformers on this machine's own processor or GPU."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from textwrap import shorten
from typing import Any

import numpy as np

from gts.core.errors import GTSError, InvalidInput, MissingDependency
from gts.core.llm.backend import Likelihoods, OnAnswer
from gts.core.llm.entries import beside_the_file
from gts.core.llm.entry import ModelEntry
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
        MissingDependency: The weights are not at hand, are damaged, or do not fit into memory.
        InvalidInput: This machine has no such device.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    # A model larger than one GPU is spread over all there are.
    spread = {"device_map": "auto"} if entry.device == "auto" and torch.cuda.device_count() > 1 else {}
    device = _device(entry)
    _check_folder(entry)
    try:
        tokenizer = AutoTokenizer.from_pretrained(entry.model, padding_side="left")
        model = AutoModelForCausalLM.from_pretrained(entry.model, dtype=entry.dtype, **spread)
        if tokenizer.pad_token_id is None:
            tokenizer.pad_token = tokenizer.eos_token
        return (model if spread else model.to(device)).eval(), tokenizer
    except Exception as error:  # the readers of many formats raise whatever they like over a damaged file
        raise _not_loaded(entry, error) from error


def _device(entry: ModelEntry) -> str:
    """The device a model is to run on.

    Raises:
        InvalidInput: This machine does not have it.
    """
    import torch

    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if entry.device == "auto":
        return "cuda" if gpus else "cpu"
    kind, _, number = entry.device.partition(":")
    there = {
        "cpu": 1,
        "cuda": gpus,
        "mps": int(torch.backends.mps.is_available()),
        "xpu": torch.xpu.device_count() if torch.xpu.is_available() else 0,
    }
    if int(number or 0) >= there[kind]:
        has = ", ".join(f"{count} {name}" for name, count in there.items() if count and name != "cpu")
        raise InvalidInput(
            f"model {entry.name!r} wants device {entry.device!r}; this machine has {has or 'no GPU'}",
            mend="set device to auto or cpu",
        )
    return entry.device


def _check_folder(entry: ModelEntry) -> None:
    folder = Path(entry.model)
    mend = "give a folder with weights in transformers' format (config.json, *.safetensors)"
    if folder.is_absolute() and not folder.is_dir():
        raise MissingDependency(f"model {entry.name!r}: there is no folder {folder}", mend=mend)
    if not folder.is_dir():  # a hub id
        return
    lacking = [] if (folder / "config.json").is_file() else ["config.json"]
    if not any(file.suffix in (".safetensors", ".bin") for file in folder.iterdir()):
        lacking.append("weights (*.safetensors)")
    if lacking:
        raise MissingDependency(
            f"model {entry.name!r}: the folder {folder} holds no {' and no '.join(lacking)}", mend=mend
        )


def _not_loaded(entry: ModelEntry, error: Exception) -> GTSError:
    import torch

    if isinstance(error, torch.OutOfMemoryError):
        return MissingDependency(
            f"model {entry.name!r} does not fit into the memory of device {entry.device!r}",
            mend="give a smaller model, dtype: bfloat16, or another device",
        )
    said = shorten(str(error) or type(error).__name__, 200, placeholder=" ...").rstrip(" .")
    if Path(entry.model).is_dir():
        return MissingDependency(
            f"model {entry.name!r} cannot be loaded from the folder {entry.model}: {said}",
            mend="copy the weights there again, or give another folder",
        )
    return MissingDependency(
        f"model {entry.name!r}: there is no folder {beside_the_file(entry.model)}, "
        f"and no model {entry.model!r} of the hub is at hand: {said}",
        mend="give a folder with weights in transformers' format, or a hub id that is reachable",
    )


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
