"""Where stages run: one small protocol, one file for each way."""

from __future__ import annotations

from pathlib import Path

from gts.core.artifacts import ArtifactStore
from gts.core.errors import InvalidInput
from gts.orchestrator.compute.base import Compute, ShouldStop

__all__ = ["STAGES", "Compute", "ShouldStop", "open_compute"]

STAGES = "gts.orchestrator.stages:STAGES"


def open_compute(
    kind: str,
    store: ArtifactStore,
    *,
    stages: str = STAGES,
    ray_address: str | None = None,
    folder: Path | None = None,
    cores: int | None = None,
) -> Compute:
    """Compute by its name.

    Args:
        kind: ``inline`` or ``ray``.
        store: Artifacts.
        stages: ``module:attribute`` of the stage table.
        ray_address: An existing Ray cluster; by default a local one is started at the first stage.
        folder: Where a local Ray keeps sockets and logs; by default ``ray`` beside the store.
        cores: CPU cores a local Ray may use; by default all of this process.

    Raises:
        InvalidInput: There is no such kind.
    """
    if kind == "inline":
        from gts.orchestrator.compute.inline import InlineCompute

        return InlineCompute(store, stages)
    if kind == "ray":
        from gts.orchestrator.compute.ray import RayCompute

        return RayCompute(
            store, stages, folder or store.root.parent / "ray", cores=cores, address=ray_address
        )
    raise InvalidInput(f"no compute called {kind!r}", mend="use inline or ray", known=["inline", "ray"])
