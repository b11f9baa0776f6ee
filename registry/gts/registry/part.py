"""What every part of the registry works on."""

from __future__ import annotations

from gts.core.blobs import Blobs
from gts.core.database import Database
from gts.registry.promotions import Promotions
from gts.registry.verified import VerifiedBlobs


class Part:
    """A part of the registry: some of its operations, over the database and the blobs that all parts share.

    Args:
        database: Holds repositories, commits, files and references.
        blobs: Holds the bytes.

    Attributes:
        promotions: Moves aliases and keeps their history.
    """

    def __init__(self, database: Database, blobs: Blobs) -> None:
        self.promotions = Promotions(database)
        self._database = database
        self._blobs = VerifiedBlobs(blobs)
