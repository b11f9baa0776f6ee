"""A check of everything finds what is wrong, says where it belongs, and takes damaged bytes out of service."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from gts.core.blobs import Blobs
from gts.core.database import Database
from gts.core.errors import StorageError
from gts.registry.registry import Registry
from gts.registry.scrubbing import Fault
from gts.registry.values import Kind, Revision

Model = Callable[..., Path]
Damage = Callable[..., None]


def publish(registry: Registry, folder: Path, name: str = "tickets", kind: Kind = Kind.MODEL) -> Revision:
    return registry.publish("acme", name, folder, "first", "ann", kind=kind)


def test_a_sound_registry_has_nothing_to_tell(registry: Registry, blobs: Blobs, model: Model) -> None:
    publish(registry, model())
    publish(registry, model("data"), kind=Kind.DATASET)
    orphan, size = blobs.put(io.BytesIO(b"nobody's"))

    checkup = registry.fsck()

    assert (checkup.findings, checkup.quarantined) == ((), {})
    assert [(blob.digest, blob.size) for blob in checkup.orphans] == [(orphan, size)]
    assert (checkup.repositories, checkup.blobs) == (2, 5)
    assert checkup.bytes == sum(blob.size for blob in blobs.stored())


@pytest.mark.parametrize("how", [{}, {"shorter": True}])
def test_damage_is_told_with_every_place_and_taken_out_of_service(
    registry: Registry, blobs: Blobs, model: Model, damage: Damage, how: dict[str, bool]
) -> None:
    first = publish(registry, model())
    second = publish(registry, model("two", **{"README.md": b"# Two"}))
    data = publish(registry, model("data"), kind=Kind.DATASET)
    weights = registry.file(first, "model.safetensors")
    damage(weights.sha256, **how)

    looked = registry.fsck(quarantine=False)
    assert weights.sha256 in blobs and looked.quarantined == {}
    checkup = registry.fsck()

    assert checkup.findings == looked.findings
    places = [(finding.place.repository, finding.place.revision) for finding in checkup.findings]
    assert places == [
        ("datasets/acme/tickets", data.oid),
        ("acme/tickets", first.oid),
        ("acme/tickets", second.oid),
    ]
    assert {(finding.fault, finding.place.path) for finding in checkup.findings} == {
        (Fault.DAMAGED, "model.safetensors")
    }
    assert weights.sha256 in checkup.quarantined[weights.sha256]
    assert weights.sha256 not in {blob.digest for blob in blobs.stored()}
    with pytest.raises(StorageError, match="missing"):
        registry.blob(weights)
    assert {finding.fault for finding in registry.fsck().findings} == {Fault.MISSING}
    registry.collect_garbage()
    publish(registry, model("again"), name="healed")
    assert registry.fsck().findings == ()
    assert (
        registry.blob(weights).read_bytes() == registry.blob(registry.file(data, weights.path)).read_bytes()
    )


def test_missing_blobs_of_files_and_uploads_are_told(
    registry: Registry, model: Model, damage: Damage, blobs: Blobs
) -> None:
    revision = publish(registry, model())
    waiting, size = blobs.put(io.BytesIO(b"large"))
    registry.receive("acme", "tickets", waiting, size, io.BytesIO(b"large"))
    readme = registry.file(revision, "README.md").sha256
    for digest in (waiting, readme):
        damage(digest, missing=True)

    found = {
        (finding.blob, finding.place.revision, finding.place.path) for finding in registry.fsck().findings
    }

    assert found == {(waiting, "", ""), (readme, revision.oid, "README.md")}


def test_a_damaged_blob_that_nothing_names_is_no_orphan(
    registry: Registry, blobs: Blobs, damage: Damage
) -> None:
    digest, _ = blobs.put(io.BytesIO(b"nobody's"))
    damage(digest)
    checkup = registry.fsck()
    assert [finding.place.repository for finding in checkup.findings] == [""]
    assert (checkup.orphans, list(checkup.quarantined)) == ((), [digest])


@pytest.mark.parametrize("blobs", ["local"], indirect=True)
def test_a_history_that_was_tampered_with_is_told(
    registry: Registry, model: Model, database: Database
) -> None:
    revision = publish(registry, model())
    with database.writing() as session:
        session.execute(text("update files set size = size + 1 where path = 'config.json'"))
    (finding,) = registry.fsck().findings
    assert (finding.fault, finding.place.revision) == (Fault.HISTORY, revision.oid)


@pytest.mark.parametrize("blobs", ["local"], indirect=True)
def test_dangling_references_are_told(registry: Registry, model: Model, database: Database) -> None:
    publish(registry, model())
    publish(registry, model("other"), name="other")
    with database.writing() as session:
        session.execute(
            text(
                "update refs set commit_id = (select id from commits order by id desc limit 1)"
                " where repository_id = (select min(id) from repositories)"
            )
        )
    (finding,) = registry.fsck().findings
    assert (finding.fault, finding.place.repository) == (Fault.DANGLING, "acme/tickets")
    assert "'main'" in finding.message
    with database.writing() as session:
        session.execute(text("delete from refs"))
    assert [finding.message for finding in registry.fsck().findings] == ["it has no branch 'main'"] * 2
