#!/usr/bin/env python3
"""Set Hasten up and start it. Standard library only; Linux, macOS and Windows.

    python3 start.py          set up what is missing, then open the window on the sample model
    python3 start.py setup    set up and stop before the window
    python3 start.py test     set up the test tools and run the fast test suite

Running it again installs nothing that is already there, and goes on where an interruption left it.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
STAMPS = VENV / "hasten-setup.json"
PYTHONS = ((3, 11), (3, 13))
TORCH = "2.13.0"
TORCH_WHEELS = "https://download.pytorch.org/whl/"
GIB = 1024**3

# library that Qt opens -> the Debian/Ubuntu package that brings it
QT_LIBRARIES = {
    "libGL.so.1": "libgl1",
    "libEGL.so.1": "libegl1",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
}
FONT_PACKAGES = ["fonts-dejavu-core", "fonts-droid-fallback"]


class Stop(Exception):
    """Set-up cannot go on; the message is one clear line for the user."""


def say(text: str) -> None:
    """Print a line at once, also into a pipe."""
    print(text, flush=True)


def python_in_venv() -> Path:
    """The virtual environment's interpreter."""
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def check_python() -> None:
    """Raise Stop unless this Python is supported."""
    low, high = PYTHONS
    if not low <= sys.version_info[:2] <= high or sys.maxsize < 2**32:
        raise Stop(
            f"Hasten needs 64-bit Python {low[0]}.{low[1]} to {high[0]}.{high[1]}, and this is "
            f"{platform.python_version()}. Install one of those and run it with that Python."
        )


def has_nvidia() -> bool:
    """Whether an NVIDIA driver answers here."""
    tool = shutil.which("nvidia-smi")
    if not tool:
        return False
    answer = subprocess.run([tool, "-L"], capture_output=True, text=True, check=False)
    return answer.returncode == 0 and "GPU" in answer.stdout


def missing_system_packages() -> list[str]:
    """The Debian/Ubuntu packages that Qt lacks on this Linux."""
    if not sys.platform.startswith("linux"):
        return []
    missing = []
    for library, package in QT_LIBRARIES.items():
        try:
            ctypes.CDLL(library)
        except OSError:
            missing.append(package)
    fonts = [Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), Path.home() / ".local/share/fonts"]
    if not any(next(folder.rglob("*.[to]tf"), None) for folder in fonts if folder.is_dir()):
        missing += FONT_PACKAGES
    return missing


