"""The servers that the registry's benchmarks ask: a platform, and nginx with the same files."""

from __future__ import annotations

import json
import os
import shutil
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from http_speed import free_port, running

TOKEN = "benchmark-0123456789-abcdefghijklmnop"
NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
_NGINX_CONF = """
{user} worker_processes auto; daemon off; pid {root}/nginx.pid; error_log stderr error;
events {{ worker_connections 1024; }}
http {{
  sendfile on; tcp_nopush on; access_log off; default_type application/octet-stream; client_body_temp_path {root}/body;
  proxy_temp_path {root}/proxy; fastcgi_temp_path {root}/fastcgi; uwsgi_temp_path {root}/uwsgi; scgi_temp_path {root}/scgi;
  server {{
    listen 127.0.0.1:{port}; root {root}/site;
    location / {{ add_header X-Repo-Commit {commit}; }}
    location /api/ {{ default_type application/json; }}
  }}
}}
"""


@contextmanager
def platform(home: Path, database: str = "") -> Iterator[str]:
    """A running platform; its URL."""
    port = free_port()
    variables = {"GTS_HOME": str(home), "GTS_TOKEN": TOKEN, "GTS_WORKERS": "0", "GTS_PORT": str(port)}
    variables["GTS_DATABASE_URL"] = database
    with running(
        [str(Path(sys.executable).with_name("gts")), "up"],
        variables,
        f"http://127.0.0.1:{port}/api/v1/health",
    ):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def nginx(root: Path, url: str, repository: str, home: Path) -> Iterator[str]:
    """nginx with the blobs of a repository and the registry's answers about it."""

    def ask(path: str) -> bytes:
        with urllib.request.urlopen(f"{url}{path}") as answer:
            return bytes(answer.read())

    info = json.loads(ask(f"/api/models/{repository}/revision/main"))
    answers = [f"/api/models/{repository}/revision/main", f"/api/models/{repository}/tree/{info['sha']}"]
    for path in answers:
        place = Path(f"{root}/site{path}")
        place.parent.mkdir(parents=True)
        place.write_bytes(ask(path + ("?recursive=true" if "/tree/" in path else "")))
    for file in json.loads(ask(f"{answers[0]}?blobs=true"))["siblings"]:
        for revision in ("main", info["sha"]):
            place = root / "site" / repository / "resolve" / revision / file["rfilename"]
            place.parent.mkdir(parents=True, exist_ok=True)
            if "lfs" in file:
                digest = file["lfs"]["sha256"]
                os.link(home / "blobs" / digest[:2] / digest, place)
            else:
                place.write_bytes(ask(f"/{repository}/resolve/main/{file['rfilename']}"))
    port = free_port()
    user = "user root;" if os.geteuid() == 0 else ""
    (root / "nginx.conf").write_text(_NGINX_CONF.format(user=user, root=root, port=port, commit=info["sha"]))
    command = [str(NGINX), "-c", str(root / "nginx.conf"), "-p", str(root)]
    with running(command, {}, f"http://127.0.0.1:{port}/{repository}/resolve/main/config.json") as process:
        assert process.poll() is None, "nginx did not start"
        yield f"http://127.0.0.1:{port}"
