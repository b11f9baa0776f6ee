"""Tasks: what a person asks for, their data read and checked, and the measures of predictions.

``taskfile`` is the way in. Out comes ``dataset.TaskData`` of a classification task (``building`` reads and
checks it), and ``rows.RowTask`` of any other (``intake``). ``metrics`` and its like are what predictions
are judged by.
"""
