"""Open whatever lies in a folder: an artefact with its own runtime, a plain checkpoint with the baseline."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from engine.catalogue import load
from engine.parallel.placement import suggested_threads
from engine.passes.base import StepContext
from engine.protocol.errors import UserError
from engine.runtimes import catalog
from engine.runtimes.base import DRAFT, MANIFEST, Artefact, OpenRequest, RuntimeSpec, Session

SILENT = StepContext(step=lambda done, total, text: None, notice=lambda text: None)
BASELINE = "transformers"


def read_artefact(folder: Path) -> Artefact | None:
    """The manifest of the artefact in `folder`; None when `folder` is no artefact. Raises UserError on a broken one."""
    path = folder / MANIFEST
    if not path.is_file():
        return None
    try:
        return Artefact.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise UserError(
            f"The built model's description cannot be read: {error.errors(include_url=False)[0]['msg'].lower()}.",
            "Run the recipe again, or update Hasten if a newer version built it.",
            where=str(path),
        ) from error


def write_artefact(folder: Path, artefact: Artefact) -> None:
    """Write `artefact` as the manifest of `folder`."""
    (folder / MANIFEST).write_text(artefact.model_dump_json(indent=2) + "\n", encoding="utf-8")


def open_session(
    folder: Path,
    *,
    threads: int | None = None,
    device: str | None = None,
    context: StepContext = SILENT,
    remember: bool = False,
) -> Session:
    """Open the model in `folder`: an artefact with the runtime that built it, a checkpoint with Transformers.

    Args:
        folder: an artefact or checkpoint folder.
        threads: compute threads; None takes what the artefact was built for, else what was measured to be best on this
            machine, else one a physical core.
        device: one of the recipe's devices; None takes what the artefact was built for, else "cpu".
        context: shows the progress of a runtime that compiles while it opens.
        remember: of a prompt that goes on where the one before ended, read only what is new. For conversations: timings
            of a model that has read its prompt before say nothing of one that has not.

    Raises UserError when the folder holds neither, or its runtime cannot be used here.
    """
    spec, request = request_of(folder, threads=threads, device=device, context=context)
    artefact = request.artefact
    session: Session = load(spec.open)(request)
    if remember:
        session = _remembering(session)
    if artefact.target.speculation == "none" or artefact.task != "text-generation":
        return session
    return _speculating(session, folder, threads, device, context, remember)


def request_of(
    folder: Path, *, threads: int | None = None, device: str | None = None, context: StepContext = SILENT
) -> tuple[RuntimeSpec, OpenRequest]:
    """The runtime of the model in `folder`, and what it is asked to open; arguments and errors as in `open_session`."""
    artefact = read_artefact(folder)
    if artefact is None:
        from engine.runtimes.transformers_eager.lower import describe

        artefact = describe(folder)
    spec = catalog.get(artefact.runtime)
    availability = spec.availability()
    wanted = device or artefact.target.device
    if not availability.usable:
        raise UserError(
            f"{spec.title} cannot be used here: {availability.reason}", availability.remedy, code="runtime_unavailable"
        )
    if refusal := availability.refusal(spec.title, wanted):
        raise UserError(
            refusal,
            f"Choose one of: {', '.join(availability.devices)}.",
            code="runtime_unavailable",
        )
    measured = spec.name if wanted == "cpu" else ""
    return spec, OpenRequest(
        step=context.step,
        notice=context.notice,
        folder=folder,
        artefact=artefact,
        threads=threads or artefact.target.threads or suggested_threads(artefact.target.replicas, measured),
        device=wanted,
    )


def _remembering(session: Session) -> Session:
    """`session` with a memory, where reading on gives what reading anew does."""
    from engine.decoding.remembering import RememberingSession

    try:
        remembering = RememberingSession(session)
    except BaseException:
        session.close()
        raise
    return remembering if remembering.remembers else session


def _speculating(
    session: Session, folder: Path, threads: int | None, device: str | None, context: StepContext, remember: bool
) -> Session:
    """`session` writing several tokens a step, drafted by the text itself or by the model that lies in its folder."""
    from engine.decoding.drafters import LookupDrafter
    from engine.decoding.speculative import SpeculativeSession

    try:
        helped = SpeculativeSession(session, [LookupDrafter()])
    except BaseException:
        session.close()
        raise
    if not helped.exact:
        session.remark = (
            "Nothing is guessed ahead: this model's kernels round several tokens read together otherwise than each "
            "alone, which would change the answers."
        )
        context.notice(session.remark)
        return session
    if not (folder / DRAFT / MANIFEST).is_file():
        return helped
    try:
        draft = open_session(folder / DRAFT, threads=threads, device=device, context=context, remember=remember)
        helped.draft_with(draft)
    except BaseException:
        helped.close()
        raise
    return helped
