"""Starts two replicas of the Ray Serve application, says where they are, and ends with its standard input.

Run as a program of its own: a Ray cluster of one test must not meet that of another.
"""

import json
import os
import sys

import psutil
import ray
from ray import serve

from gts.platform.serving.replicas import application


def holds_students(process):
    try:
        name = " ".join(process.cmdline())
    except psutil.Error:  # it has just died
        return False
    return "ServeReplica" in name and "Students" in name


told = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # Ray says things there
ray.init(
    address="local",
    num_cpus=4,
    include_dashboard=False,
    object_store_memory=100 << 20,
    log_to_driver=False,
    _temp_dir=sys.argv[2],
)
serve.start(http_options={"host": "127.0.0.1", "port": int(sys.argv[1])})
serve.run(application({"replicas": "2"}))
for _ in sys.stdin:
    found = [child.pid for child in psutil.Process().children(recursive=True) if holds_students(child)]
    print(json.dumps(sorted(found)), file=told, flush=True)
serve.shutdown()
ray.shutdown()
os._exit(0)
