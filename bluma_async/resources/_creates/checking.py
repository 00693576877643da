"""
Check a create before it is paid for: its options, and its context if the template's schema is known.

Rule 1: no request is sent for a check. A context is checked by the schema that somebody has read within the last hour.
Rule 2: a warning is given once, after all checks: input that is refused has an error only. Its sentence is also true
where nothing is sent, as by an estimate or a plan.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Iterable, List, Mapping, Sequence, Tuple

from bluma_async._runtime.notices import warn
from bluma_async._runtime.threads import in_thread
from bluma_async._wire.create_options import check_options
from bluma_async.errors import InvalidArgumentError

if TYPE_CHECKING:
    from bluma_async._session.session import Session
    from bluma_async._wire.contexts.problems import Problem
    from bluma_async._wire.contexts.schema import ContextSchema
    from bluma_async._wire.create_options import Validate
    from bluma_async.resources._creates.call import CreateArguments

__all__ = ["check_create", "find_problems", "split_problems", "validate_context", "warn_of"]


async def check_create(session: Session, arguments: CreateArguments) -> None:
    """
    Check the options and the context of a create, as the client's option `validate` says.

    A create from a variant is not checked by its template's schema: the variant may bring a part of the context.

    Raises:
        InvalidArgumentError: One is certainly mistaken. Nothing was sent.
    """
    validate = session.options.validate
    if validate == "never":
        return
    doubts = check_options(arguments.options, validate) if arguments.options else []
    context, template_id = arguments.context, arguments.template_id
    schema = session.shared.schemas.find(session.options, template_id)
    if schema is not None and template_id is not None and not schema.accepts(context):
        doubts += await _check_context(schema, context, template_id, validate)
    warn_of(doubts)


async def validate_context(schema: ContextSchema, context: Mapping[str, Any], template_id: str) -> None:
    """
    Refuse a context that does not fit its schema, and warn about rules that the documents contradict.

    Raises:
        InvalidArgumentError: A rule is certainly broken.
    """
    warn_of(await _check_context(schema, context, template_id, "error"))


def warn_of(doubts: Iterable[str], origin: str = "") -> None:
    """Warn about values that may be mistakes. `origin` is the row that has them."""
    for doubt in doubts:
        warn(f"{origin}{': ' if origin else ''}{doubt} A create sends it as it is.")


async def _check_context(
    schema: ContextSchema, context: Mapping[str, Any], template_id: str, validate: Validate
) -> List[str]:
    """Return the sentences about what may be a mistake; those of a context that is refused are not needed."""
    if not schema.is_compiled:
        await in_thread(schema.compile)
    errors, doubts = split_problems(find_problems(schema, context, template_id), template_id, validate)
    if errors:
        text = "; ".join(map(str, errors))
        raise InvalidArgumentError(
            f"The context does not fit the template {template_id!r}: {text}. Nothing was sent.",
            validation_errors=[problem.to_dict() for problem in errors],
        )
    return doubts


def find_problems(schema: ContextSchema, context: Mapping[str, Any], template_id: str) -> Sequence[Problem]:
    """Return the problems of a context, and warn about the parts of the schema that are not used."""
    problems = schema.find_problems(context)
    for flaw in schema.flaws:
        warn(f"The context schema of the template {template_id!r}: {flaw}. Creates are sent without that check.")
    return problems


def split_problems(
    problems: Sequence[Problem], template_id: str, validate: Validate
) -> Tuple[List[Problem], List[str]]:
    """Return the problems for which a create is refused, and a sentence about each other one, for a warning."""
    errors = [problem for problem in problems if problem.is_error and validate == "error"]
    others = [problem for problem in problems if problem not in errors]
    return errors, [f"The context for the template {template_id!r}, {problem}." for problem in others]
