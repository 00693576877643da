"""
Check a create before it is paid for: its options, and its context if the template's schema is known.

Rule: no request is sent for a check. A context is checked by the schema that somebody has read within the last hour.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping, Sequence

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

__all__ = ["check_create", "find_problems", "select_errors", "validate_context"]


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
    if arguments.options:
        check_options(arguments.options, validate)
    context, template_id = arguments.context, arguments.template_id
    schema = session.shared.schemas.find(session.options, template_id)
    if schema is not None and template_id is not None and not schema.accepts(context):
        await validate_context(schema, context, template_id, validate)


async def validate_context(
    schema: ContextSchema, context: Mapping[str, Any], template_id: str, validate: Validate = "error"
) -> None:
    """
    Refuse a context that does not fit its schema, and warn about rules that the documents contradict.

    Raises:
        InvalidArgumentError: A rule is certainly broken, and `validate` is `error`.
    """
    if not schema.is_compiled:
        await in_thread(schema.compile)
    errors = select_errors(find_problems(schema, context, template_id), template_id, validate)
    if errors:
        text = "; ".join(map(str, errors))
        raise InvalidArgumentError(
            f"The context does not fit the template {template_id!r}: {text}. Nothing was sent.",
            validation_errors=[problem.to_dict() for problem in errors],
        )


def find_problems(schema: ContextSchema, context: Mapping[str, Any], template_id: str) -> Sequence[Problem]:
    """Return the problems of a context, and warn about the parts of the schema that are not used."""
    problems = schema.find_problems(context)
    for flaw in schema.flaws:
        warn(f"The context schema of the template {template_id!r}: {flaw}. Creates are sent without that check.")
    return problems


def select_errors(problems: Sequence[Problem], template_id: str, validate: Validate) -> Sequence[Problem]:
    """Return the problems for which a create is refused, and warn about the others."""
    errors = [problem for problem in problems if problem.is_error and validate == "error"]
    for problem in problems if validate != "never" else ():
        if problem not in errors:
            warn(f"The context for the template {template_id!r}, {problem}. It is sent as it is.")
    return errors
