"""What docs/serving.md shows is sent as it stands there."""

import re
import shlex
from itertools import pairwise
from pathlib import Path

import httpx
import pytest
from tiny_student import write_tiny_student

DOCUMENT = (Path(__file__).parents[2] / "docs/serving.md").read_text("utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)


def requests():
    """Every curl command: address, options by their names."""
    for command in "".join(blocks("sh")).split("curl ")[1:]:
        words = shlex.split(command.replace("\\\n", " "))
        (address,) = (word for word in words if word.startswith("http://"))
        options = [(flag, value) for flag, value in pairwise(words) if flag in ("-H", "-d", "-T")]
        yield address, options


@pytest.fixture
def support(services, tmp_path):
    folder = write_tiny_student(tmp_path / "student", "support-tickets")
    return services.registry.publish("local", "support-tickets", folder, "first", author="local")


@pytest.mark.parametrize(("address", "options"), list(requests()))
def test_curl(live, token, support, address, options):
    headers = dict(value.split(": ", 1) for flag, value in options if flag == "-H")
    assert headers["Authorization"] == "Bearer $GTS_TOKEN"
    body = dict(options).get("-d")
    if "-T" in dict(options):
        body = '"where is my parcel?"\n'
    url = address.replace("http://127.0.0.1:8750", live)
    # As curl does where nothing else is said.
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        **headers,
        "Authorization": f"Bearer {token}",
    }
    answer = httpx.request("POST" if body else "GET", url, content=body, headers=headers)
    assert answer.status_code == 200, answer.text
    assert support.oid in answer.text or answer.headers["x-gts-commit"] == support.oid


@pytest.mark.parametrize("block", blocks("python"))
def test_python(live, token, support, block, monkeypatch, capsys):
    monkeypatch.setenv("GTS_URL", live)
    monkeypatch.setenv("GTS_TOKEN", token)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    exec(block.replace("127.0.0.1:8750", live.removeprefix("http://")), {"TOKEN": token})
    assert "delivery" in capsys.readouterr().out


def test_every_metric_is_named(http, support):
    http.post("/api/v1/models/local/support-tickets/predict", json={"texts": ["a"]})
    told = set(re.findall(r"^# HELP (gts_\w+)", http.get("/metrics").text, re.MULTILINE))
    tables = " ".join(line for line in DOCUMENT.splitlines() if line.startswith("| `gts_"))
    assert told == set(re.findall(r"gts_\w+", tables))
