"""Tree search against plain sampling: what each finds with equally many tokens of the model, on AG News with 8 shots.

    python benchmarks/causal.py --data ../shared/data --out /tmp/causal
    python benchmarks/mcts.py --data ../shared/data --model /tmp/causal

For each seed text one search and one run of plain sampling (every sentence begun at the prompt) are followed sentence by sentence. After
so many simulations the best sentence of the search stands beside the best that sampling had found by the time the model had computed as
many tokens, prompt included; and beside the best of as many sampled sentences, which takes more tokens. Both choose by the same value.
The referee is a classifier on TF-IDF that has all labels of the train rows outside of gold; neither of the two can ask it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("GOMP_SPINCOUNT", "10000")

import numpy as np
from few_shot import few_shot, processor, read_rows

from gts.core import catalogue
from gts.core.encoder import Encoder
from gts.core.llm.entries import ModelEntry
from gts.core.llm.tokens import Continuation, LocalTokenModel
from gts.core.threads import limit_threads
from gts.generator.mcts import Candidate, MCTSConfig, explore
from gts.generator.worth import PARTS, KnownTexts, judge_near

ENCODER = "sentence-transformers/all-MiniLM-L6-v2"
MEASURES = ("value", *PARTS, "referee")


class Counted(LocalTokenModel):
    """Notes after each sentence how many tokens were computed since the prompt was read, and with it."""

    def read(self, tokens):
        self.spent: list[int] = []
        self.began = self.evaluated
        return super().read(tokens)

    def write(self, prefixes, *given) -> list[Continuation]:
        before = self.evaluated - self.began
        lines = super().write(prefixes, *given)
        self.spent += (before + np.cumsum([len(line.tokens) for line in lines])).tolist()
        return lines


def best(found: Sequence[Candidate], tokens: int) -> Candidate | None:
    """The best of what was found within so many tokens."""
    return max(
        (one for one in found if one.evaluated <= tokens), key=lambda one: one.scores["value"], default=None
    )


class Referee:
    """Says whether a text has a label."""

    def __init__(self, texts: Sequence[str], labels: Sequence[str]) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline

        vectors = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), min_df=2)
        self._model = make_pipeline(vectors, LogisticRegression(C=10, max_iter=300))
        self._model.fit(texts, labels)

    def accuracy(self, texts: Sequence[str], labels: Sequence[str]) -> float:
        return float(self._model.score(texts, labels))

    def agrees(self, text: str, label: str) -> float:
        return float(self._model.predict([text])[0] == label)


def turns(gold: Sequence[dict[str, str]], seeds: int) -> list[tuple[str, list[str]]]:
    """So many seed texts of each label, each with the next three of its label for the prompt."""
    out = []
    for label in sorted({row["label"] for row in gold}):
        texts = [row["text"] for row in gold if row["label"] == label]
        out += [(label, [texts[(i + step) % len(texts)] for step in range(4)]) for i in range(seeds)]
    return out


def compare(model, shown, label, judge, known, config, budgets, referee, seed) -> list[dict]:
    """Rows of one seed text: for each budget and method what the best sentence is worth."""
    searched = explore(model, (label,), shown, judge, known, config, seed)
    search_spent = model.spent
    sentences, sampling_spent = config.simulations, [0]
    while sampling_spent[-1] < search_spent[-1]:
        sampling = MCTSConfig(**{**options(config), "simulations": sentences, "breadth": sentences})
        sampled = explore(model, (label,), shown, judge, known, sampling, seed + 1)
        sampling_spent = model.spent
        sentences *= 2  # begins with the same sentences

    rows = []

    def add(method: str, simulations: int, found: Candidate | None, tokens: int, sentences: int) -> None:
        if found is not None:
            scores = {**found.scores, "referee": referee.agrees(found.text, label)}
        else:  # nothing that could be used
            scores = dict.fromkeys(MEASURES, 0.0)
        facts = {"method": method, "simulations": simulations, "tokens": tokens, "sentences": sentences}
        scores = {name: round(score, 4) for name, score in scores.items()}
        rows.append({**facts, **scores, "label": label, "text": found.text if found else ""})

    for one in sampled[:8]:  # the first ones, so that their mean is steadier
        add("one sample", 1, one, sampling_spent[0], 1)
    for simulations in budgets:
        last = min(simulations, len(search_spent)) - 1  # a search ends early where everything is written
        tokens = search_spent[last]
        add("search", simulations, best(searched, tokens), tokens, last + 1)
        within = sum(spent <= tokens for spent in sampling_spent)
        add("sampling", simulations, best(sampled, tokens), tokens, within)
        more = sampling_spent[simulations - 1]
        add("sampling, as many sentences", simulations, best(sampled, more), more, simulations)
    return rows


def options(config: MCTSConfig) -> dict:
    return {name: getattr(config, name) for name in config.__slots__}


def summary(rows: Sequence[dict]) -> list[dict]:
    """Mean and standard error of each measure, for each method and number of simulations."""
    out = []
    for method, simulations in dict.fromkeys((row["method"], row["simulations"]) for row in rows):
        chosen = [row for row in rows if (row["method"], row["simulations"]) == (method, simulations)]
        line: dict = {"method": method, "simulations": simulations, "n": len(chosen)}
        for name in (*MEASURES, "tokens", "sentences"):
            values = np.array([row[name] for row in chosen], float)
            error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else 0.0
            line[name] = [round(float(values.mean()), 4), round(float(error), 4)]
        out.append(line)
    return out


def gains(rows: Sequence[dict], budgets: Sequence[int]) -> list[dict]:
    """Search less sampling on the same seed text with the same tokens: mean, its standard error, and how often it was better."""
    out = []
    for simulations in budgets:
        pair = [
            np.array(
                [row["value"] for row in rows if (row["method"], row["simulations"]) == (m, simulations)]
            )
            for m in ("search", "sampling")
        ]
        difference = pair[0] - pair[1]
        error = difference.std(ddof=1) / np.sqrt(len(difference))
        better, worse = int((difference > 0).sum()), int((difference < 0).sum())
        line = {
            "simulations": simulations,
            "value": [round(float(difference.mean()), 4), round(float(error), 4)],
        }
        out.append({**line, "better": better, "worse": worse})
    return out


COLOURS = {"search": "#c2410c", "sampling": "#1d4ed8", "sampling, as many sentences": "#93a4c8"}


def drawn(lines: Sequence[dict], title: str) -> str:
    """The curves as SVG: one panel a measure, a line a method, a bar for one standard error each way."""
    budgets = sorted({line["simulations"] for line in lines})
    width, height, left, top = 210, 150, 44, 64
    box = f"0 0 780 {top + 2 * (height + 62)}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" font-family="sans-serif" font-size="11" fill="#222">',
        '<rect width="100%" height="100%" fill="#fff"/>',
        f'<text x="{left}" y="20" font-size="14">{title}</text>',
    ]
    for i, (method, colour) in enumerate(COLOURS.items()):
        legend = {"sampling": "sampling, as many tokens"}.get(method, method)
        parts.append(f'<rect x="{left + 190 * i}" y="31" width="14" height="3" fill="{colour}"/>')
        parts.append(f'<text x="{left + 190 * i + 20}" y="37">{legend}</text>')
    for panel, name in enumerate(MEASURES):
        x0, y0 = left + panel % 3 * (width + 36), top + panel // 3 * (height + 62)
        ends = [line[name][0] + sign * line[name][1] for line in lines for sign in (-1, 1)]
        low, high = max(0.0, min(ends) - 0.02), min(1.0, max(ends) + 0.02)

        def x(simulations: int, x0: int = x0) -> float:
            return x0 + 12 + (width - 24) * budgets.index(simulations) / max(1, len(budgets) - 1)

        def y(value: float, y0: int = y0, low: float = low, high: float = high) -> float:
            return y0 + height - height * (min(max(value, low), high) - low) / (high - low)

        parts.append(f'<text x="{x0}" y="{y0 - 6}" font-weight="bold">{name}</text>')
        parts.append(f'<path d="M{x0} {y0}V{y0 + height}H{x0 + width}" fill="none" stroke="#888"/>')
        for value in (low, (low + high) / 2, high):
            parts.append(f'<text x="{x0 - 4}" y="{y(value) + 4:.1f}" text-anchor="end">{value:.2f}</text>')
        for simulations in budgets:
            place = f'x="{x(simulations):.1f}" y="{y0 + height + 14}" text-anchor="middle"'
            parts.append(f"<text {place}>{simulations}</text>")
        if panel >= 3:
            place = f'x="{x0 + width / 2}" y="{y0 + height + 30}" text-anchor="middle"'
            parts.append(f"<text {place}>simulations</text>")
        start = [line for line in lines if line["method"] == "one sample"]
        for method, colour in COLOURS.items():
            chosen = start + [line for line in lines if line["method"] == method]
            points = [(x(line["simulations"]), *line[name]) for line in chosen]
            path = "L".join(f"{at:.1f} {y(mean):.1f}" for at, mean, _ in points)
            bars = "".join(f"M{at:.1f} {y(m - e):.1f}V{y(m + e):.1f}" for at, m, e in points)
            parts.append(f'<path d="M{path}{bars}" fill="none" stroke="{colour}" stroke-width="1.8"/>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--model", type=Path, required=True, help="what benchmarks/causal.py wrote")
    parser.add_argument("--draw", type=int, default=0, help="the draw of gold texts; that of the model")
    parser.add_argument("--shots", type=int, default=8)
    parser.add_argument("--seeds", type=int, default=5, help="seed texts a label")
    parser.add_argument("--budgets", type=int, nargs="*", default=[8, 32, 128])
    parser.add_argument("--options", type=json.loads, default={}, help="fields of MCTSConfig, as JSON")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("results") / "mcts.json")
    args = parser.parse_args()
    limit_threads(1)
    started = time.monotonic()

    rows = read_rows(args.data / "classification" / "ag_news", "train")
    gold, pool = few_shot(rows, args.shots, args.draw, len(rows))
    taken = {row["text"] for row in gold}
    labelled = [row for row in rows if row["text"] not in taken]
    referee = Referee([row["text"] for row in labelled], [row["label"] for row in labelled])
    known = KnownTexts([*taken, *pool])
    encoder = Encoder(catalogue.locate(ENCODER), 128)
    vectors = encoder.embed([row["text"] for row in gold])
    model = Counted(ModelEntry(name="causal", kind="transformers", model=str(args.model), device="cpu"))
    config = MCTSConfig(simulations=max(args.budgets), **args.options)

    found: list[dict] = []
    for number, (label, shown) in enumerate(turns(gold, args.seeds)):
        belongs = np.array([float(row["label"] == label) for row in gold])
        seed_vector = vectors[next(i for i, row in enumerate(gold) if row["text"] == shown[0])]
        judge = judge_near(encoder.embed, seed_vector, vectors, belongs)
        found += compare(model, shown, label, judge, known, config, args.budgets, referee, 2 * number)
        print(f"{number + 1}, {label}, {time.monotonic() - started:.0f} s", flush=True)

    lines = summary(found)
    for line in lines:
        print({name: value[0] if isinstance(value, list) else value for name, value in line.items()})
    print(gains(found, args.budgets))
    test = read_rows(args.data / "classification" / "ag_news", "test")
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True
    ).stdout.strip()
    facts = {
        "date": date.today().isoformat(),
        "commit": commit,
        "machine": {"processor": processor(), "cores": os.cpu_count(), "used": 1},
        "command": [a for a in sys.argv[1:] if "/" not in a],
        "seconds": round(time.monotonic() - started, 1),
        "model": json.loads((args.model / "training.json").read_text()),
        "options": options(config),
        "referee_test_accuracy": round(
            referee.accuracy([row["text"] for row in test], [row["label"] for row in test]), 4
        ),
    }
    args.out.parent.mkdir(parents=True, exist_ok=True)
    report = {**facts, "gains": gains(found, args.budgets), "summary": lines, "runs": found}
    args.out.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", "utf-8")
    title = "Best sentence by simulations: AG News, 8 shots"
    args.out.with_suffix(".svg").write_text(drawn(lines, title), "utf-8")


if __name__ == "__main__":
    main()
