"""The area tree: what is refused, who stands above whom, and the real tree of Hangzhou."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.city.admin import read_admin_tree
from sim.city.areas import Areas
from sim.city.partition import partition
from sim.city.ties import organisation
from sim.errors import InputError

SHARED = Path(os.environ.get("GRIDWHISTLE_SHARED", Path(__file__).parents[2] / "shared"))


def tree(levels: list[int], parents: list[int], codes: list[str] | None = None) -> Areas:
    names = np.array(codes or [f"a{k}" for k in range(len(levels))])
    return Areas(names, names, names, np.array(levels), np.array(parents))


def small() -> Areas:
    # city 0 > district 1 > street 2 > communities 3, 4 > grids 5, 6 | 7
    return tree([4, 3, 2, 1, 1, 0, 0, 0], [-1, 0, 1, 2, 2, 3, 3, 4])


def test_grid_index_counts_grids_in_row_order() -> None:
    areas = small()
    assert areas.grids.tolist() == [5, 6, 7]
    assert areas.grid_index.tolist() == [-1, -1, -1, -1, -1, 0, 1, 2]
    assert areas.grids_under(3).tolist() == [0, 1]
    assert areas.grids_under(0).tolist() == [0, 1, 2]


def test_ancestors_at_every_level() -> None:
    areas = small()
    assert areas.ancestor([5, 6, 7, 4], 1).tolist() == [3, 3, 4, 4]
    assert areas.ancestor([5, 7, 0], 4).tolist() == [0, 0, 0]
    assert areas.ancestor([1], 2).tolist() == [-1], "a district lies under no street"


def test_a_missing_level_is_minus_one_there_and_skipped_above() -> None:
    areas = tree([4, 1, 0], [-1, 0, 1])
    areas.validate()
    assert areas.ancestor([2], 2).tolist() == [-1]
    assert areas.ancestor([2], 4).tolist() == [0]


def test_a_cycle_is_refused_with_its_codes() -> None:
    areas = tree([4, 3, 2, 1], [-1, 3, 1, 2], ["root", "x", "y", "z"])
    with pytest.raises(InputError, match="cycle") as caught:
        areas.validate()
    assert all(code in str(caught.value) for code in ("x", "y", "z"))
    assert "root" not in str(caught.value.found)


@pytest.mark.parametrize(
    ("levels", "parents", "codes", "said"),
    [
        ([4, 3], [-1, 0], ["a", "a"], "duplicate"),
        ([4, 3], [-1, 7], None, "does not exist"),
        ([4, 2, 3], [-1, 0, 1], None, "not below its parent"),
        ([4, 4], [-1, -1], None, "several roots"),
        ([4, 9], [-1, 0], None, "out of range"),
        ([3, 2], [1, 0], None, "cycle"),
    ],
)
def test_what_is_no_tree_is_refused(levels: list[int], parents: list[int], codes: list[str] | None, said: str) -> None:
    with pytest.raises(InputError, match=said):
        tree(levels, parents, codes).validate()


@given(st.integers(1, 60), st.integers(0, 2**32 - 1))
def test_any_grown_tree_is_valid_and_ancestors_agree_with_climbing(size: int, seed: int) -> None:
    draw = np.random.default_rng(seed)
    levels, parents = [4], [-1]
    for _ in range(size):
        parent = int(draw.choice([k for k, level in enumerate(levels) if level > 0]))
        parents.append(parent)
        levels.append(int(draw.integers(0, levels[parent])))
    areas = tree(levels, parents)
    areas.validate()
    row, level = int(draw.integers(0, size + 1)), int(draw.integers(0, 5))
    at = row
    while levels[at] < level and parents[at] >= 0:
        at = parents[at]
    assert areas.ancestor(row, level) == (at if levels[at] == level else -1)


def write(folder: Path, text: str) -> Path:
    file = folder / "tree.csv"
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("text", "line", "field", "said"),
    [
        ("code,name,level\n1,A,city\n", 1, "parent", "wrong header"),
        ("code,name,level,parent\n1,A,city,\n2,B,county,1\n", 3, "level", "unknown level"),
        ("code,name,level,parent\n1,A,city,\n2,B,district,9\n", 3, "parent", "not in the file"),
        ("code,name,level,parent\n1,A,city,\n2,B,district,1\n2,C,district,1\n", 4, "code", "duplicate"),
        ("code,name,level,parent\n1,A,city,\n2,B,district\n", 3, "parent", "cut short"),
        ("code,name,level,parent\n1,A,city,\n2,B,street,3\n3,C,district,2\n", 3, "parent", "cycle"),
        ("code,name,level,parent\n", 1, None, "empty"),
    ],
)
def test_faults_of_a_tree_file_name_line_and_field(
    tmp_path: Path, text: str, line: int, field: str | None, said: str
) -> None:
    with pytest.raises(InputError, match=said) as caught:
        read_admin_tree(write(tmp_path, text))
    assert caught.value.line == line
    assert caught.value.field == field
    assert str(caught.value.file).endswith("tree.csv")


def test_a_missing_tree_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_admin_tree(tmp_path / "none.csv")


def hangzhou() -> Areas:
    file = SHARED / "data" / "admin_hangzhou" / "areas.csv"
    if not file.exists():
        pytest.skip(f"the tree of Hangzhou is not at {file}")
    return read_admin_tree(file)


def test_hangzhou_has_13_districts_196_streets_3320_communities() -> None:
    areas = hangzhou()
    assert [int((areas.level == k).sum()) for k in (4, 3, 2, 1, 0)] == [1, 13, 196, 3320, 0]
    assert areas.name[areas.root] == "杭州市"
    west_lake = areas.row("330106")
    assert areas.name[west_lake] == "西湖区"
    assert areas.ancestor(areas.rows(2), 3).min() >= 0


def test_organisation_links_child_and_parent_both_ways() -> None:
    graph = organisation(small())
    assert graph.number_of_nodes() == 8
    assert graph.edges["a5", "a3"]["relation"] == "escalate"
    assert graph.edges["a3", "a5"]["relation"] == "assign"
    assert not graph.has_edge("a5", "a4")


@given(st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_partition_serves_every_part_and_shares_the_weight(parts: int, seed: int) -> None:
    draw = np.random.default_rng(seed)
    points = draw.integers(parts, 20 * parts + 1)
    x, y = draw.random((2, points))
    label = partition(x, y, np.ones(points), np.ones(parts))
    size = np.bincount(label, minlength=parts)
    assert size.min() >= 1
    assert size.max() - size.min() <= np.ceil(np.log2(parts + 1)) + 1


def test_partition_cuts_rectangles() -> None:
    side = np.arange(8.0)
    x, y = (axis.ravel() for axis in np.meshgrid(side, side))
    label = partition(x, y, np.ones(64), np.ones(4))
    for part in range(4):
        mine = label == part
        inside = (x >= x[mine].min()) & (x <= x[mine].max()) & (y >= y[mine].min()) & (y <= y[mine].max())
        assert mine.sum() == 16
        assert (inside == mine).all(), "a part is all points of its rectangle"


def test_partition_refuses_more_parts_than_points() -> None:
    with pytest.raises(InputError, match="fewer nodes than areas"):
        partition(np.zeros(3), np.zeros(3), np.ones(3), np.ones(4))


ARCHETYPES_CSV = (
    "code,name,level,parent,archetype\nC,City,city,,\nD1,Old town,district,C,compound\nD2,Hills,district,C,rural\n"
    "S1,Gate,street,D1,\nS2,Mills,street,D1,urban\nS3,Pass,street,D2,\nS4,Meadows,street,D2,pastoral\n"
)


def test_an_area_and_all_below_it_are_of_the_archetype_that_the_tree_states(tmp_path: Path) -> None:
    from sim.city.spec import SyntheticSpec
    from sim.city.synthetic import synthetic_city

    tree = read_admin_tree(write(tmp_path, ARCHETYPES_CSV))
    city = synthetic_city(SyntheticSpec(residents=8_000, seed=3, archetype_shares={"urban": 1}), tree)
    areas = city.areas
    kinds = {"S1": 1, "S2": 0, "S3": 2, "S4": 3}
    for code, kind in kinds.items():
        grids = areas.grids[areas.grids_under(areas.row(code))]
        assert len(grids) and (areas.archetype[grids] == kind).all(), code
    # the register makes old people more frequent in the country: the word reaches the residents
    of = areas.archetype[areas.grids][city.residents["grid"]]
    old = [float((city.residents["age_band"][of == kind] >= 3).mean()) for kind in (0, 2)]
    plain = synthetic_city(
        SyntheticSpec(residents=8_000, seed=3, archetype_shares={"urban": 1}),
        read_admin_tree(write(tmp_path, ARCHETYPES_CSV.replace(",archetype", ",notes"))),
    )
    assert (plain.areas.archetype == 0).all()
    assert not np.array_equal(plain.residents["age_band"], city.residents["age_band"])
    assert old[1] > old[0]


def test_archetypes_come_back_from_an_export_and_wrong_words_are_refused(tmp_path: Path) -> None:
    from sim.city.export import export_city
    from sim.city.spec import SyntheticSpec
    from sim.city.synthetic import synthetic_city

    tree = read_admin_tree(write(tmp_path, ARCHETYPES_CSV))
    city = synthetic_city(SyntheticSpec(residents=3_000, seed=3), tree)
    export_city(city, tmp_path / "out")
    back = read_admin_tree(tmp_path / "out" / "areas.csv")
    assert back.stated is not None and np.array_equal(back.stated, city.areas.archetype)
    with pytest.raises(InputError, match="unknown archetype") as caught:
        read_admin_tree(write(tmp_path, ARCHETYPES_CSV.replace("rural", "village")))
    assert (caught.value.line, caught.value.field, caught.value.found) == (4, "archetype", "village")
    with pytest.raises(InputError, match="two columns have one name"):
        read_admin_tree(write(tmp_path, ARCHETYPES_CSV.replace("archetype", "name")))


def test_columns_of_a_tree_that_mean_nothing_are_told(tmp_path: Path) -> None:
    from sim.city.tables import ReadReport

    report = ReadReport()
    read_admin_tree(write(tmp_path, "code,name,level,parent,archetypes\nC,City,city,,urban\n"), report)
    assert "not read: archetypes" in report.notes[0]
