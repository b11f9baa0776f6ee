"""A small causal language model of a data set's unlabelled text, for benchmarks of what generates with one.

    python benchmarks/causal.py --data ../shared/data --set ag_news --out /tmp/causal

A Llama of a few million parameters with a byte-level BPE tokenizer trained on the same text, saved in transformers' format. Texts are
read one a line, each followed by its nearest in a lexical space that has not been read yet (Shi et al., "In-Context Pretraining", 2024):
in random order a model of this size learns to ignore the lines before, and a prompt of example texts would tell it nothing.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path

import numpy as np
from few_shot import SETS, few_shot, read_rows

START, END = "<s>", "</s>"


def train_tokenizer(lines: list[str], vocabulary: int):
    """A byte-level BPE tokenizer in which the line end is a token of its own."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split("\n", "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[START, END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(lines, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=START, eos_token=END, pad_token=END, model_max_length=1024
    )


def chained(texts: list[str]) -> list[int]:
    """An order in which each text is followed by its nearest that has not come yet."""
    from gts.teacher.lexical import latent_vectors, ngram_matrix

    vectors = latent_vectors(ngram_matrix(texts), 64)
    free = np.ones(len(texts), bool)
    order = [0]
    free[0] = False
    while len(order) < len(texts):
        order.append(int(np.where(free, vectors @ vectors[order[-1]], -2.0).argmax()))
        free[order[-1]] = False
    return order


def train_causal(
    texts: list[str],
    folder: Path,
    *,
    epochs: int = 3,
    vocabulary: int = 4096,
    width: int = 192,
    layers: int = 4,
    window: int = 256,
    batch: int = 8,
    rate: float = 2e-3,
    seed: int = 0,
) -> dict:
    """Train a model on texts and save it; what it took, and its loss over the last tenth of the steps, in nats a token."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    started = time.monotonic()
    texts = [" ".join(text.split()) for text in texts]
    lines = [f"{texts[i]}\n" for i in chained(texts)]
    tokenizer = train_tokenizer(lines, vocabulary)
    stream = torch.tensor([token for ids in tokenizer(lines)["input_ids"] for token in ids])
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=5 * width // 2,
        num_hidden_layers=layers,
        num_attention_heads=width // 32,
        max_position_embeddings=1024,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    model = LlamaForCausalLM(config).train()
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=rate, betas=(0.9, 0.95), weight_decay=0.1, fused=True
    )
    windows = (len(stream) - window) // window
    steps = epochs * (windows // batch)
    losses: list[float] = []
    for _ in range(epochs):
        shift = int(torch.randint(window, ()))  # so that no window begins twice at the same word
        places = torch.randperm(windows)[: windows // batch * batch].view(-1, batch) * window + shift
        for row in places:
            ids = stream[row[:, None] + torch.arange(window)]
            step = len(losses)
            share = min(
                (step + 1) / (0.03 * steps), 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * step / steps))
            )
            for group in optimizer.param_groups:
                group["lr"] = rate * share
            loss = model(input_ids=ids, labels=ids).loss
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            losses.append(float(loss.detach()))
            if step % 50 == 0:
                print(
                    f"step {step} of {steps}, loss {losses[-1]:.2f}, {time.monotonic() - started:.0f} s",
                    flush=True,
                )
    model.eval().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    facts = {
        "texts": len(texts),
        "tokens": len(stream),
        "epochs": epochs,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "loss": round(float(np.mean(losses[-max(1, steps // 10) :])), 3),
        "seconds": round(time.monotonic() - started, 1),
    }
    (folder / "training.json").write_text(json.dumps(facts) + "\n")
    return facts


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--set", choices=SETS, default="ag_news")
    parser.add_argument(
        "--seed", type=int, default=0, help="the draw of gold texts, which the model is not shown"
    )
    parser.add_argument("--shots", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    rows = read_rows(args.data / "classification" / args.set, "train")
    _, texts = few_shot(rows, args.shots, args.seed, len(rows))
    print(train_causal(texts, args.out, epochs=args.epochs, seed=args.seed))


if __name__ == "__main__":
    main()
