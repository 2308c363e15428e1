"""Reads CEL source just far enough to judge it before it may run.

The CEL library checks the syntax but gives out no syntax tree, bounds no cost, and reports unknown names only when they
are evaluated. Its tokens are enough to find what we must know: which loops there are and how they nest, what they
read of the lead, and every name. The token rules follow the lexer of the CEL specification
(https://github.com/google/cel-spec/blob/master/doc/langdef.md#syntax), because a string that was read differently
could hide a loop.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

LEAD: Final = "lead"
"""The one variable of every expression."""

LOOPS: Final = frozenset({"all", "exists", "exists_one", "existsOne", "map", "filter"})
"""The comprehension macros of the library."""

LIST_BUILDERS: Final = frozenset({"map", "filter"})
"""Loops that build a list; the library copies it for each element it adds."""

METHODS: Final = frozenset(
    {"contains", "endsWith", "matches", "size", "startsWith"}
    | {"getFullYear", "getMonth", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear"}
    | {"getHours", "getMinutes", "getSeconds", "getMilliseconds"}
)
"""What may be called on a value: `lead.name.startsWith("A")`."""

FUNCTIONS: Final = frozenset(
    {"bytes", "double", "duration", "dyn", "has", "int", "size", "string", "timestamp", "type", "uint"}
)
"""What may be called on its own: `size(lead.items)`."""

TYPE_NAMES: Final = frozenset({"bool", "bytes", "double", "int", "list", "map", "null_type", "string", "type", "uint"})
"""Names that stand for types: `type(lead.zip) == string`."""

_KEYWORDS = frozenset({"true", "false", "null", "in"})

_TOKEN = re.compile(
    r"""
      (?P<blank>[\t \r\n\f]+|//[^\n]*)
    | (?P<string>[bB]?(?:
          [rR](?:\"{3}.*?\"{3}|'{3}.*?'{3}|"[^"\n\r]*"|'[^'\n\r]*')
        | \"{3}(?:\\.|[^\\])*?\"{3}
        | '{3}(?:\\.|[^\\])*?'{3}
        | "(?:\\.|[^\\"\n\r])*"
        | '(?:\\.|[^\\'\n\r])*'
      ))
    | (?P<number>0[xX][0-9a-fA-F]+[uU]?|[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?[uU]?)
    | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<sign>.)
    """,
    re.VERBOSE | re.DOTALL,
)


class UnsupportedSyntax(ValueError):
    """The expression uses something that leads are never judged by, or a name that does not exist."""


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the source; blanks and comments are no tokens."""

    kind: str
    text: str
    start: int


@dataclass(frozen=True, slots=True)
class Loop:
    """One comprehension.

    Attributes:
        macro: Which of `LOOPS`.
        enclosing: Indices (in source order) of the loops whose bodies hold this one.
        start: Offset of its opening parenthesis among the tokens.
        additions: How many `+` its body holds; each can double what goes through.
    """

    macro: str
    enclosing: tuple[int, ...]
    start: int
    additions: int

    @property
    def builds_list(self) -> bool:
        """Whether the loop builds a list, element by element."""
        return self.macro in LIST_BUILDERS


@dataclass(frozen=True, slots=True)
class Read:
    """One place where the lead is read.

    Attributes:
        keys: The keys that follow `lead`, as far as they are plain names.
        enclosing: Indices of the loops whose bodies it stands in.
    """

    keys: tuple[str, ...]
    enclosing: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Outline:
    """What the tokens say about an expression.

    Attributes:
        loops: In source order.
        reads: In source order.
        additions: How many `+` stand outside of every loop.
        literals: An upper bound for the elements of the longest list written out.
        patterns: The argument tokens of `matches`, each a string literal.
        executable: The source with `matches` renamed to `SEARCH`.
    """

    loops: tuple[Loop, ...]
    reads: tuple[Read, ...]
    additions: int
    literals: int
    patterns: tuple[str, ...]
    executable: str


SEARCH: Final = "search_with_re2"
"""What `matches` is evaluated by. The library's own compiles the pattern again for each call, 10 ms for `\\w{50}`."""


def outline(source: str) -> Outline:
    """Read an expression that the CEL library has found free of syntax errors.

    Args:
        source: The expression.

    Returns:
        Its outline.

    Raises:
        UnsupportedSyntax: An unknown name, or syntax beyond what route expressions may use; the message says what
            to change.
    """
    tokens = tuple(_tokenize(source))
    places = tuple(_enclosing_loops(tokens))
    opened = [index for index, _ in enumerate(tokens) if _opens_loop(tokens, index)]
    _refuse_unsupported(tokens)
    _refuse_unknown_names(tokens, frozenset(_loop_variables(tokens, opened)))
    additions = [place for token, place in zip(tokens, places, strict=True) if token.text == "+"]
    return Outline(
        loops=tuple(
            Loop(tokens[index - 1].text, places[index], index, sum(number in place for place in additions))
            for number, index in enumerate(opened)
        ),
        reads=tuple(
            Read(_keys_after(tokens, index), places[index])
            for index, token in enumerate(tokens)
            if token.text == LEAD and token.kind == "name" and _text(tokens, index - 1) != "."
        ),
        additions=additions.count(()),
        literals=1 + sum(token.text == "," for token in tokens),
        patterns=tuple(tokens[index + 2].text for index in _calls_of_matches(tokens)),
        executable=_rename_matches(source, tokens),
    )


