"""What a worker process may meet when it is to stop: compute that does not let go, a job that does not look up."""

import threading


class LameCompute:
    def close(self):
        threading.Event().wait()


def make(registry, database):
    return lambda job, store, compute, recorder: threading.Event().wait()
