"""What the system refuses to `leadgateway dev` is told as a sentence with a way out."""

from __future__ import annotations

from leadgateway.commands.dev import _system_sentence


def test_a_refused_permission_is_told_with_who_may_be_behind_it() -> None:
    error = PermissionError(13, "Permission denied", ".leadgateway/lock")

    told = _system_sentence(error)

    assert told.startswith(".leadgateway/lock: Permission denied.")
    assert "--data DIR" in told


def test_anything_else_is_told_as_the_system_says_it() -> None:
    assert _system_sentence(OSError(28, "No space left on device")) == "the system: No space left on device."
