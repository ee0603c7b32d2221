"""The report as PDF, printed from its HTML by a browser that is installed here: charts stay lines. Free of torch."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from engine.export import report
from engine.export.base import ExportContext
from engine.protocol.errors import UserError
from engine.runtimes.base import Availability

_NAMES = (
    "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge", "microsoft-edge-stable",
    "brave-browser", "chrome", "msedge",
)  # fmt: skip
_PLACES = {
    "darwin": (
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
        "/Applications/Chromium.app/Contents/MacOS/Chromium",
        "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
        "/Applications/Brave Browser.app/Contents/MacOS/Brave Browser",
    ),
    "win32": ("Microsoft/Edge/Application/msedge.exe", "Google/Chrome/Application/chrome.exe"),
}
_WAIT = 120  # seconds that a browser may take for a page
_POLL = 0.2  # seconds between two looks whether the user cancelled


def browser() -> str | None:
    """A program of Chromium's kin that prints pages without a window, or None."""
    found = next((path for name in _NAMES if (path := shutil.which(name))), None)
    if found:
        return found
    roots = [""]
    if sys.platform == "win32":
        roots = [os.environ.get(key, "") for key in ("ProgramFiles", "ProgramFiles(x86)", "LocalAppData")]
    places = (Path(root, place) for root in roots for place in _PLACES.get(sys.platform, ()))
    return next((str(place) for place in places if place.is_file()), None)


def availability() -> Availability:
    """Whether a browser is there."""
    if browser() is None:
        return Availability(
            False,
            reason="It is printed by Chromium, Chrome, Edge or Brave, and none of them is installed.",
            remedy="Install one of them, or export the report as HTML and print it from any browser.",
        )
    return Availability(True)


def write(context: ExportContext) -> None:
    """Write the report and have it printed. Raises UserError where the browser does not do it."""
    program = browser()
    assert program is not None, "availability was asked before"
    with tempfile.TemporaryDirectory(prefix="hasten-pdf-") as room:
        html, pdf = Path(room, "report.html"), Path(room, "report.pdf")
        html.write_text(report.document(context.run), encoding="utf-8")
        said = _print(program, html, pdf, context)
        if not pdf.is_file() or not pdf.read_bytes().startswith(b"%PDF-"):
            raise UserError(
                f"{Path(program).stem} printed no PDF{': ' + said if said else ''}.",
                "Export the report as HTML and print it from a browser.",
                where=program,
                code="runtime_unavailable",
            )
        shutil.copyfile(pdf, context.destination)


def _print(program: str, html: Path, pdf: Path, context: ExportContext) -> str:
    """Run the browser; the last line it said."""
    command = [
        program, "--headless", "--disable-gpu", "--no-first-run", "--disable-extensions", "--no-pdf-header-footer",
        f"--user-data-dir={html.parent / 'profile'}", f"--print-to-pdf={pdf}",
    ]  # fmt: skip
    if sys.platform.startswith("linux") and os.geteuid() == 0:
        command.append("--no-sandbox")  # its sandbox refuses the administrator; the page is ours and has no script
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [*command, html.as_uri()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors
        )
        try:
            for _ in range(round(_WAIT / _POLL)):
                context.step(0, 0, "Printing the report")
                try:
                    process.wait(_POLL)
                    break
                except subprocess.TimeoutExpired:
                    continue
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        errors.seek(0)
        return (errors.read().decode(errors="replace").strip().splitlines() or [""])[-1].rstrip(".")
