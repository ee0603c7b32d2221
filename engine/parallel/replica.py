"""Run as `python -m engine.parallel.replica FOLDER …`: one copy of a model answering requests from its stdin.

Lines of JSON: in {"ids": [...], "new_tokens": n}; out first {"ready": true}, then {"tokens": made, "seconds": [...]}
for each request (seconds a token, of a decoder only), or {"failure": …} when the model does not open. A request with
"tell_first" is answered with {"first": true} as well, as soon as a decoder's first token is known. An empty stdin ends
it.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path


def main() -> int:
    """Serve until stdin ends; exit code 2 after a failure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--device", required=True)
    parser.add_argument("--cpus", default="", help="logical processors to stay on: 0,1,2; empty: any")
    asked = parser.parse_args()
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print must not mix with answers
    if asked.cpus and hasattr(os, "sched_setaffinity"):
        # before anything starts threads, which inherit it
        os.sched_setaffinity(0, {int(cpu) for cpu in asked.cpus.split(",")})

    def say(message: dict[str, object]) -> None:
        answers.write(json.dumps(message) + "\n")
        answers.flush()

    import numpy as np

    from engine.protocol.errors import Failure
    from engine.runtimes.base import TextBatch
    from engine.runtimes.open import open_session

    try:
        session = open_session(asked.folder, threads=asked.threads, device=asked.device)
    except Exception as error:
        say({"failure": Failure.of(error).model_dump(mode="json")})
        return 2
    say({"ready": True})
    for line in sys.stdin:
        request = json.loads(line)
        ids = np.asarray(request["ids"], dtype=np.int64)
        if session.task in ("text-generation", "text2text-generation"):
            seconds: list[float] = []
            for step in session.generate(ids, request["new_tokens"], stop_at_eos=False):
                if not seconds and request.get("tell_first"):
                    say({"first": True})
                seconds.append(step.seconds)
        else:
            batch = TextBatch(ids[None], np.ones((1, len(ids)), np.int64), np.zeros((1, len(ids)), np.int64))
            session.answer(batch)
            seconds = []
        say({"tokens": len(seconds), "seconds": seconds})
    session.close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
