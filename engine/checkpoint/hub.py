"""The model hub, through huggingface_hub: search, and download with byte progress into the hub's own cache.

HF_HOME, HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE and proxies mean what huggingface_hub says they mean.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.checkpoint.hub_file import prefetch
from engine.passes.base import StepContext
from engine.protocol.errors import UserError
from engine.room import require_space

if TYPE_CHECKING:
    from huggingface_hub import HfApi

# What a checkpoint folder needs besides weights; nothing here can carry code.
_SMALL = ("*.json", "*.jinja", "*.txt", "*.model", "tokenizer*", "README.md", "LICENSE*", "NOTICE*")
_WEIGHTS = "*.safetensors"
_MAIN = ("config.json", "adapter_config.json")  # one of them makes a repository a model or an adapter
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")
# Folders hold other formats or other models, except sentence-transformers' numbered modules ("1_Pooling/config.json").
_UNWANTED = ("[!0-9]*/*", "*.msgpack", "training_args*")
_LARGE = 1_000_000  # bytes from which a partial file is worth keeping
_SECONDS = 3.0  # how long the quick look at the hub may take


def offline() -> bool:
    """Whether the user asked huggingface_hub to stay offline."""
    from huggingface_hub import constants

    return bool(constants.is_offline_mode())


def reachable(repo: str) -> bool:
    """Whether the hub answers for `repo` within a few seconds. Never raises for want of a network."""
    if offline():
        return False
    import httpx2
    from huggingface_hub import get_hf_file_metadata, hf_hub_url

    try:
        get_hf_file_metadata(hf_hub_url(repo, "config.json", endpoint=_endpoint()), timeout=_SECONDS)
    except (OSError, httpx2.HTTPError, ValueError):
        return False
    return True


def search(words: str, limit: int = 20) -> list[dict[str, Any]]:
    """Models that match `words`, most downloaded first: {"id", "downloads", "likes", "task", "bytes"}.

    `bytes` is the size of the safetensors weights, or None where the hub does not know it.

    Raises:
        UserError: offline, or the hub cannot be reached (code "network").
    """
    with _explained(words):
        found = list(
            _api().list_models(
                search=words, sort="downloads", limit=limit,
                expand=["downloads", "likes", "pipeline_tag", "safetensors", "gated"],
            )
        )  # fmt: skip
    return [
        {
            "id": model.id, "downloads": model.downloads, "likes": model.likes, "task": model.pipeline_tag,
            "bytes": _weight_bytes(getattr(model, "safetensors", None)), "gated": bool(model.gated),
        }
        for model in found
    ]  # fmt: skip


def download(repo: str, context: StepContext, revision: str | None = None) -> Path:
    """Bring `repo` at `revision` (default: main) into the hub's cache and return its snapshot folder.

    Only safetensors, configuration and tokenizer files are taken. An interrupted download goes on where it stopped;
    when offline, a snapshot that is already complete is returned.

    Raises:
        UserError: "network", "not_found", "pickle_only", "disk_full"; gated models say how to get access.
    """
    from huggingface_hub import constants, hf_hub_download

    if offline():
        return _cached(repo, revision)
    # Plain HTTP stops at once when cancelled and goes on where it stopped; xet's native threads do neither.
    constants.HF_HUB_DISABLE_XET = True
    with _explained(repo):
        info = _api().model_info(repo, revision=revision, files_metadata=True)
        sizes = {file.rfilename: int(file.size or 0) for file in info.siblings or []}
        wanted = _choose(repo, list(sizes))
        total = sum(sizes[name] for name in wanted)
        cache = Path(constants.HF_HUB_CACHE)
        require_space(cache, total)
        bar, paths = _bar(context, total, f"Downloading {repo}"), []
        for name in wanted:
            before = bar.received
            if sizes[name] >= _LARGE:
                prefetch(repo, name, str(info.sha), _endpoint(), cache, bar)
                bar.received = before + sizes[name]
            paths.append(
                hf_hub_download(
                    repo, name, revision=info.sha, endpoint=_endpoint(), cache_dir=cache, tqdm_class=bar,
                )
            )  # fmt: skip
            bar.received = before + sizes[name]  # a file found in the cache reports nothing
            context.step(bar.received, total, f"Downloading {repo}")
        _note_revision(Path(paths[0]), revision or constants.DEFAULT_REVISION, info.sha)
    return Path(paths[next(index for index, name in enumerate(wanted) if name in _MAIN)]).parent


def _choose(repo: str, names: list[str]) -> list[str]:
    """The files of a safe checkpoint among `names`. Raises UserError where there is none."""
    plain = [name for name in names if not any(fnmatch.fnmatch(name, pattern) for pattern in _UNWANTED)]
    weights = [name for name in plain if fnmatch.fnmatch(name, _WEIGHTS) and "/" not in name]
    if "consolidated.safetensors" in weights and len(weights) > 1:
        weights.remove("consolidated.safetensors")  # the same weights again, in their authors' own naming
    if not any(name in names for name in _MAIN):
        raise UserError(
            f"“{repo}” holds no config.json, so it is not a Transformers model.",
            "Choose a repository whose files include config.json and safetensors.", where=repo, code="not_a_checkpoint",
        )  # fmt: skip
    if not weights:
        if any(fnmatch.fnmatch(name, pattern) for name in names for pattern in _PICKLES):
            raise UserError(
                f"“{repo}” offers only pickle weights, which can run code when opened.",
                "Choose a repository with safetensors files, or ask its authors to add them.",
                where=repo, code="pickle_only",
            )  # fmt: skip
        raise UserError(
            f"“{repo}” holds no safetensors weights.", "Choose another repository.", where=repo, code="not_a_checkpoint"
        )
    small = [name for name in plain if any(fnmatch.fnmatch(name, pattern) for pattern in _SMALL)]
    return sorted({name for name in small if name not in weights}) + sorted(weights)


def _cached(repo: str, revision: str | None) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return Path(
            snapshot_download(repo, revision=revision, local_files_only=True, allow_patterns=[_WEIGHTS, *_SMALL])
        )
    except LocalEntryNotFoundError as error:
        raise UserError(
            f"“{repo}” is not on this computer, and the hub is switched off (HF_HUB_OFFLINE).",
            "Unset HF_HUB_OFFLINE to download it, or open a local folder.", where=repo, code="network",
        ) from error  # fmt: skip


def _note_revision(file: Path, revision: str, commit: str | None) -> None:
    """Write the cache's refs/<revision>, so that the snapshot is found by name when offline."""
    if commit and revision != commit:
        reference = file.parents[2] / "refs" / revision
        if file.parents[1].name == "snapshots":
            reference.parent.mkdir(parents=True, exist_ok=True)
            reference.write_text(commit)


