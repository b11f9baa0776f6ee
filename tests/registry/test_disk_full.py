"""A real full disk would need privileges; a file size limit makes the same writes fail, with EFBIG."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from gts.core.blobs import BlobStore
from gts.core.database import Database
from gts.registry.registry import Registry

PUBLISH = textwrap.dedent("""
    import resource, sys
    from pathlib import Path
    from gts.core.blobs import BlobStore
    from gts.core.database import Database
    from gts.core.errors import StorageError
    from gts.registry.registry import Registry

    root, folder, limit = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    registry = Registry(Database(f"sqlite:///{root / 'gts.db'}"), BlobStore(root / "blobs"))
    registry.list()
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        registry.publish("acme", "tickets", folder, "second", "ann")
    except StorageError as error:
        print(error)
        sys.exit(7)
""")


@pytest.mark.parametrize(("limit", "victim"), [(100_000, "a blob"), (4_000, "database")])
def test_a_full_disk_while_publishing_shows_nothing_and_can_be_mended(
    model: Callable[..., Path], sqlite_database: Database, tmp_path: Path, limit: int, victim: str
) -> None:
    blobs = BlobStore(tmp_path / "blobs")
    registry = Registry(sqlite_database, blobs)
    first = registry.publish("acme", "tickets", model("one"), "first", "ann")
    large = save({"weight": np.ones(60_000, np.float32)})
    second = model("two", **({"model.safetensors": large} if victim == "a blob" else {"README.md": None}))
    before = sorted(path for path in blobs.root.rglob("*") if path.is_file())
    command = [sys.executable, "-c", PUBLISH, str(tmp_path), str(second), str(limit)]
    result = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert result.returncode == 7, result.stderr
    assert "space" in result.stdout
    assert victim in result.stdout
    assert registry.resolve("acme", "tickets") == first
    assert registry.verify("acme", "tickets") == ()
    after = sorted(path for path in blobs.root.rglob("*") if path.is_file())
    assert [path for path in after if path not in before and path.name.startswith(".part-")] == []
    assert registry.publish("acme", "tickets", second, "second", "ann").seq == 2
    assert registry.verify("acme", "tickets") == ()
