"""What could make students faster or smaller, each way beside the simpler one: benchmarks/LOG.md, "fast students".

    python benchmarks/fast_students.py static int8 batches layers exits --data ../shared/data --work out/fast_students

Eight shots a label, 3,000 pool texts; measured on 1,000 rows of *train* that are in neither. The jobs are kept in the folder: a second call
goes on where the first stood. `static`: the token table rounded or trimmed. `int8`: which matrix products of `mini` are rounded. `batches`:
texts sorted by length, or not. `layers`: students of three layers. `exits`: a text leaves after three layers where it is sure.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("GOMP_SPINCOUNT", "10000")

import numpy as np
from few_shot import SETS, few_shot, produce, read_rows

Predict = Callable[[list[str]], np.ndarray]

_POOL, _DEV, _SHOTS = 3000, 1000, 8


@dataclass(frozen=True)
class Job:
    """A finished job, and rows that it has not seen."""

    name: str
    store: Path
    pool: list[str]
    dev: list[str]
    wanted: list[str]

    def packaged(self, tier: str) -> Path:
        """Folder of its student of a tier: the one that learnt from all that was taught."""
        found = [p.parent for p in self.store.glob("files/*/*/gts.json")]
        found = [f for f in found if json.loads((f / "gts.json").read_text())["tier"] == tier]
        return max(found, key=lambda folder: folder.stat().st_mtime)

    def accuracy(self, labels: tuple[str, ...], logits: np.ndarray) -> float:
        return float(
            np.mean([labels[i] == label for i, label in zip(logits.argmax(1), self.wanted, strict=True)])
        )

    def call(self, name: str, **params: Any) -> dict[str, Any]:
        """The last stage of a name with these parameters, as the published student's lineage has it."""
        calls = json.loads((self.store.parents[1] / "task.model" / "lineage.json").read_text())["calls"]
        return [c for c in calls if c["name"] == name and params.items() <= c["params"].items()][-1]

    def artifact(self, digest: str) -> Path:
        return self.store / "files" / digest[:2] / digest


def finished_job(work: Path, data: Path, name: str, seed: int) -> Job:
    folder = work / f"{name}-{seed}"
    rows = read_rows(data / "classification" / name, "train")
    gold, texts = few_shot(rows, _SHOTS, seed, len(rows))
    pool = texts[:_POOL]
    known, labels = set(pool), {row["text"]: row["label"] for row in rows}
    dev = [text for text in texts[_POOL : _POOL + _DEV] if text not in known]
    if not (folder / "task.model" / "gts.json").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        for file, kept in (("gold", gold), ("pool", [{"text": text} for text in pool])):
            lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in kept)
            (folder / f"{file}.jsonl").write_text("".join(lines), "utf-8")
        fields = (
            f"name: {name}\ntype: classification\nexamples: gold.jsonl\nunlabeled: pool.jsonl\nseed: {seed}\n"
        )
        (folder / "task.yaml").write_text(fields)
        produce(folder, "task", None)
    return Job(f"{name} {seed}", folder / "home" / "artifacts", pool, dev, [labels[text] for text in dev])


