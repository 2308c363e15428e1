"""Where a defect happened, without what it happened with."""

from __future__ import annotations

import traceback


def describe(error: BaseException) -> dict[str, str]:
    """What may be logged of an exception that nobody expected: its types and where it was raised.

    Never its message, nor that of its causes: database and JSON errors quote rows and bodies.
    """
    causes, cause = [type(error).__qualname__], error.__cause__ or error.__context__
    while cause is not None and len(causes) < 8:
        causes.append(type(cause).__qualname__)
        cause = cause.__cause__ or cause.__context__
    frames = traceback.extract_tb(error.__traceback__)
    return {
        "exception.type": " from ".join(causes),
        "exception.stacktrace": " ".join(f"{frame.filename}:{frame.lineno}:{frame.name}" for frame in frames),
    }
