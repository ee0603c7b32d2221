"""A stand-in for the model hub that speaks its HTTP API, on a local port.

It serves GET /api/models (search), GET /api/models/<repo>[/revision/<revision>], and HEAD and GET
/<repo>/resolve/<revision>/<file> with byte ranges, as huggingface_hub asks for them.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hub:
    """The stand-in's contents and what it was asked.

    Attributes:
        repos: repository -> file name -> contents.
        gated: repositories that want a token.
        requests: "METHOD path" of every request, in order.
        tokens: the Authorization headers seen.
        cut_after: break the connection after so many bytes of the next file, once.
    """

    endpoint: str = ""
    repos: dict[str, dict[str, bytes]] = field(default_factory=dict)
    gated: set[str] = field(default_factory=set)
    requests: list[str] = field(default_factory=list)
    tokens: set[str | None] = field(default_factory=set)
    ranges: list[str] = field(default_factory=list)
    cut_after: int | None = None


@contextmanager
def serve() -> Iterator[Hub]:
    """Run a hub until the block ends."""
    hub = Hub()

    class Handler(_Handler):
        pass

    Handler.hub = hub
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _answer(self, *, body: bool) -> None:
        url = urlsplit(self.path)
        path = unquote(url.path)
        self.hub.requests.append(f"{self.command} {path}")
        self.hub.tokens.add(self.headers.get("Authorization"))
        if path == "/api/models":
            words = parse_qs(url.query).get("search", [""])[0].lower()
            found = [self._model(repo) for repo in self.hub.repos if words in repo.lower()]
            return self._json(found)
        if match := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/revision/(.+))?", path):
            repo, revision = match.groups()
            if self._refused(repo, revision):
                return None
            return self._json(self._model(repo))
        if match := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            return self._file(*match.groups(), body=body)
        return self._error(404, "EntryNotFound")

    def _refused(self, repo: str, revision: str | None) -> bool:
        if repo not in self.hub.repos:
            self._error(401, "RepoNotFound")
        elif repo in self.hub.gated and not self.headers.get("Authorization"):
            self._error(401, "GatedRepo")
        elif revision not in (None, "main", "v1", COMMIT):
            self._error(404, "RevisionNotFound")
        else:
            return False
        return True

    def _model(self, repo: str) -> dict[str, Any]:
        files = self.hub.repos[repo]
        return {
            "id": repo, "modelId": repo, "sha": COMMIT, "downloads": 7, "likes": 3, "pipeline_tag": "text-generation",
            "private": False, "gated": "manual" if repo in self.hub.gated else False, "tags": [],
            "safetensors": {"parameters": {"F32": 1000, "BF16": 10}, "total": 1010},
            "siblings": [{"rfilename": name, "size": len(data)} for name, data in files.items()],
        }  # fmt: skip

    def _file(self, repo: str, revision: str, name: str, *, body: bool) -> None:
        if self._refused(repo, revision):
            return
        data = self.hub.repos[repo].get(name)
        if data is None:
            return self._error(404, "EntryNotFound")
        first = 0
        wanted = self.headers.get("Range")
        if body and wanted:
            self.hub.ranges.append(wanted)
            first = int(wanted.removeprefix("bytes=").split("-")[0])
        part = data[first:]
        self.send_response(206 if first else 200)
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(part)))
        if first:
            self.send_header("Content-Range", f"bytes {first}-{len(data) - 1}/{len(data)}")
        self.end_headers()
        if body and self.hub.cut_after is not None and len(part) > self.hub.cut_after:
            self.wfile.write(part[: self.hub.cut_after])
            self.hub.cut_after = None
            self.close_connection = True
        elif body:
            with suppress(ConnectionError):  # the client cancelled
                self.wfile.write(part)

    def _json(self, value: Any) -> None:
        data = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _error(self, status: int, code: str) -> None:
        data = json.dumps({"error": code}).encode()
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("X-Error-Message", code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)