def _tokenize(source: str) -> Iterator[Token]:
    for match in _TOKEN.finditer(source):
        if match.lastgroup != "blank":
            yield Token(str(match.lastgroup), match.group(), match.start())


def _text(tokens: Sequence[Token], index: int) -> str:
    """The text at an index that may lie outside."""
    return tokens[index].text if 0 <= index < len(tokens) else ""


def _opens_loop(tokens: Sequence[Token], index: int) -> bool:
    """Every call of a macro's name on a value counts, whatever its arguments look like: `(x)` binds `x` as well."""
    return (
        tokens[index].text == "("
        and _text(tokens, index - 1) in LOOPS
        and tokens[index - 1].kind == "name"
        and _text(tokens, index - 2) == "."
    )


def _enclosing_loops(tokens: Sequence[Token]) -> Iterator[tuple[int, ...]]:
    """For each token, the loops whose parentheses it stands in."""
    brackets: list[int | None] = []
    loops = 0
    for index, token in enumerate(tokens):
        if token.kind == "sign" and token.text in ")]}" and brackets:
            brackets.pop()
        yield tuple(number for number in brackets if number is not None)
        if token.kind == "sign" and token.text in "([{":
            is_loop = _opens_loop(tokens, index)
            brackets.append(loops if is_loop else None)
            loops += is_loop


def _loop_variables(tokens: Sequence[Token], opened: Sequence[int]) -> Iterator[str]:
    for index in opened:
        name = _text(tokens, index + 1)
        if not re.fullmatch(r"[A-Za-z_]\w*", name) or _text(tokens, index + 2) != ",":
            macro = tokens[index - 1].text
            raise UnsupportedSyntax(f"begin {macro}(…) with the name of its loop variable, like {macro}(item, …)")
        if name == LEAD or name in TYPE_NAMES or name in _KEYWORDS:
            raise UnsupportedSyntax(f"the loop variable {name!r} hides something of that name; call it otherwise")
        yield name


def _refuse_unsupported(tokens: Sequence[Token]) -> None:
    for index, token in enumerate(tokens):
        if token.text == "`":
            raise UnsupportedSyntax('quoted names are not supported; write lead["a-b"] instead of lead.`a-b`')
        if token.text == "." and not _ends_value(tokens, index - 1):
            raise UnsupportedSyntax("a dot follows what it reads from; write lead.…")
        if token.text == "{" and _is_plain_name(tokens, index - 1):
            raise UnsupportedSyntax(
                f"messages like {tokens[index - 1].text}{{…}} are not supported; leads are plain maps"
            )


def _ends_value(tokens: Sequence[Token], index: int) -> bool:
    return _text(tokens, index) in set(")]}") or (index >= 0 and tokens[index].kind != "sign")


def _is_plain_name(tokens: Sequence[Token], index: int) -> bool:
    return index >= 0 and tokens[index].kind == "name" and tokens[index].text not in _KEYWORDS


def _refuse_unknown_names(tokens: Sequence[Token], variables: frozenset[str]) -> None:
    known = variables | TYPE_NAMES | {LEAD}
    for index, token in enumerate(tokens):
        if not _is_plain_name(tokens, index):
            continue
        is_member, is_call = _text(tokens, index - 1) == ".", _text(tokens, index + 1) == "("
        if is_call:
            _refuse_unknown_call(token.text, is_member=is_member)
        elif not is_member and token.text not in known:
            raise UnsupportedSyntax(
                f"unknown name {token.text!r}; the lead is called lead, so its fields are lead.{token.text}"
            )
    list(_calls_of_matches(tokens))


def _refuse_unknown_call(name: str, *, is_member: bool) -> None:
    if is_member and name not in METHODS | LOOPS:
        choice = ", ".join(sorted(METHODS | LOOPS))
        raise UnsupportedSyntax(f"unknown method {name}(); there are {choice}")
    if not is_member and name not in FUNCTIONS:
        choice = ", ".join(sorted(FUNCTIONS))
        raise UnsupportedSyntax(f"unknown function {name}(); there are {choice}")


def _calls_of_matches(tokens: Sequence[Token]) -> Iterator[int]:
    """Indices of `matches` where it is called; its pattern must be known before any lead is."""
    for index, token in enumerate(tokens):
        if token.text == "matches" and _text(tokens, index - 1) == "." and _text(tokens, index + 1) == "(":
            argument = tokens[index + 2]
            if argument.kind != "string" or argument.text[0] in "bB" or _text(tokens, index + 3) != ")":
                raise UnsupportedSyntax('write the pattern of matches(…) as one string, like matches("^66[0-9]{3}$")')
            yield index


def _rename_matches(source: str, tokens: Sequence[Token]) -> str:
    """Rename from the end, so that earlier offsets stay true."""
    for index in sorted(_calls_of_matches(tokens), reverse=True):
        start = tokens[index].start
        source = source[:start] + SEARCH + source[start + len("matches") :]
    return source


def _keys_after(tokens: Sequence[Token], index: int) -> tuple[str, ...]:
    """The keys of `lead.a.b`, without the method in `lead.a.b.size()`."""
    keys = []
    while _text(tokens, index + 1) == "." and _text(tokens, index + 3) != "(":
        keys.append(tokens[index + 2].text)
        index += 2
    return tuple(keys)
