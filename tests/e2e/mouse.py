"""A new user's way through the window, by mouse alone: sample, recipe, run, comparison, export, history.

Run by hand; needs xvfb-run, xdotool, openbox and ImageMagick, and takes a few minutes of processor time:

    xvfb-run -a -s "-screen 0 1280x720x24" python -m tests.e2e.mouse --home FOLDER --shots FOLDER

An empty home folder fetches the sample model first.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.desktop import Desktop

MINUTES = 60


@contextmanager
def step(name: str) -> Iterator[None]:
    """Say what is being done, and how long it took."""
    began = time.monotonic()
    print(f"{name} …", flush=True)
    yield
    print(f"{name}: {time.monotonic() - began:.1f} s", flush=True)


def first_visit(desk: Desktop, user: Path) -> None:
    """From the start page to an exported model."""
    desk.click("CheckBox", "Start")
    desk.park()
    desk.shot("start")
    with step("open the sample model"):
        desk.click("Button", "Try the sample model")
        desk.wait("StaticText", "Parameters", seconds=10 * MINUTES)
        desk.park()
        desk.shot("checkpoint")
    with step("choose a preset"):
        desk.click("CheckBox", "Pipeline")
        desk.click("Button", "Preset")
        desk.click("MenuItem", "Small on CPU")
        desk.wait("StaticText", "expected")
        desk.park()
        desk.shot("pipeline")
    with step("run"):
        desk.click("Button", "Run", exact=True)
        desk.wait("Button", "Cancel")
        desk.park()
        desk.shot("run-working")
        desk.wait("Button", "Compare", exact=True, seconds=20 * MINUTES)
        desk.park()
        desk.shot("run")
    with step("measure"):
        desk.click("Button", "Compare", exact=True)
        desk.click("Button", "Measure")
        desk.wait("Button", "Stop")
        time.sleep(8)  # a picture while the answers are being written
        desk.shot("compare-working")
        desk.wait("Button", "Save report", seconds=20 * MINUTES)
        desk.park()
        desk.shot("compare")
    with step("what the compiler did"):
        desk.click("CheckBox", "What the compiler did")
        desk.wait("StaticText", "nodes")
        desk.park()
        desk.shot("compare-compiler")
        desk.click("CheckBox", "Live")
    with step("chat, stop, go on"):
        for text in ("Why is the sea salty?", "And the lakes?"):
            desk.click("EditableText", "Prompt")
            desk.type(text)
            desk.click("Button", "Send to both")
            desk.wait("Button", "Stop")
            if text.startswith("Why"):
                desk.click("Button", "Stop")
            desk.wait("Button", "Send to both", enabled=True, seconds=5 * MINUTES)
        desk.park()
        desk.shot("compare-chat")
    with step("export"):
        desk.click("CheckBox", "Run")
        desk.click("Button", "Export")
        for title in ("Report", "Built model", "Checkpoint"):
            desk.choose(title)
            desk.click("Button", "Export", exact=True)
            desk.wait("", "written", seconds=5 * MINUTES)
            desk.shot(f"export-{title.lower().replace(' ', '-')}")
        desk.click("Button", "Close", exact=True)
    print(*sorted(str(path.relative_to(user)) for path in user.glob("hasten-*")), sep="\n")


def second_visit(desk: Desktop) -> None:
    """The run is found again and reopened."""
    with step("history"):
        desk.click("CheckBox", "History")
        desk.wait("", "Small on CPU")
        desk.park()
        desk.shot("history")
        desk.click("Button", "Reopen")
        desk.wait("StaticText", "expected")


def main() -> None:
    """Both visits."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True, help="Hasten's data folder for this journey")
    parser.add_argument("--shots", type=Path, required=True, help="where pictures of every page go")
    options = parser.parse_args()
    user = options.home.resolve() / "user"
    user.mkdir(parents=True, exist_ok=True)
    environment = {
        "HASTEN_HOME": str(options.home.resolve()),
        "HOME": str(user),  # exports are offered there
        "QT_QPA_PLATFORM": "xcb",
        "HF_HUB_OFFLINE": os.environ.get("HF_HUB_OFFLINE", "0"),
    }
    with Desktop(options.shots, environment) as desk:
        first_visit(desk, user)
        print("exit status", desk.quit())
    with Desktop(options.shots, environment) as desk:
        second_visit(desk)
        print("exit status", desk.quit())


if __name__ == "__main__":
    main()