def _endpoint() -> str:
    from huggingface_hub import constants

    return str(constants.ENDPOINT)


def _api() -> HfApi:
    from huggingface_hub import HfApi

    return HfApi(endpoint=_endpoint(), library_name="hasten")


def _weight_bytes(safetensors: Any) -> int | None:
    """Bytes of the weights from the hub's count of parameters by dtype."""
    from engine.checkpoint.info import DTYPE_BITS

    counts = getattr(safetensors, "parameters", None) or (safetensors or {}).get("parameters")
    if not counts:
        return None
    return int(sum(count * DTYPE_BITS.get(dtype, 16) / 8 for dtype, count in counts.items()))


def _bar(context: StepContext, total: int, text: str) -> Any:
    """A stand-in for tqdm whose class counts the bytes of all files; huggingface_hub makes one instance a file."""

    class Bar:
        received = 0

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            if kwargs.get("initial"):
                self.update(kwargs["initial"])

        def __enter__(self) -> Bar:
            return self

        def __exit__(self, *error: object) -> None:
            self.close()

        def update(self, count: float | None = 1) -> None:
            type(self).received += int(count or 0)
            context.step(min(Bar.received, total), total, text)

        def update_transfer(self, count: float | None = 1) -> None:
            """Bytes on the wire (xet) are not what the total counts."""

        def set_postfix_str(self, text: str, refresh: bool = False) -> None:
            """Rates are the context's affair."""

        set_transfer_postfix_str = set_postfix_str

        def close(self) -> None:
            """Nothing is held."""

    return Bar


@contextmanager
def _explained(what: str) -> Iterator[None]:
    """Turn what huggingface_hub raises into user errors."""
    import httpx2
    from huggingface_hub import errors

    try:
        yield
    except errors.GatedRepoError as error:
        raise UserError(
            f"“{what}” is gated: its authors want you to accept their terms first.",
            f"Accept them at {_endpoint()}/{what}, then set your access token in Settings or HF_TOKEN.",
            where=what, code="not_found",
        ) from error  # fmt: skip
    except errors.RevisionNotFoundError as error:
        raise UserError(
            f"“{what}” has no such revision.", "Use a branch, tag or commit that exists.", where=what, code="not_found"
        ) from error
    except (errors.RepositoryNotFoundError, errors.HFValidationError) as error:
        raise UserError(
            f"The hub has no model “{what}” that you may read.",
            "Check the spelling (owner/name); for a private model set your access token.", where=what, code="not_found",
        ) from error  # fmt: skip
    except errors.OfflineModeIsEnabled as error:
        raise UserError(
            "The hub is switched off (HF_HUB_OFFLINE).", "Unset HF_HUB_OFFLINE, or open a local folder.", code="network"
        ) from error
    except errors.HfHubHTTPError as error:
        status = getattr(error.response, "status_code", "an error")
        raise UserError(
            f"The hub at {_endpoint()} answered {status}.", "Try again later, or open a local folder.",
            where=what, code="network",
        ) from error  # fmt: skip
    except (httpx2.HTTPError, errors.LocalEntryNotFoundError, errors.FileMetadataError, ConnectionError) as error:
        raise UserError(
            f"The hub at {_endpoint()} could not be reached.",
            "Check the network and HF_ENDPOINT, or open a local folder.", where=what, code="network",
        ) from error  # fmt: skip