def install_system_packages() -> None:
    """Install what Qt needs as root on Debian/Ubuntu; otherwise say the one command."""
    missing = missing_system_packages()
    if not missing:
        return
    command = ["apt-get", "install", "-y", "--no-install-recommends", *missing]
    if not shutil.which("apt-get"):
        raise Stop(
            "The window needs libraries that are missing here. On Debian or Ubuntu they are called "
            f"{' '.join(missing)}; install their counterparts with your package manager and run this again."
        )
    if os.geteuid() != 0:
        raise Stop(f"The window needs a few system libraries. Run “sudo {' '.join(command)}”, then run this again.")
    say(f"Installing system libraries for the window: {' '.join(missing)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for step in (["apt-get", "update"], command):
        done = subprocess.run(step, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise Stop(f"“{' '.join(step[:2])}” did not succeed: {reason}. Mend that and run this again.")


class Plan:
    """What this machine gets.

    Attributes:
        cuda: install the CUDA builds.
        extras: optional dependency groups of pyproject.toml.
        download: what a first set-up fetches, GiB.
        disk: what it takes on disk, GiB.
    """

    def __init__(self, *, test: bool) -> None:
        self.cuda = has_nvidia() and sys.platform != "darwin"
        self.extras = ["cuda" if self.cuda else "cpu", *(["test"] if test else [])]
        self.download, self.disk = (3.4, 8.0) if self.cuda else (0.8, 3.4)

    def torch_attempts(self) -> list[list[str]]:
        """pip arguments that bring the right torch, the user's own package sources first."""
        if self.cuda and os.name == "nt":
            return [[f"torch=={TORCH}", "--index-url", TORCH_WHEELS + "cu130"]]
        if self.cuda or not sys.platform.startswith("linux"):
            return [[f"torch=={TORCH}"]]
        cpu = f"torch=={TORCH}+cpu"  # this spelling can never bring the CUDA build
        return [[cpu], [cpu, "--extra-index-url", TORCH_WHEELS + "cpu"]]


def stamps() -> dict[str, str]:
    """Which steps were finished, by name, with the hash of what they installed."""
    try:
        return dict(json.loads(STAMPS.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def stamp(name: str, value: str) -> None:
    """Remember that step `name` is finished."""
    part = STAMPS.with_suffix(".part")
    part.write_text(json.dumps({**stamps(), name: value}), encoding="utf-8")
    part.replace(STAMPS)


def pip(arguments: Sequence[str], *, quiet_failure: bool = False) -> bool:
    """Run pip in the virtual environment, its progress shown. Raises Stop with the reason, or returns False."""
    command = [str(python_in_venv()), "-m", "pip", "install", "--disable-pip-version-check", *arguments]
    if not sys.stdout.isatty():
        command.insert(4, "--quiet")
    done = subprocess.run(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode == 0:
        return True
    if quiet_failure:
        return False
    lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or done.stderr.splitlines()
    text = done.stderr.lower()
    if "no space left" in text:
        raise Stop(f"The disk ran full while installing. Free space on {ROOT.anchor} and run this again.")
    reason = lines[-1].removeprefix("ERROR: ") if lines else "pip gave no reason"
    raise Stop(
        f"Packages could not be installed: {reason}. Check the network, the proxy and pip's configuration, "
        "then run this again; finished downloads are kept."
    )


def make_environment() -> None:
    """Create .venv, or make it again if its Python is gone or of another version."""
    python = python_in_venv()
    if python.exists():
        asked = subprocess.run(
            [str(python), "-c", "import sys; print(sys.version_info[:2])"], capture_output=True, text=True, check=False
        )
        if asked.stdout.strip() == str(sys.version_info[:2]):
            return
        shutil.rmtree(VENV)
    say("Creating the Python environment in .venv")
    made = subprocess.run([sys.executable, "-m", "venv", str(VENV)], capture_output=True, text=True, check=False)
    if made.returncode:
        shutil.rmtree(VENV, ignore_errors=True)
        hint = "Install it (Debian/Ubuntu: apt-get install python3-venv) and run this again."
        raise Stop(f"This Python cannot create virtual environments. {hint}")


def set_up(*, test: bool) -> None:
    """Bring the environment to what pyproject.toml asks, doing only what is missing."""
    check_python()
    plan = Plan(test=test)
    wanted = hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()
    torch_step = f"torch {TORCH} {'cuda' if plan.cuda else 'cpu'}"
    install_system_packages()
    make_environment()
    first = "torch" not in stamps()
    if first:
        say(
            f"Hasten supports Python {PYTHONS[0][0]}.{PYTHONS[0][1]} to {PYTHONS[1][0]}.{PYTHONS[1][1]}. "
            f"Setting up for {'NVIDIA CUDA' if plan.cuda else 'the processor (no NVIDIA GPU found)'}: "
            f"about {plan.download:g} GiB to download, {plan.disk:g} GiB on disk."
        )
        free = shutil.disk_usage(ROOT).free / GIB
        if free < plan.disk:
            raise Stop(
                f"Only {free:.1f} GiB are free on the disk of {ROOT}; {plan.disk:g} GiB are needed. Free some space."
            )
    if stamps().get("torch") != torch_step:
        say(f"[1/3] {torch_step}")
        pip(["--upgrade", "pip>=25.1", "setuptools>=77"])
        attempts = plan.torch_attempts()
        for attempt in attempts[:-1]:
            if pip(attempt, quiet_failure=True):
                break
        else:
            pip(attempts[-1])
        stamp("torch", torch_step)
    for extra in plan.extras:
        if stamps().get(extra) != wanted:
            say(f"[2/3] Hasten and its libraries ({extra})")
            pip(["-e", f".[{extra}]", f"torch=={TORCH}"])
            stamp(extra, wanted)


def sample() -> str:
    """Fetch the sample model if it is not there; its folder."""
    done = subprocess.run(
        [str(python_in_venv()), "-m", "engine.cli", "sample"], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        raise Stop("The sample model is not there yet; the line above says why. Run this again to go on.")
    return done.stdout.strip().splitlines()[-1]


def main(arguments: list[str]) -> int:
    """Do what the command line asks; the exit status."""
    verb = arguments[0] if arguments else "app"
    if verb not in ("app", "setup", "test"):
        say((__doc__ or "").strip())
        return 0 if verb in ("-h", "--help", "help") else 2
    try:
        set_up(test=verb == "test")
        if verb == "test":
            workers = str(min(os.cpu_count() or 1, 4))
            # files in their own order: reordered by count, those with one long test would come last
            command = ["-m", "pytest", "-n", workers, "--dist", "loadfile", "--no-loadscope-reorder", *arguments[1:]]
            return subprocess.run([str(python_in_venv()), *command], cwd=ROOT, check=False).returncode
        if "sample" not in stamps():
            say("[3/3] The sample model SmolLM2-135M-Instruct (93 MB to download)")
        folder = sample()
        stamp("sample", folder)
        if verb == "setup":
            say(f"Hasten is set up. The sample model lies in {folder}. Start it with “python3 start.py”.")
            return 0
        return subprocess.run([str(python_in_venv()), "-m", "gui", folder], cwd=ROOT, check=False).returncode
    except Stop as stop:
        print(stop, file=sys.stderr, flush=True)
        return 2
    except KeyboardInterrupt:
        print("Stopped. Run this again to go on.", file=sys.stderr, flush=True)
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