def try_static(job: Job) -> None:
    """The table in float16, in int8 by three kinds of scale, and with fewer tokens."""
    from safetensors.numpy import load_file
    from tokenizers import Tokenizer

    from gts.student.layout import read_manifest
    from gts.student.static import tokenize
    from gts.student.static_runtime import unknown_id

    folder = job.packaged("static")
    labels = read_manifest(folder).labels
    student = next(  # the packaged table may be rounded already
        p
        for p in job.store.glob("files/*/*/student.safetensors")
        if len(load_file(p)["weight"]) == len(labels) and _is_taught(p.parent)
    )
    arrays = load_file(student)
    table, weight, bias = (arrays[name].astype(np.float32) for name in ("table", "weight", "bias"))
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    gold = [row["text"] for row in read_rows(job.store.parents[1], "gold")]
    unknown = unknown_id(tokenizer)
    met = {int(i) for bag in tokenize(tokenizer, [*gold, *job.pool], 512, unknown) for i in bag}

    def logits(rows: np.ndarray, words: Tokenizer = tokenizer) -> np.ndarray:
        bags = tokenize(words, job.dev, 512, unknown_id(words))
        means = np.stack([rows[bag].mean(0) if len(bag) else np.zeros(rows.shape[1]) for bag in bags])
        return means @ weight.T + bias

    exact = logits(table)
    seen = np.isin(np.concatenate(tokenize(tokenizer, job.dev, 512, unknown)), list(met)).mean()

    def show(what: str, found: np.ndarray, size: float) -> None:
        flips = float(np.mean(found.argmax(1) != exact.argmax(1)))
        print(
            f"{job.name} | {what} | {job.accuracy(labels, found):.3f} | {flips:.4f} | {size / 1e6:.1f} MB",
            flush=True,
        )

    cells = table.size
    show("float16", exact, 2 * cells)
    for kind, axis in (("one scale", None), ("a scale for each dimension", 0), ("a scale for each token", 1)):
        scale = np.maximum(np.abs(table).max(axis=axis, keepdims=True) / 127, 1e-12)
        show(f"int8, {kind}", logits(np.rint(table / scale) * scale), cells)
    trimmed, kept = trimmed_tokenizer(tokenizer, met)
    show(
        f"tokens not met removed ({len(kept)} left; {seen:.3f} of tokens met)",
        logits(table[kept], trimmed),
        2 * len(kept) * table.shape[1],
    )
    others = np.setdiff1d(np.arange(len(table)), list(met))
    from sklearn.cluster import MiniBatchKMeans

    means = MiniBatchKMeans(1000, random_state=0, n_init=1).fit(table[others])
    near = table.copy()
    near[others] = means.cluster_centers_[means.labels_]
    show("tokens not met share 1,000 vectors", logits(near), 2 * (len(met) + 1000) * table.shape[1])


def _is_taught(folder: Path) -> bool:
    return len((folder / "lessons.jsonl").read_text("utf-8").splitlines()) > 700


def trimmed_tokenizer(tokenizer: Any, met: set[int]) -> tuple[Any, np.ndarray]:
    """The tokenizer with the tokens that were met, single characters and special tokens; and which rows are left."""
    from tokenizers import Tokenizer

    document = json.loads(tokenizer.to_str())
    vocabulary = document["model"]["vocab"]
    special = {token["content"] for token in document["added_tokens"]}
    kept = sorted(
        (i, token)
        for token, i in vocabulary.items()
        if i in met or token in special or len(token.removeprefix("##")) == 1
    )
    numbers = {token: row for row, (_, token) in enumerate(kept)}
    document["model"]["vocab"] = numbers
    for token in document["added_tokens"]:
        token["id"] = numbers[token["content"]]
    document["post_processor"] = None
    return Tokenizer.from_str(json.dumps(document)), np.array([i for i, _ in kept])


def try_int8(job: Job) -> None:
    """Which matrix products of a mini student are rounded."""
    import onnx

    from gts.student.export import quantized, save_graph
    from gts.student.layout import ONNX_FP32, ONNX_INT8

    folder = job.packaged("mini")
    proto = onnx.load(folder / ONNX_FP32)
    with tempfile.TemporaryDirectory() as place:
        graphs = {"fp32": folder / ONNX_FP32, "int8": folder / ONNX_INT8}
        for spared in ("layer.0", "layer.5", "output/dense", "intermediate"):
            graphs[f"int8 without {spared}"] = Path(place) / f"{spared.replace('/', '-')}.onnx"
            save_graph(quantized(proto, spared), graphs[f"int8 without {spared}"])
        compare(job, {what: opened(folder, graph) for what, graph in graphs.items()})


def opened(folder: Path, graph: Path) -> Predict:
    """Logits of texts by a graph and the tokenizer of a student."""
    from gts.student.layout import read_manifest
    from gts.student.onnx_runtime import OnnxBackend
    from gts.student.sessions import open_session
    from gts.student.tokenizing import shared_tokenizer

    manifest = read_manifest(folder)
    tokens = shared_tokenizer(folder, manifest.max_length)
    return OnnxBackend(tokens, open_session(graph, 1), len(manifest.labels), "int8").logits


def compare(job: Job, ways: dict[str, Predict]) -> None:
    """Accuracy, decisions unlike the first way's, and milliseconds of one and of 32 texts, taken in turn on one core."""
    from gts.student.layout import read_manifest

    labels = read_manifest(job.packaged("mini")).labels
    logits = {what: way(job.dev) for what, way in ways.items()}
    first = next(iter(logits.values())).argmax(1)
    times: dict[tuple[str, int], list[float]] = {(what, size): [] for what in ways for size in (1, 32)}
    for start in range(0, 640, 32):
        for (what, size), taken in times.items():
            batch = job.dev[start : start + size]
            begun = time.perf_counter()
            ways[what](batch)
            taken.append(time.perf_counter() - begun)
    for what in ways:
        one, many = (1000 * median(times[what, size]) for size in (1, 32))
        flips = float(np.mean(logits[what].argmax(1) != first))
        accuracy = job.accuracy(labels, logits[what])
        print(f"{job.name} | {what} | {accuracy:.3f} | {flips:.4f} | {one:.2f} / {many:.1f} ms", flush=True)


