"""What `make demo` runs: the platform from start to end, on one machine, in one go.

Starts `gts up` on a free port with an empty data folder, submits a task over REST, follows it, prints its report,
pulls the student with the unmodified Hugging Face client, predicts with it, and stops what it started. Ctrl-C stops
everything at any moment; the exit code is then 130.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from demo_process import Interrupts, PeakMemory, Platform

from gts.core.errors import GTSError, StageFailed

TASK = Path(__file__).parent / "support-tickets" / "task.yaml"
INTERRUPTED = 130


def main(arguments: Sequence[str]) -> int:
    """Run the demo; returns 0, 130 after Ctrl-C, or 1 with the reason on standard error."""
    given = _parse(arguments)
    interrupts = Interrupts()
    memory = PeakMemory()
    folder = Path(tempfile.mkdtemp(prefix="gts-demo-"))
    platform = Platform(folder, dict(given.set))
    try:
        with interrupts.allowed():
            demonstrate(given.task, platform, folder, interrupts)
    except KeyboardInterrupt:
        say("\nInterrupted; stopping everything.", sys.stderr)
        return INTERRUPTED
    except GTSError as error:
        say(f"\nThe demo failed: {error.message}\n{error.mend}", sys.stderr)
        say(f"The platform's log ends with:\n{platform.end_of_log()}", sys.stderr)
        return 1
    finally:
        interrupts.ignore()  # nothing cuts this short
        platform.stop()
        shutil.rmtree(folder, ignore_errors=True)
    say(
        f"\nAll is stopped. It took {memory.seconds():.0f} s and at most {memory.peak_gib():.1f} GiB of memory."
    )
    say("Next: `make up` starts the platform for your own texts; README.md shows the rest.")
    return 0


def demonstrate(task: Path, platform: Platform, folder: Path, interrupts: Interrupts) -> None:
    """The demo itself, from an empty folder to predictions."""
    from gts.platform.cli.progress import Progress, print_report
    from gts.platform.client import Client

    say("GTS makes a small classifier from a few labelled texts. This takes 2 to 5 minutes; Ctrl-C stops it.")
    headline("Start the platform (SQLite, files, a local Ray)")
    with interrupts.postponed():
        platform.start()
    address = platform.wait_until_ready()
    say(f"It runs at {address['url']}/?token={address['token']}")

    headline(f"Submit {_short(task)} over REST and watch the job")
    with Client(address["url"], address["token"]) as client:
        counts = client.submit(task, dry_run=True)["counts"]
        say(
            f"{counts['gold']} labelled texts, {counts['pool']} without a label, {counts['test']} for the test"
        )
        job = client.submit(task)
        with Progress() as progress:
            job = client.wait(job["id"], progress.show)
        if job["state"] != "succeeded":
            error = job["error"] or {"message": "no reason was recorded"}
            raise StageFailed(f"the job {job['state']}: {error['message']}", mend=error.get("mend", ""))
        report = client.report(job["id"])

    headline("Report")
    print_report(report)

    headline(
        f"Pull it with huggingface_hub: HF_ENDPOINT={address['url']} snapshot_download({job['model']!r})"
    )
    student = pull(job["model"], address["url"], folder / "hub")
    for file in sorted(path for path in student.rglob("*") if path.is_file()):
        say(f"  {file.stat().st_size / 1000:>9,.1f} kB  {file.relative_to(student)}")

    texts = (task.parent / "new.txt").read_text("utf-8").splitlines()
    headline(f"Predict {len(texts)} new texts with it, in this process, without torch")
    for text, label, score in predict(student, texts):
        say(f"  {label:<10} {score:.2f}  {text}")


def pull(model: str, endpoint: str, cache: Path) -> Path:
    """Download a model from a platform with the unmodified Hugging Face client, which reads its variables at import."""
    os.environ |= {
        "HF_ENDPOINT": endpoint,
        "HF_HOME": str(cache),
        "HF_HUB_OFFLINE": "0",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "NO_PROXY": "127.0.0.1",
    }
    from huggingface_hub import snapshot_download

    return Path(snapshot_download(model, token=False))


def predict(folder: Path, texts: Sequence[str]) -> list[tuple[str, str, float]]:
    """Each text with its labels and the score of the likeliest."""
    from gts.student.opening import open_student

    answers = open_student(folder).answer([{"text": text} for text in texts])
    return [
        (text, " + ".join(answer["labels"]) or "(none)", answer["scores"][0]["score"])
        for text, answer in zip(texts, answers, strict=True)
    ]


def headline(text: str) -> None:
    """The next step of the story."""
    say(f"\n== {text}")


def say(text: str, stream: TextIO | None = None) -> None:
    """A line that is seen at once, also through a pipe."""
    print(text, file=stream or sys.stdout, flush=True)


def _short(path: Path) -> Path:
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[2])
    parser.add_argument(
        "task",
        nargs="?",
        type=Path,
        default=TASK,
        help="a task file with a new.txt beside it (default: %(default)s)",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        type=_setting,
        metavar="GTS_NAME=VALUE",
        help="a setting of the platform; without any it is the embedded default",
    )
    return parser.parse_args(arguments)


def _setting(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    if not name.startswith("GTS_"):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form GTS_NAME=VALUE")
    return name, value


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
