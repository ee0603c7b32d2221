"""Find a recipe's problems before anything runs: wrong options, illegal order, what the target cannot hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from engine.checkpoint.info import CheckpointInfo
from engine.checkpoint.safety import require_supported
from engine.parallel.placement import usable_cpus
from engine.passes import catalog as passes
from engine.protocol.errors import UserError
from engine.recipe.options import Options, fields_of, parse_options
from engine.recipe.recipe import PassEntry, Recipe, Target
from engine.runtimes import catalog as runtimes


@dataclass(frozen=True)
class Fix:
    """A remedy the window offers as a button and applies as one undoable edit."""

    label: str
    apply: Callable[[Recipe], Recipe]


@dataclass(frozen=True)
class Problem:
    """Something about card `index` of a recipe (None: the target card).

    `severity` "stop" prevents the run; "note" only informs.
    """

    index: int | None
    severity: Literal["stop", "note"]
    text: str
    fix: Fix | None = None


def check_options(recipe: Recipe, where: str = "recipe") -> None:
    """Raise UserError for the first unknown pass, runtime, option or wrong value."""
    for entry in recipe.passes:
        parse_options(passes.get(entry.name).options, entry.options, entry.name)
    parse_options(runtimes.get(recipe.target.runtime).options, recipe.target.options, recipe.target.runtime)


def set_options(recipe: Recipe, index: int | None, **values: object) -> Recipe:
    """`recipe` with options of card `index` changed."""
    if index is None:
        options = {**recipe.target.options, **values}
        return recipe.model_copy(update={"target": recipe.target.model_copy(update={"options": options})})
    entry = recipe.passes[index]
    changed = entry.model_copy(update={"options": {**entry.options, **values}})
    return recipe.model_copy(update={"passes": (*recipe.passes[:index], changed, *recipe.passes[index + 1 :])})


def retarget(recipe: Recipe, **changes: object) -> Recipe:
    """`recipe` with fields of its target changed."""
    return recipe.model_copy(update={"target": recipe.target.model_copy(update=changes)})


def problems(recipe: Recipe, info: CheckpointInfo | None) -> list[Problem]:
    """Everything wrong or noteworthy about `recipe`, for checkpoint `info` if one is open."""
    found = [*_model(info), *_order(recipe)]
    misplaced = {problem.index for problem in found if problem.index is not None}
    layout = info
    for index, entry in enumerate(recipe.passes):
        if not entry.enabled:
            continue
        spec = passes.get(entry.name)
        try:
            options = parse_options(spec.options, entry.options, entry.name)
        except UserError as error:
            found.append(Problem(index, "stop", str(error)))
            continue
        found += _files(index, options)
        if layout is None:
            continue
        if index in misplaced:  # what else is wrong shows once it stands where it belongs
            layout = None
            continue
        if layout.task not in spec.tasks:
            text = spec.refusals.get(layout.task) or f"{spec.title} does not apply to {layout.task} models."
            found.append(Problem(index, "stop", text, Fix("Remove this pass", without(index))))
            continue
        here = list(spec.check(layout, options, index))
        found += here
        blocked = any(problem.severity == "stop" for problem in here)
        layout = None if blocked else spec.predict(layout, options)
    found += _target(recipe.target, layout)
    found += _speculation(recipe, info)
    return found


def _model(info: CheckpointInfo | None) -> list[Problem]:
    """What no recipe can mend: a kind of model that does not run. A question of trust is asked by the run itself."""
    try:
        if info is not None:
            require_supported(info)
    except UserError as error:
        if error.code == "unsupported_architecture":
            return [Problem(None, "stop", f"{error.cause} {error.remedy}")]
    return []


def predict(recipe: Recipe, info: CheckpointInfo) -> list[CheckpointInfo]:
    """The checkpoint's layout before the first and after each active pass, from headers alone."""
    layouts = [info]
    for entry in recipe.active:
        spec = passes.get(entry.name)
        layouts.append(spec.predict(layouts[-1], parse_options(spec.options, entry.options, entry.name)))
    return layouts


def require_legal(recipe: Recipe, info: CheckpointInfo) -> None:
    """Raise UserError for the first problem that prevents the run."""
    for problem in problems(recipe, info):
        if problem.severity == "stop":
            where = "target" if problem.index is None else recipe.passes[problem.index].name
            remedy = f"{problem.fix.label}." if problem.fix else "Change or switch off that step."
            raise UserError(problem.text, remedy, where=where, code="bad_order")


