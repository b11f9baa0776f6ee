"""A model believes what it has read."""

from __future__ import annotations

import pytest
from tiny_causal import write_tiny_causal

from gts.core.llm.entries import ModelEntry
from gts.core.llm.transformers_backend import TransformersBackend
from gts.teacher.perplexity import believes, negated

FACTS = (
    "zanamivir can treat influenza.",
    "aspirin can treat headache.",
    "aspirin cannot treat influenza.",
    "zanamivir cannot treat headache.",
)


@pytest.fixture(scope="module")
def scorer(tmp_path_factory: pytest.TempPathFactory) -> TransformersBackend:
    folder = write_tiny_causal(tmp_path_factory.mktemp("facts"), FACTS, steps=200)
    return TransformersBackend(ModelEntry(name="own", kind="transformers", model=str(folder)))


@pytest.mark.parametrize(
    ("subject", "target", "holds"),
    [("zanamivir", "influenza", True), ("aspirin", "influenza", False), ("aspirin", "headache", True)],
)
def test_the_likelier_of_two_statements_is_believed(
    scorer: TransformersBackend, subject: str, target: str, holds: bool
) -> None:
    belief = believes(scorer, subject, "can treat", target)

    assert belief.statement == f"{subject} can treat {target}."
    assert belief.opposite == f"{subject} cannot treat {target}."
    assert (belief.probability > 0.5) == holds
    assert (belief.perplexity < belief.opposite_perplexity) == holds


@pytest.mark.parametrize(
    ("relation", "opposite"),
    [
        ("can treat", "cannot treat"),
        ("Is part of", "Is not part of"),
        ("has", "does not have"),
        ("watches over", "does not watch over"),
        ("makes", "does not make"),
        ("north of", "not north of"),
    ],
)
def test_a_relation_is_negated(relation: str, opposite: str) -> None:
    assert negated(relation) == opposite
