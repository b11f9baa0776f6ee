"""Tasks: what a person asks for, their data read and checked, and the measures of predictions.

``taskfile`` is the way in, ``dataset.TaskData`` what comes out, ``metrics`` what predictions are judged by.
"""
