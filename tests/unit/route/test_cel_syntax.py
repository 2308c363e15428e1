"""The outline of an expression: its loops, what it reads, and what may not be in it."""

from __future__ import annotations

import pytest

from leadgateway.route.cel.syntax import SEARCH, Loop, Outline, Read, UnsupportedSyntax, outline


def loops(source: str) -> list[tuple[str, tuple[int, ...], int]]:
    return [(loop.macro, loop.enclosing, loop.additions) for loop in outline(source).loops]


def test_loops_are_found_with_what_encloses_them() -> None:
    assert loops("lead.a.map(x, x + 1).filter(y, lead.b.all(z, z == y)).size() + 1") == [
        ("map", (), 1),
        ("filter", (), 0),
        ("all", (1,), 0),
    ]


def test_reads_are_found_with_their_keys() -> None:
    assert outline('lead.a.b.size() + lead.c[0].d + lead["e"].f + [1].map(x, lead.g)[0]').reads == (
        Read(("a", "b"), ()),
        Read(("c",), ()),
        Read((), ()),
        Read(("g",), (0,)),
    )


def test_additions_and_literals_are_counted() -> None:
    found = outline("[1, 2, 3].map(x, x + 1 + 1)[0] + 1")

    assert (found.additions, found.literals) == (1, 4)
    assert found.loops[0].additions == 2


@pytest.mark.parametrize(
    "source", ["'[1].map(x, x)'", '"""a"b.map(x, x)"""', "r'\\' == '.map('", "b'.all(x, x)'", "1 // .map(x"]
)
def test_what_stands_in_strings_and_comments_is_no_loop(source: str) -> None:
    assert outline(source).loops == ()


def test_matches_is_renamed_where_it_is_called_and_nowhere_else() -> None:
    found = outline('lead.matches == "matches" && lead.a.matches("^a") && lead.b . matches ( r"b" )')

    assert found.executable == f'lead.matches == "matches" && lead.a.{SEARCH}("^a") && lead.b . {SEARCH} ( r"b" )'
    assert found.patterns == ('"^a"', 'r"b"')


def test_an_expression_without_anything_has_an_empty_outline() -> None:
    assert outline("true") == Outline((), (), 0, 1, (), "true")


def test_a_list_builder_is_told_apart() -> None:
    assert [Loop(name, (), 0, 0).builds_list for name in ("map", "filter", "all")] == [True, True, False]


@pytest.mark.parametrize(
    "source", ["lead.`a-b`", "`a`", ".lead.a", "(.lead)", "Foo{a: 1}", "a.b.Foo{}", "search_with_re2(1)"]
)
def test_what_leads_are_never_judged_by_is_refused(source: str) -> None:
    with pytest.raises(UnsupportedSyntax):
        outline(source)


@pytest.mark.parametrize("source", ["lead.x in {1: 2}", "{'a': 1}.a", "[1][0]", "'a'.size()", "(1).size()"])
def test_what_only_looks_like_it_is_not(source: str) -> None:
    assert outline(source).executable == source
