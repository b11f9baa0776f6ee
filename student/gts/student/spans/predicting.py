"""Predicting with a span student in torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gts.core.encoder import device_and_dtype
from gts.core.errors import Damaged
from gts.student.spans.decoding import Floats
from gts.student.spans.finding import find
from gts.student.spans.layout import WEIGHTS_FILE, SpanLayout, read_layout
from gts.student.spans.tokens import Cutter, Ints
from gts.student.spans.trunk import new_trunk
from gts.student.tokenizing import load_tokenizer
from gts.tasks.items import Item
from gts.tasks.rows import MarkedRow

if TYPE_CHECKING:
    from gts.student.spans.network import SpanNet


def predict(
    folder: Path, rows: Sequence[MarkedRow], on_batch: Callable[[float], None] | None = None
) -> list[dict[Item, float]]:
    """What the student in a folder finds in texts.

    Args:
        folder: Folder of a span student.
        rows: The texts, with their given entities where the task has such.
        on_batch: Called with the fraction done after each batch.

    Returns:
        For each row its beliefs; places are code points of the raw text and never begin or end with white space.

    Raises:
        NotFound: A file is missing.
        StorageError: A file is damaged, or the files do not fit together.
    """
    layout = read_layout(folder)
    net = load_net(folder, layout)
    cutter = Cutter(load_tokenizer(folder), layout.length, layout.overlap)
    return find(TorchScorer(net), layout, cutter, rows, on_batch)


def load_net(folder: Path, layout: SpanLayout) -> SpanNet:
    """The network in a folder, in evaluation mode, on the device to compute on.

    Raises:
        StorageError: The weights are damaged or do not fit the layout.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from gts.student.spans.network import SpanNet

    net = SpanNet(new_trunk(layout.trunk), len(layout.labels.spans), len(layout.labels.links), layout.width)
    path = folder / WEIGHTS_FILE
    try:
        net.load_state_dict(load_file(path))
    except (OSError, RuntimeError, SafetensorError) as error:
        raise Damaged(
            f"{path} does not hold the weights of this student: {error}",
            mend="download or produce the student again",
            path=str(path),
        ) from error
    return net.to(device_and_dtype()[0]).eval()


class TorchScorer:
    """A network in torch as :class:`gts.student.spans.finding.Scorer`.

    Args:
        net: The network, in evaluation mode.
    """

    def __init__(self, net: SpanNet) -> None:
        self._net = net

    def read(self, ids: Ints, mask: Ints, traits: Ints) -> tuple[object, Floats | None]:
        """See :class:`gts.student.spans.finding.Scorer`."""
        import torch

        device = device_and_dtype()[0]
        with torch.inference_mode():
            vectors = self._net.read(*(torch.from_numpy(part).to(device) for part in (ids, mask, traits)))
            if not self._net.labels[0]:
                return vectors, None
            return vectors, np.asarray(self._net.spans(vectors).cpu().numpy(), np.float32)

    def links(self, vectors: Any, places: Ints) -> Floats:
        """See :class:`gts.student.spans.finding.Scorer`."""
        import torch

        with torch.inference_mode():
            scores = self._net.links(vectors, torch.from_numpy(places).to(vectors.device))
            return np.asarray(scores.cpu().numpy(), np.float32)
