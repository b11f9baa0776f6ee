"""The registry: publish files as immutable commits, find them again, hand them out verified."""

from __future__ import annotations

from gts.registry.checking import Checking
from gts.registry.committing import Committing
from gts.registry.garbage import Collecting
from gts.registry.publishing import Publishing
from gts.registry.reading import Reading
from gts.registry.references import References
from gts.registry.repositories import Repositories
from gts.registry.scrubbing import Scrubbing
from gts.registry.uploads import Uploads


class Registry(
    Repositories,
    Reading,
    References,
    Uploads,
    Publishing,
    Committing,
    Checking,
    Scrubbing,
    Collecting,
):
    """Repositories of models and data sets over a database and a blob store.

    Everything it returns is a frozen value. A revision is visible only when all its blobs are stored.
    Repositories are named by namespace and name, and by their kind where it is not a model. A name that a
    repository had before it was moved leads to it as long as no other has taken it.

    Args:
        database: Holds repositories, commits, files and references.
        blobs: Holds the bytes.

    Attributes:
        promotions: Moves aliases and keeps their history.
    """
