"""What the audited teachers believe about a fold's rows, language models included."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from gts.orchestrator.stages.common import Floats, load_arrays, read_json
from gts.teacher.ensemble import Calibration, combine, defer, sharpen

CONSULTED = "consult "
"""Inputs of this prefix are what language models said, each followed by the model's name."""
LIKELIHOOD = " (likelihood)"
"""What is added to a model's name where it is asked what it finds likelier, not what it answers."""
GENERATED = "generate "
"""Inputs of this prefix are generated texts, each followed by the generator's name."""


def ensemble_beliefs(inputs: Mapping[str, Path], multi_label: bool, about: str = "pool") -> Floats:
    """The ensemble's beliefs about rows of a fold [rows, labels], before they are sharpened.

    Args:
        inputs: ``teach`` and ``audit``; ``consult NAME`` for each language model that was asked about these rows.
        multi_label: Whether labels are independent.
        about: ``pool`` or ``heldout``.
    """
    audit = read_json(inputs["audit"] / "audit.json")
    rest = combine(load_arrays(inputs["teach"] / f"{about}.safetensors"), audit["rest"])
    if not any(model["weight"] > 0 for model in audit["models"].values()):
        return rest
    rest = sharpen(rest, audit["others"]["exponent"], multi_label)
    beliefs = audit["others"]["weight"] * rest
    said = {
        name: raw
        for key, folder in inputs.items()
        if key.startswith(CONSULTED)
        for name, raw in load_arrays(folder / f"{about}.safetensors").items()
    }
    for name, model in audit["models"].items():
        own = rest  # for texts about which the model was not asked, or had no opinion
        if model["weight"] > 0 and name in said:
            calibration = Calibration(tuple(model["bias"]), model["exponent"])
            own = defer(calibration.apply(said[name], multi_label), rest)
        beliefs = beliefs + model["weight"] * own
    return np.asarray(beliefs, np.float32)
