"""Bounds on what is read, so that no file can exhaust memory or time."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """How much of the user's data is accepted.

    Attributes:
        decompressed_bytes: Bytes of one file after decompression.
        unpacking_ratio: Unpacked over packed bytes above which a gzip or Parquet file is taken for a bomb.
        json_array_bytes: Bytes of a JSON array, which is held whole in memory (JSON lines are not).
        rows: Rows of all files of one role (examples, unlabeled, test) together.
        columns: Columns of a table, or keys of a JSON row.
        record_chars: Characters of one record (a JSON line, a CSV row).
        text_chars: Characters of one text. Students read only its beginning.
        given_entities: Entities that come with one text, between which relations are looked for.
        labels: Different labels.
        label_chars: Characters of one label.
        problems: Problems collected before reading stops.
    """

    decompressed_bytes: int = 2 << 30
    unpacking_ratio: int = 200
    json_array_bytes: int = 256 << 20
    rows: int = 1_000_000
    columns: int = 1_000
    record_chars: int = 8_000_000
    text_chars: int = 200_000
    given_entities: int = 100
    labels: int = 1_000
    label_chars: int = 200
    problems: int = 20


DEFAULT_LIMITS = Limits()