def try_batches(job: Job) -> None:
    """Texts of unlike lengths: sorted, in batches of 512 tokens, and in batches of 32 as they come."""
    from gts.student.fast_tokens import encode
    from gts.student.layout import ONNX_INT8
    from gts.student.onnx_runtime import padded, run_session
    from gts.student.runtime import load_student
    from gts.student.sessions import open_session
    from gts.student.tokenizing import shared_tokenizer

    folder = job.packaged("mini")
    session, tokenizer = open_session(folder / ONNX_INT8, 1), shared_tokenizer(folder, 256).tokenizer
    width = len(load_student(folder).labels)
    texts = [" ".join(job.dev[i : i + (7 if i % 7 == 0 else 1)]) for i in range(448)]
    ids = [encode(tokenizer, text, special=True) for text in texts]

    def as_they_come() -> None:
        for start in range(0, len(ids), 32):
            inputs, mask = padded(ids[start : start + 32])
            session.run(["logits"], {"input_ids": inputs, "attention_mask": mask})

    ways = {"sorted": lambda: run_session(session, "logits", ids, width), "as they come": as_they_come}
    times: dict[str, list[float]] = {what: [] for what in ways}
    for _ in range(5):
        for what, way in ways.items():
            begun = time.perf_counter()
            way()
            times[what].append(time.perf_counter() - begun)
    for what, taken in times.items():
        print(f"{job.name} | {what} | {len(texts) / median(taken):.0f} texts/s", flush=True)


def try_layers(job: Job) -> None:
    """Students of some of the tuned encoder's six layers: led to its vectors for some steps, with a head taught as the published one's."""
    from gts.core.balancing import balanced
    from gts.core.encoder import Encoder
    from gts.orchestrator.stages.common import MOST_TOKENS, load_split
    from gts.orchestrator.stages.lessons import taught
    from gts.student.layout import ONNX_INT8, StudentManifest, TaskInfo
    from gts.student.mini import fit_head, new_classifier, set_head
    from gts.student.writers import write_mini

    call = job.call("distil", tier="mini", fold=None, seed_only=False)
    inputs = {name: job.artifact(digest) for name, digest in call["inputs"].items()}
    split = load_split(inputs, call["params"])
    lesson, whole = taught(split, inputs), Encoder(inputs["teach"] / "trunk", MOST_TOKENS)
    weights = balanced(lesson.targets, lesson.targets.max(axis=1) ** 2)
    published = job.packaged("mini")
    ways = {"six layers": opened(published, published / ONNX_INT8)}
    manifest = StudentManifest(
        task=TaskInfo(name="x"), labels=split.data.labels, tier="mini", max_length=MOST_TOKENS
    )
    with tempfile.TemporaryDirectory() as temporary:
        lower, second = (0, 1, 2), (1, 3, 5)
        for layers, matched in ((lower, 0), (second, 0), (lower, 100), (lower, 300), ((0, 1, 2, 3), 0)):
            trunk = Path(temporary) / f"trunk{len(ways)}"
            keep_layers(inputs["teach"] / "trunk", layers, trunk)
            if matched:
                match_vectors(trunk, lesson.texts, whole.embed(lesson.texts), matched)
            vectors = Encoder(trunk, MOST_TOKENS).embed(lesson.texts)
            model, tokenizer = new_classifier(trunk, len(split.data.labels))
            set_head(model, fit_head(vectors, lesson.targets, weights, multi_label=False))
            folder = Path(temporary) / f"student{len(ways)}"
            write_mini(folder, model, tokenizer, manifest)
            what = f"layers {layers}, {matched} steps"
            ways[what] = opened(folder, folder / ONNX_INT8)
        compare(job, ways)


def keep_layers(trunk: Path, layers: tuple[int, ...], out: Path) -> None:
    """Write an encoder with some of another's layers."""
    from torch.nn import ModuleList
    from transformers import AutoModel, AutoTokenizer

    model = AutoModel.from_pretrained(trunk)
    model.encoder.layer = ModuleList(model.encoder.layer[i] for i in layers)
    model.config.num_hidden_layers = len(layers)
    model.save_pretrained(out)
    AutoTokenizer.from_pretrained(trunk).save_pretrained(out)


