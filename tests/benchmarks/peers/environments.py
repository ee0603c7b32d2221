"""The peers' environments: one each in the cache folder, made once with pip, so that nobody's pins bind another."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
TORCH = "torch==2.13.0"

REQUIREMENTS: dict[str, tuple[str, ...]] = {
    "transformers": (TORCH, "transformers==5.23.0", "numpy"),
    "ort-genai": (
        "onnxruntime==1.31.1", "onnxruntime-genai==0.18.0", "onnx==1.23.2", "onnx_ir==1.1.0", TORCH,
        "transformers==5.23.0", "numpy",
    ),
    "openvino": ("openvino-genai==2026.4.1.0", "optimum-intel==2.2.0", "nncf==3.4.0", TORCH, "numpy"),
    "llamacpp": ("llama-cpp-python==0.3.36", "numpy"),
    # for the peers' own benchmarks of what Hasten built, and for lm-eval
    "genai-benchmark": ("onnxruntime==1.31.1", "onnxruntime-genai==0.18.0", "pandas", "psutil", "tqdm", "numpy"),
    "openvino-metrics": ("openvino==2026.4.1", "openvino-genai==2026.4.1.0", "numpy"),
    "lm-eval": ("lm-eval==0.4.13", TORCH, "transformers==5.23.0", "accelerate==1.15.0", "numpy"),
    "llamacpp-tools": ("cmake>=3.28,<4", "ninja", "scikit-build-core[pyproject]>=0.9.2"),
}  # fmt: skip
# optimum-intel asks for torchvision, which does not import beside a CPU build of torch and is not needed for text.
_UNWANTED = {"openvino": ("torchvision",)}
# llama.cpp for this very processor. GCC 12 takes _tile_loadconfig to read 8 bytes of the 64 and drops the stores to the
# rest as dead, so that quantised models crash on processors with AMX; without that optimisation they work.
_BUILD = {"CMAKE_ARGS": "-DGGML_NATIVE=ON", "CXXFLAGS": "-fno-tree-dse -fno-dse"}


LLAMACPP_DONE = "built.txt"


class PeerUnavailable(Exception):
    """A peer cannot be set up here; the text says why."""


@dataclass(frozen=True)
class Environments:
    """The environments below `cache`."""

    cache: Path

    def python(self, name: str) -> Path:
        """The interpreter of environment `name`, made first if need be. Raises PeerUnavailable."""
        folder = self.cache / "envs" / name
        python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
        done = folder / "done.json"
        wanted = list(REQUIREMENTS[name])
        if done.is_file() and json.loads(done.read_text()) == wanted:
            return python
        print(f"Setting up {name} …", file=sys.stderr, flush=True)
        self.call([sys.executable, "-m", "venv", str(folder)], f"env-{name}")
        install = [str(python), "-m", "pip", "install", "--disable-pip-version-check", *self._packages(name, wanted)]
        self.call(install, f"env-{name}", nice=19, **_BUILD)
        if name in _UNWANTED:
            self.call([str(python), "-m", "pip", "uninstall", "-y", *_UNWANTED[name]], f"env-{name}")
        done.write_text(json.dumps(wanted))
        return python

    def call(self, command: list[str], log: str, *, nice: int = 10, where: Path | None = None, **variables: str) -> str:
        """Run `command`; its stdout. What it says goes to logs/LOG.log. Raises PeerUnavailable when it fails."""
        file = self.cache / "logs" / f"{log}.log"
        file.parent.mkdir(parents=True, exist_ok=True)
        if hasattr(os, "nice"):
            command = ["nice", "-n", str(nice), *command]
        with file.open("ab") as errors:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, cwd=where or self.cache,
                env=environment(**variables), check=False,
            )  # fmt: skip
            errors.write(done.stdout)
        if done.returncode:
            last = file.read_text(errors="replace").strip().splitlines()[-1:]
            raise PeerUnavailable(f"{' '.join(last) or command[-1]} (all of it: {file})")
        return done.stdout.decode(errors="replace")

    def llamacpp_tools(self) -> Path:
        """The folder of llama-bench, llama-perplexity and the libraries that they share, built once for this
        processor from the llama.cpp that llama-cpp-python brings. Raises PeerUnavailable."""
        python, folder = self.python("llamacpp-tools"), self.cache / "llamacpp-tools"
        programs = folder / "build" / "bin"
        if (programs / LLAMACPP_DONE).is_file():
            return programs
        print("Building llama.cpp's tools takes about a quarter of an hour.", file=sys.stderr, flush=True)
        name = REQUIREMENTS["llamacpp"][0]
        pip = [str(python), "-m", "pip", "download", "--no-deps", "--no-binary", "llama-cpp-python", "--dest"]
        self.call([*pip, str(folder), name], "llamacpp-tools")
        with tarfile.open(next(folder.glob("llama_cpp_python-*.tar.gz"))) as archive:
            archive.extractall(folder, filter="data")
        source = next(folder.glob("llama_cpp_python-*/vendor/llama.cpp"))
        cmake = str(python.with_name("cmake"))
        unwanted = ("BUILD_SERVER", "BUILD_TESTS", "BUILD_EXAMPLES", "BUILD_APP", "BUILD_UI", "CURL", "OPENSSL")
        wanted = [f"-DLLAMA_{part}=OFF" for part in unwanted]
        self.call(
            [cmake, "-G", "Ninja", "-S", str(source), "-B", str(folder / "build"), "-DCMAKE_BUILD_TYPE=Release",
             f"-DCMAKE_MAKE_PROGRAM={python.with_name('ninja')}", *_BUILD["CMAKE_ARGS"].split(), *wanted],
            "llamacpp-tools", CXXFLAGS=_BUILD["CXXFLAGS"],
        )  # fmt: skip
        build = [cmake, "--build", str(folder / "build"), "--target", "llama-bench", "llama-perplexity"]
        self.call(build, "llamacpp-tools", nice=19)
        (programs / LLAMACPP_DONE).write_text(name)
        return programs

    def _packages(self, name: str, wanted: list[str]) -> list[str]:
        """`wanted`, with llama.cpp from a wheel built here before (wheels/*.whl) or built now for this processor."""
        if name != "llamacpp":
            return wanted
        # a wheel built by hand must have been built as _BUILD says
        wheels = sorted((self.cache / "wheels").glob("llama_cpp_python-0.3.36-*.whl"))
        if wheels:
            return [str(wheels[-1]), *wanted[1:]]
        print("Building llama.cpp for this processor takes about a quarter of an hour.", file=sys.stderr, flush=True)
        return [*wanted, "--no-binary", "llama-cpp-python"]


def environment(**variables: str) -> dict[str, str]:
    """The variables of a peer's process: ours, without what would slow its libraries down, and offline."""
    kept = {key: value for key, value in os.environ.items() if key not in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")}
    return {
        **kept, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "OPENVINO_TELEMETRY_OPTOUT": "1",
        "DO_NOT_TRACK": "1", **variables,
    }  # fmt: skip
