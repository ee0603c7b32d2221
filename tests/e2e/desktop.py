"""The window under an X server, used as a person does: looked at, pointed at, clicked and typed into (xdotool)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
# The window manager draws no frames, so that the window has the whole screen.
_OPENBOX = """<?xml version="1.0"?><openbox_config xmlns="http://openbox.org/3.4/rc">
<applications><application class="*"><decor>no</decor></application>
<application class="*" type="normal"><maximized>yes</maximized></application></applications></openbox_config>"""

Thing = dict[str, Any]


class Desktop:
    """One start of the window.

    Attributes:
        shots: the folder that pictures go to.
    """

    def __init__(self, shots: Path, environment: dict[str, str], *arguments: str) -> None:
        self.shots = shots
        shots.mkdir(parents=True, exist_ok=True)
        config = Path(tempfile.mkdtemp()) / "openbox.xml"
        config.write_text(_OPENBOX, encoding="utf-8")
        self._manager = subprocess.Popen(["openbox", "--config-file", str(config)], stderr=subprocess.DEVNULL)
        self._window = subprocess.Popen(
            [sys.executable, "-m", "tests.e2e.watched", *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1, cwd=ROOT,
            env={**os.environ, **environment},
        )  # fmt: skip
        self.wait()

    def __enter__(self) -> Desktop:
        return self

    def __exit__(self, *_: object) -> None:
        for process in (self._window, self._manager):
            if process.poll() is None:
                process.terminate()
            process.wait()

    @property
    def pid(self) -> int:
        """The window's process."""
        return self._window.pid

    def look(self) -> list[Thing]:
        """Everything visible (see watched.py)."""
        assert self._window.stdin is not None
        assert self._window.stdout is not None
        self._window.stdin.write("\n")
        answer = self._window.stdout.readline()
        if not answer:
            raise RuntimeError(f"the window is gone (exit status {self._window.wait(10)})")
        return list(json.loads(answer))

    def all(self, role: str = "", name: str = "", *, exact: bool = False) -> list[Thing]:
        """The things in sight of a role whose name (or value) holds, or is, `name`."""

        def fits(text: str) -> bool:
            return text == name if exact else name in text

        return [
            thing
            for thing in self.look()
            if (not role or thing["role"] == role)
            and (fits(thing["name"]) or (not exact and fits(thing["value"])))
            and thing["rect"][2] > 0
            and not thing["offscreen"]
        ]

    def wait(
        self, role: str = "", name: str = "", *, exact: bool = False, seconds: float = 20, enabled: bool = False
    ) -> Thing:
        """The first such thing, as soon as there is one (and it can be used). Raises TimeoutError."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = [t for t in self.all(role, name, exact=exact) if t["enabled"] or not enabled]
            if found:
                return found[0]
            time.sleep(0.2)
        self.shot("timeout")
        seen = "\n".join(f"{t['role']} {t['name']!r} {t['value'][:60]!r}" for t in self.look())
        raise TimeoutError(f"no {role} {name!r} in {seconds:g} s; there are:\n{seen}")

    def wait_gone(self, role: str, name: str, seconds: float = 20) -> None:
        """Return when there is no such thing. Raises TimeoutError."""
        end = time.monotonic() + seconds
        while self.all(role, name):
            if time.monotonic() > end:
                self.shot("timeout")
                raise TimeoutError(f"{role} {name!r} is still there")
            time.sleep(0.2)

    def point(self, thing: Thing) -> None:
        """Move the mouse onto the middle of a thing."""
        x, y, width, height = thing["rect"]
        xdotool("mousemove", "--sync", str(x + width // 2), str(y + height // 2))

    def click(self, role: str, name: str, *, exact: bool = False, seconds: float = 20, twice: bool = False) -> Thing:
        """Wait until such a thing can be used, then click it."""
        thing = self.wait(role, name, exact=exact, seconds=seconds, enabled=True)
        self.point(thing)
        xdotool("click", *(("--repeat", "2", "--delay", "60") if twice else ()), "1")
        return thing

    def choose(self, item: str) -> None:
        """Choose an item of the first combo box: press, move and release, as a list lets one do."""
        self.point(self.wait("ComboBox", enabled=True))
        xdotool("mousedown", "1")
        self.point(self.wait("ListItem", item, exact=True))
        time.sleep(0.6)  # a shorter press counts as a click that only opens the list
        xdotool("mouseup", "1")
        self.wait_gone("ListItem", item)

    def type(self, text: str) -> None:
        """Type on the keyboard."""
        xdotool("type", "--delay", "15", text)

    def key(self, *keys: str) -> None:
        """Press keys such as "Tab" or "ctrl+k"."""
        xdotool("key", *keys)

    def shot(self, name: str) -> Path:
        """Save a picture of the screen, the mouse out of the way."""
        path = self.shots / f"{name}.png"
        subprocess.run(["import", "-silent", "-window", "root", str(path)], check=True)
        return path

    def park(self) -> None:
        """Put the mouse where nothing reacts to it."""
        xdotool("mousemove", "--sync", "3", "3")

    def quit(self) -> int:
        """Close the window by its menu and wait; its exit status."""
        self.click("MenuItem", "File", exact=True)
        self.click("MenuItem", "Quit")
        return self._window.wait(15)


def xdotool(*arguments: str) -> None:
    """Run xdotool."""
    subprocess.run(["xdotool", *arguments], check=True)