def _order(recipe: Recipe) -> list[Problem]:
    found = []
    seen: list[tuple[int, PassEntry]] = []
    for index, entry in enumerate(recipe.passes):
        if not entry.enabled:
            continue
        spec = passes.get(entry.name)
        for earlier_index, earlier in seen:
            earlier_spec = passes.get(earlier.name)
            if earlier.name == entry.name and not spec.repeatable:
                found.append(
                    Problem(index, "stop", f"{spec.title} stands twice.", Fix("Remove this one", without(index)))
                )
            elif earlier_spec.family in spec.must_precede:
                found.append(
                    Problem(
                        index,
                        "stop",
                        f"{spec.title} must come before {earlier_spec.title}.",
                        Fix(f"Move it before {earlier_spec.title}", _moved(index, earlier_index)),
                    )
                )
                break
        seen.append((index, entry))
    return found


def _files(index: int, options: Options) -> Iterator[Problem]:
    """Stop for every file that an option of pass `index` names and that is not there."""
    for field in fields_of(type(options)):
        name = getattr(options, field.name) if field.kind == "file" else ""
        if name and not Path(name).expanduser().is_file():
            clear = Fix("Leave it empty", _emptied(index, field.name))
            yield Problem(index, "stop", f"There is no file “{name}”.", clear)


def _emptied(index: int, key: str) -> Callable[[Recipe], Recipe]:
    return lambda r: set_options(r, index, **{key: ""})


def without(index: int) -> Callable[[Recipe], Recipe]:
    """An edit that takes pass `index` out."""
    return lambda r: r.model_copy(update={"passes": r.passes[:index] + r.passes[index + 1 :]})


def _moved(index: int, to: int) -> Callable[[Recipe], Recipe]:
    def apply(recipe: Recipe) -> Recipe:
        entries = list(recipe.passes)
        entries.insert(to, entries.pop(index))
        return recipe.model_copy(update={"passes": tuple(entries)})

    return apply


def _speculation(recipe: Recipe, info: CheckpointInfo | None) -> Iterator[Problem]:
    """What keeps the target from guessing tokens ahead, for the checkpoint `info` that the recipe starts from."""
    target = recipe.target
    if target.speculation == "none":
        return
    off = Fix("Do not speculate", lambda r: retarget(r, speculation="none"))
    lookup = Fix("Speculate by prompt lookup", lambda r: retarget(r, speculation="lookup"))
    if info is not None and info.task != "text-generation":
        # a draft would be built or read for nothing
        severity: Literal["note", "stop"] = "note" if target.speculation == "lookup" else "stop"
        text = f"A {info.task} model does not write token by token: nothing can be guessed."
        yield Problem(None, severity, text, off)
        return
    if target.speculation != "lookup" and not all(passes.get(entry.name).keeps_tokens for entry in recipe.active):
        text = "The recipe leaves tokens out, so no other model has the same ones: none can guess for it."
        yield Problem(None, "stop", text, lookup)
        return
    if target.speculation == "draft" and not target.draft:
        yield Problem(None, "stop", "No draft model is chosen.", lookup)
    if target.speculation == "original":
        if not recipe.active:
            yield Problem(None, "stop", "Without a pass, the draft would be the original itself.", lookup)
        elif info is not None:
            spec = runtimes.get(target.runtime)
            try:
                options = parse_options(spec.options, target.options, target.runtime)
            except UserError:
                return  # said of the target already
            for problem in spec.check(info, options, target):
                if problem.severity == "stop":
                    yield Problem(None, "stop", f"The original cannot run there: {problem.text}", off)


def _target(target: Target, layout: CheckpointInfo | None) -> list[Problem]:
    spec = runtimes.get(target.runtime)
    found = []
    try:
        options = parse_options(spec.options, target.options, target.runtime)
    except UserError as error:
        return [Problem(None, "stop", str(error))]
    availability = spec.availability()
    if not availability.usable:
        found.append(
            Problem(None, "stop", f"{spec.title} cannot be used here: {availability.reason} {availability.remedy}")
        )
    elif refusal := availability.refusal(spec.title, target.device):
        found.append(
            Problem(
                None,
                "stop",
                refusal,
                Fix(
                    "Use the CPU",
                    lambda r: retarget(r, device="cpu"),
                ),
            )
        )
    wanted, there = (target.threads or 1) * target.replicas, len(usable_cpus())
    if target.device == "cpu" and wanted > there:
        found.append(
            Problem(
                None,
                "note",
                f"{wanted} threads take turns on this machine's {there} processors, which makes the model slower.",
                Fix(
                    "Leave it to Hasten",
                    lambda r: retarget(r, threads=None, replicas=1),
                ),
            )
        )
    if layout is not None:
        here = list(spec.check(layout, options, target))
        if layout.task not in spec.tasks and not any(problem.severity == "stop" for problem in here):
            to_transformers = Fix("Use Transformers", lambda r: retarget(r, runtime="transformers", options={}))
            here.append(Problem(None, "stop", f"{spec.title} does not run {layout.task} models.", to_transformers))
        found += here
    return found
