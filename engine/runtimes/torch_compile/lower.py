"""Building for torch.compile: the checkpoint hard-linked, and compiled once to prove that it can be."""

from __future__ import annotations

import time

from engine.parallel.placement import suggested_threads
from engine.runtimes.base import Artefact, BuildContext, OpenRequest
from engine.runtimes.open import write_artefact
from engine.runtimes.torch_compile.session import open_session
from engine.runtimes.torch_compile.spec import weight_bytes
from engine.runtimes.torch_family import link_checkpoint


def build(context: BuildContext) -> Artefact:
    """Put the checkpoint in `context.destination` and compile it.

    Machine code is tied to this machine, so it stays out of the artefact: it goes to Hasten's cache, where the next
    opening finds it. Raises UserError when the architecture cannot be compiled as a whole.
    """
    precision = context.options.precision
    artefact = link_checkpoint(context, weight_bytes(context.info, context.options), "torch_compile")
    write_artefact(context.destination, artefact)
    began = time.perf_counter()
    open_session(
        OpenRequest(
            step=context.step,
            notice=context.notice,
            folder=context.destination,
            artefact=artefact,
            threads=context.target.threads or suggested_threads(context.target.replicas),
            device=context.target.device,
        )
    ).close()
    seconds = round(time.perf_counter() - began, 1)
    return artefact.model_copy(update={"facts": {"precision": precision, "seconds to load and compile": seconds}})
