"""Reading scenario text: every value has a line, and careless or hostile files are refused in one sentence."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios.merge import canonical, content_hash, merge, part
from scenarios.yaml_lines import MAX_BYTES, Tree, parse_yaml, read_yaml
from sim.errors import InputError


def test_lines_of_nested_fields():
    tree = parse_yaml("a: 1\nb:\n  c: [10,\n    20]\n  d: {e: x}\n", "f.yaml")
    assert tree.data == {"a": 1, "b": {"c": [10, 20], "d": {"e": "x"}}}
    assert tree.origin(("a",)) == ("f.yaml", 1)
    assert tree.origin(("b", "c", 1)) == ("f.yaml", 4)
    assert tree.origin(("b", "d", "e")) == ("f.yaml", 5)
    assert tree.origin(("b", "d", "missing", 3)) == ("f.yaml", 5)  # the nearest that was written


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),
        ("12:30", "12:30"),
        ("2026-03-02", "2026-03-02"),
        ("1e5", 1e5),
        ("1_000", 1000),
        ("0x10", 16),
        ("007", 7),
        ("true", True),
        ("~", None),
        ("'12'", "12"),
        ("-.5", -0.5),
    ],
)
def test_scalars_follow_the_core_schema(text, value):
    found = parse_yaml(f"a: {text}", "f").data["a"]
    assert found == value and type(found) is type(value)


BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 10)}]\n" for i in range(9)
)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "first on line 1"),
        ("a: 1\nb: [1, 2\n", 2, "ends too early"),
        ("a: 1\nb: {c: 1\n", 2, "ends too early"),
        ('a: "cut off', 1, "ends too early"),
        ("a: 1\nb: !!python/object/apply:os.system [x]\n", 2, "tags are not used"),
        ("a: !mine 3\n", 1, "tags are not used"),
        ("a: &a [*a]\n", 1, "contains itself"),
        (BOMB, None, "too many values"),
        ("a: {" * 5000, 1, "nested too deeply"),
        ("[" * 100_000, 1, "nested too deeply"),
        ("a: .inf\n", 1, "finite"),
        ("a: .nan\n", 1, "finite"),
        ("a: 1e999\n", 1, "finite"),
        ("a: 1\n---\nb: 2\n", 2, "second document"),
        ("- 1\n- 2\n", 1, "does not hold fields"),
        ("", None, "empty"),
        ("a: *nobody\n", 1, "undefined alias"),
        ("<<: {a: 1}\n", 1, "merge keys"),
        ("? [1, 2]\n: 3\n", 1, "must be a text"),
        ("a: \x00\n", 1, "not readable"),
    ],
)
def test_bad_text_is_one_sentence_with_its_line(text, line, said):
    begun = time.perf_counter()
    with pytest.raises(InputError) as caught:
        parse_yaml(text, "f.yaml")
    assert said in caught.value.sentence() and "\n" not in caught.value.sentence()
    assert caught.value.file == "f.yaml"
    if line is not None:
        assert caught.value.line == line
    assert time.perf_counter() - begun < 5


def test_bad_files(tmp_path):
    big = tmp_path / "big.yaml"
    big.write_bytes(b"a: " + b"x" * MAX_BYTES)
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"a: 1\nb: \xe9\n")
    for path, said in (
        (big, "too large"),
        (latin, "not UTF-8"),
        (tmp_path, "folder"),
        (tmp_path / "none.yaml", "cannot be read"),
    ):
        with pytest.raises(InputError, match=said):
            read_yaml(path)
    with pytest.raises(InputError) as caught:
        read_yaml(latin)
    assert caught.value.line == 2


@given(st.text(max_size=60))
def test_any_text_gives_data_or_one_sentence(text):
    try:
        assert isinstance(parse_yaml(text, "f").data, dict)
    except InputError as error:
        assert "\n" not in error.sentence()


def test_merge_laws_lists_and_null():
    base = parse_yaml(
        "posts: {a: {count: 1, shift: night}, b: {count: 2}}\nt: {lognormal: {median: 30, sigma: 0.8}}\nlist: [1, 2]\n",
        "base",
    )
    over = parse_yaml("posts:\n  a: {count: 3}\n  b: ~\nt: {exponential: {mean: 5}}\nlist: [9]\n", "over")
    laid = merge(base, over)
    assert laid.data == {
        "posts": {"a": {"count": 3, "shift": "night"}},
        "t": {"exponential": {"mean": 5}},
        "list": [9],
    }
    assert laid.origin(("posts", "a", "count")) == ("over", 2)
    assert laid.origin(("posts", "a", "shift")) == ("base", 1)
    assert laid.origin(("t", "exponential", "mean")) == ("over", 4)
    assert ("t", "lognormal", "median") not in laid.origins
    same = merge(base, parse_yaml("t: {lognormal: {median: 40}}", "over"))
    assert same.data["t"] == {"lognormal": {"median": 40, "sigma": 0.8}}
    kept = merge(parse_yaml("x: {closes_at: street}", "base"), parse_yaml("x: {closes_at: ~}", "over"))
    assert kept.data == {"x": {"closes_at": None}}


# p and q hold mappings, r and s hold values, as fields of one form do
_LEAF = st.integers(-5, 5) | st.text("ab", max_size=2) | st.lists(st.integers(0, 3), max_size=3)
_INNER = st.dictionaries(st.sampled_from("rs"), _LEAF, max_size=2)
_MAPS = st.fixed_dictionaries({}, optional={"p": _INNER, "q": _INNER, "r": _LEAF, "s": _LEAF})


@given(_MAPS, _MAPS, _MAPS)
def test_merge_is_associative_idempotent_and_has_an_identity(a, b, c):
    trees = [Tree(x) for x in (a, b, c)]
    left = merge(merge(trees[0], trees[1]), trees[2]).data
    right = merge(trees[0], merge(trees[1], trees[2])).data
    assert left == right  # so that long `extends` chains may be laid in any grouping
    assert merge(trees[0], trees[0]).data == a
    assert merge(Tree(), trees[0]).data == a == merge(trees[0], Tree()).data
    assert trees[0].data == a and trees[1].data == b


def test_content_hash_ignores_order_and_number_form():
    assert content_hash({"a": 1.0, "b": [2]}) == content_hash({"b": [2], "a": 1})
    assert content_hash({"a": 1}) != content_hash({"a": 2})
    assert canonical({"b": 1, "a": "灯"}) == '{"a":"灯","b":1}'


def test_part_keeps_origins():
    tree = parse_yaml("policies:\n  whistle:\n    rules:\n      coordinate: whistle\n", "f")
    own = part(tree, ("policies", "whistle"))
    assert own.data == {"rules": {"coordinate": "whistle"}}
    assert own.origin(("rules", "coordinate")) == ("f", 4)