def match_vectors(trunk: Path, texts: list[str], wanted: np.ndarray, steps: int) -> None:
    """Train an encoder, in place, until its sentence vectors point where another's do."""
    import torch

    from gts.core.encoder import Encoder, autocast, training, warmup_decay

    encoder = Encoder(trunk, 64)
    tokens, goal = encoder.tokenize(texts), torch.from_numpy(wanted)
    rng = np.random.default_rng(0)
    optimizer = torch.optim.AdamW(encoder.model.parameters(), lr=2e-4, weight_decay=0.01)
    with training(encoder.model):
        for step in range(steps):
            rows = rng.choice(len(texts), 40, replace=False)
            optimizer.param_groups[0]["lr"] = 2e-4 * warmup_decay(step, steps)
            with autocast():
                vectors = encoder.forward(*tokens.batch(rows.tolist()))
            loss = (1 - torch.nn.functional.cosine_similarity(vectors.float(), goal[rows])).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    encoder.save(trunk)


def try_exits(job: Job) -> None:
    """Where a head after three layers is sure, the other three are spared; beside it the static student ahead of the whole."""
    import torch

    from gts.core.encoder import TokenizedTexts, mean_pool
    from gts.student.mini import fit_head, load_classifier
    from gts.student.runtime import load_student, softmax

    model, tokenizer = load_classifier(
        job.artifact(job.call("package", tier="mini")["inputs"]["student"]) / "model"
    )

    def half_and_whole(texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
        tokens, half = TokenizedTexts(tokenizer, texts, 256), np.zeros((len(texts), 384), np.float32)
        whole = np.zeros((len(texts), model.config.num_labels), np.float32)
        with torch.inference_mode():
            for rows in tokens.by_length(64):
                ids, mask = tokens.batch(rows.tolist())
                out = model(input_ids=ids, attention_mask=mask, output_hidden_states=True)
                half[rows], whole[rows] = mean_pool(out.hidden_states[3], mask).numpy(), out.logits.numpy()
        return half, whole

    static = load_student(job.packaged("static")).predict
    labels = load_student(job.packaged("mini")).labels
    taught, judged = job.pool[:2000], job.pool[2000:]
    half, whole = half_and_whole(taught)
    head = fit_head(half, softmax(whole), np.ones(len(half), np.float32), multi_label=False)
    (half_judged, whole_judged), (half_dev, whole_dev) = half_and_whole(judged), half_and_whole(job.dev)
    early = {
        "after three layers": (softmax(head.logits(half_judged)), softmax(head.logits(half_dev)), 0.5),
        "static first": (static(judged), static(job.dev), 0.0),
    }
    print(f"{job.name} | all layers | {job.accuracy(labels, whole_dev):.3f}", flush=True)
    for what, (known, new, cost) in early.items():
        for least in (0.99, 0.97, 0.95):
            bound = sure_from(known, whole_judged, least)
            leaves = new.max(1) >= bound
            said = np.where(leaves[:, None], new, softmax(whole_dev))
            paid = cost + (1 - cost) * (1 - leaves.mean()) if cost else 1 - leaves.mean()
            accuracy = job.accuracy(labels, said)
            print(
                f"{job.name} | {what}, {least} alike | {leaves.mean():.3f} leave | {accuracy:.3f} | {paid:.2f} of the work",
                flush=True,
            )


def sure_from(known: np.ndarray, whole: np.ndarray, least: float) -> float:
    """The confidence from which so large a share decides as the whole student does."""
    order = np.argsort(-known.max(1))
    alike = np.cumsum((known.argmax(1) == whole.argmax(1))[order]) / np.arange(1, len(order) + 1)
    enough = np.flatnonzero(alike >= least)
    return float(known.max(1)[order[enough[-1]]]) if len(enough) else 2.0


TRIALS: dict[str, Callable[[Job], None]] = {
    "static": try_static,
    "int8": try_int8,
    "batches": try_batches,
    "layers": try_layers,
    "exits": try_exits,
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("trials", nargs="+", choices=TRIALS)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--work", type=Path, default=Path("out/fast_students"))
    parser.add_argument("--only", choices=SETS, nargs="*", default=SETS)
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1])
    args = parser.parse_args()
    for seed in args.seeds:
        for name in args.only:
            job = finished_job(args.work, args.data, name, seed)
            for trial in args.trials:
                TRIALS[trial](job)


if __name__ == "__main__":
    main()
