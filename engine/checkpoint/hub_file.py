"""One large file of the hub, brought into huggingface_hub's cache so that an interrupted download goes on later.

huggingface_hub 2 resumes within a call but throws a partial file away when the call ends (its pull request 4228), so
the partial file is kept here and handed over when whole: hf_hub_download finds a complete blob and only links it.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from engine.protocol.errors import UserError


def prefetch(repo: str, name: str, commit: str, endpoint: str, cache: Path, bar: Any) -> None:
    """Put the blob of `name` into `cache`, resuming a partial one; `bar` is a tqdm-like class for its bytes.

    Raises what huggingface_hub raises, and UserError (code "corrupt_shard") when the contents do not match their hash.
    """
    from filelock import FileLock
    from huggingface_hub import get_hf_file_metadata, hf_hub_url
    from huggingface_hub.file_download import http_get, repo_folder_name
    from huggingface_hub.utils._headers import build_hf_headers

    url = hf_hub_url(repo, name, revision=commit, endpoint=endpoint)
    metadata = get_hf_file_metadata(url, endpoint=endpoint)
    etag = metadata.etag or ""
    if not re.fullmatch(r"[0-9A-Za-z-]{16,128}", etag):
        return  # no usable name for a blob: hf_hub_download deals with it whole
    blobs = cache / repo_folder_name(repo_id=repo, repo_type="model") / "blobs"
    blob, partial = blobs / etag, blobs / f"{etag}.partial"
    if blob.exists():
        return
    blobs.mkdir(parents=True, exist_ok=True)
    headers = build_hf_headers(library_name="hasten")
    location = metadata.location or url
    if urlsplit(location).netloc != urlsplit(url).netloc:
        headers.pop("authorization", None)  # the storage host must not see the hub's token
    with FileLock(f"{partial}.lock"):
        if blob.exists():
            return
        with partial.open("ab") as file:
            have = file.tell()
            if metadata.size is not None and have > metadata.size:
                file.truncate(0)
                have = 0
            http_get(location, file, resume_size=have, headers=headers, expected_size=metadata.size, tqdm_class=bar)
        _verify(partial, etag, name)
        os.replace(partial, blob)


def _verify(partial: Path, etag: str, name: str) -> None:
    """The hub names large files by their SHA-256."""
    if len(etag) != 64:
        return
    with partial.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != etag:
        partial.unlink()
        raise UserError(
            f"“{name}” arrived damaged.", "Download it again; the damaged part was removed.",
            where=name, code="corrupt_shard",
        )  # fmt: skip
