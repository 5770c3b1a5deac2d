# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""In the picture of a random fleet no part covers another part, and it has the content of the plan."""

from __future__ import annotations

import random
import re
from itertools import combinations
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.gatehouse.kong.plugins.plugin_utils._inventory.variables import PlainInventory
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.compile import compile_plan
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.boxes import MOST_BOXES, make_fleet
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.layout import lay_out_picture
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.picture import (
    SIZES,
    Rect,
    make_label,
    make_list_label,
)
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.report import FORMS, Evidence
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.svg import render_svg
from ansible_collections.gatehouse.kong.plugins.plugin_utils._text import list_first, measure_width
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.corpus.pictures import lay_out_long_names
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import (
    SEED_NODES,
    SEED_OTHERS,
    plan_fleet,
)

INSIDE_OF = {"node": "site", "port": "node", "port-closed": "node", "device": "site"}
VERSIONS = ("0.10.4", "2.8", "3.9")
LONG = "a-very-long-name-of-a-host-that-nobody-would-want-to-type.example.net"


def make_random_plan(number, nodes):
    """Return a random fleet that compiles: sites behind NAT, flat or on a VPN, one version, sources of every kind."""
    rng = random.Random(number)
    version = rng.choice(VERSIONS)
    vpn = rng.random() < 0.3
    sites = rng.sample(["paris", "oslo", "東京都千代田区", "W" * 40], rng.randint(1, 4))
    hosts = {}
    for index in range(nodes):
        site = index % len(sites)
        ports = {"inside_port": 7946, "outside_port": 20000 + index}
        mapping = {"outside": f"192.0.2.{site + 1}", "device": f"{sites[site]}-router", **ports}
        variables = {
            "kong_version": version,
            "kong_site": sites[site],
            "kong_address": [
                f"10.{site}.{index // 250}.{index % 250 + 1}",
                f"2001:db8:aaaa:bbbb:cccc:{site}:1:{index:x}",
            ],
            "kong_admin_listen": "0.0.0.0:8001",
            "kong_flat_network": rng.choice([True, False]),
            "kong_admin_sources": rng.choice([["ops"], ["198.51.100.0/24", "ops"], ["nobody"], ["@kong"]]),
        }
        if version != "0.10.4":
            outside = {"outside": f"2001:db8:1111:2222:3333:4444:5555:{index:x}", "device": mapping["device"]}
            variables["kong_nat"] = [outside] if rng.random() < 0.5 else []
            variables["kong_proxy_listen"] = "0.0.0.0:8000, [::]:8000, [::]:18443 ssl"
        if vpn:
            variables["kong_vpn_address"] = f"10.8.{index // 250}.{index % 250 + 1}"
        elif version == "0.10.4":
            variables["kong_nat"] = [mapping]
            variables["kong_flat_network"] = False
        hosts[rng.choice([f"n{index}", f"{LONG}{index}"])] = variables
    others = {"ops": {"kong_site": sites[0], "kong_address": "10.0.99.1"}}
    known = PlainInventory({"kong": list(hosts), "all": [*hosts, *others]}, {**hosts, **others})
    compilation = compile_plan(known, "kong")
    assert compilation.errors == ()
    return compilation.plan


def measure_rect(label):
    size = label.size
    return Rect(label.x, label.baseline - size * 0.8, measure_width(label.text, size), size)


def overlaps(first, second):
    return (
        first.x < second.x + second.width
        and second.x < first.x + first.width
        and first.y < second.y + second.height
        and second.y < first.y + first.height
    )


def is_within(inner, outer):
    return (
        outer.x <= inner.x
        and inner.x + inner.width <= outer.x + outer.width
        and outer.y <= inner.y
        and inner.y + inner.height <= outer.y + outer.height
    )


def check_shapes(shapes, everything):
    for shape in shapes:
        assert is_within(shape.rect, everything), shape
        parent = INSIDE_OF.get(shape.kind)
        assert not parent or any(is_within(shape.rect, outer.rect) for outer in shapes if outer.kind == parent), shape
    for kinds in [*({kind} for kind in INSIDE_OF), {"site"}, {"caller", "anyone", "device", "node"}]:
        for first, second in combinations([shape.rect for shape in shapes if shape.kind in kinds], 2):
            assert not overlaps(first, second), (kinds, first, second)


def check_labels(labels, shapes, everything):
    for (label, rect), (other, other_rect) in combinations(labels, 2):
        assert not overlaps(rect, other_rect), (label, other)
    for label, rect in labels:
        assert label.text == label.full or re.search(r" \+\d+$", label.text), label
        assert is_within(rect, everything), label
        assert all(not overlaps(rect, shape.rect) or is_within(rect, shape.rect) for shape in shapes), label


def check_arrow(arrow, labels, shapes):
    line = Rect(arrow.start + 1, arrow.y - 0.7, arrow.end - arrow.start - 8, 1.4)
    assert [label for label, rect in labels if overlaps(line, rect)] == []
    solid = [shape.rect for shape in shapes if shape.kind in ("caller", "anyone", "device")]
    assert [rect for rect in solid if overlaps(line, rect)] == []


def check(picture):
    everything = Rect(0, 0, picture.width, picture.height)
    labels = [(label, measure_rect(label)) for label in picture.labels]
    check_shapes(picture.shapes, everything)
    check_slices(picture)
    check_labels(labels, picture.shapes, everything)
    for arrow in picture.arrows:
        check_arrow(arrow, labels, picture.shapes)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 30))
def test_no_part_covers_another_part(number, nodes):
    check(lay_out_picture(make_fleet(make_random_plan(number, nodes))))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 20))
def test_picture_is_well_formed_and_has_a_name(number, nodes):
    picture = lay_out_picture(make_fleet(make_random_plan(number, nodes)))
    drawn = ET.fromstring(f"<all>{render_svg(picture, 'D & <d>')}</all>")
    assert [element[1].text for element in drawn] == ["D & <d>"] * len(picture.slices)
    assert {element.get("role") for element in drawn} == {"img"}
    texts = [element for element in drawn.iter() if element.tag.endswith("}text")]
    assert len(texts) == len(picture.labels)


def check_slices(picture):
    """Check that slices have no gaps, and cut no shape except the frame of a site."""
    y = 0
    for part in picture.slices:
        assert part.y == pytest.approx(y)
        y = part.y + part.height
    assert y == pytest.approx(picture.height)
    cuts = [part.y for part in picture.slices]
    kept = [shape.rect for shape in picture.shapes if shape.kind != "site"] + [*map(measure_rect, picture.labels)]
    assert [(cut, rect) for cut in cuts for rect in kept if rect.y < cut < rect.y + rect.height] == []


def test_the_worked_example():
    picture = lay_out_picture(make_fleet(plan_fleet(SEED_NODES, SEED_OTHERS)))
    check(picture)
    texts = {label.text for label in picture.labels}
    assert {
        "dials 192.168.10.5:9000",
        "arrives at 192.168.23.45:80",
        "source 192.168.10.11, 192.168.10.12",
        "source 192.168.10.5",
        "through its own NAT",
        "advertises 192.168.10.5:9000",
        "loopback: only the node itself",
    } <= texts
    assert not any("192.168.23.45:7946" in text for text in texts)


def test_node_is_not_its_own_caller():
    for site in make_fleet(plan_fleet(SEED_NODES, SEED_OTHERS)).sites:
        for box in site.boxes:
            assert not [flow for row in box.rows for flow in row.flows if set(box.nodes) & set(flow.callers)]


def test_many_equivalent_nodes_share_a_box():
    plan = plan_fleet(
        {f"n{index:03}": {"kong_version": "3.9", "kong_address": f"10.0.0.{index + 1}"} for index in range(100)}
    )
    [site] = make_fleet(plan).sites
    [box] = site.boxes
    assert (len(box.nodes), site.nodes) == (100, 100)
    texts = [label.text for label in lay_out_picture(make_fleet(plan)).labels]
    assert "dials 10.0.0.1:8000, :8443 +99" in texts


def test_few_nodes_have_a_box_each():
    plan = plan_fleet({f"n{index}": {"kong_address": f"10.0.0.{index + 1}"} for index in range(12)})
    assert [len(box.nodes) for box in make_fleet(plan).sites[0].boxes] == [1] * 12


def find_nodes(picture):
    """Return the rectangles of the boxes, by their upper end."""
    rows = {}
    for shape in picture.shapes:
        if shape.kind == "node":
            rows.setdefault(shape.rect.y, []).append(shape.rect)
    return rows


def test_twelve_nodes_fill_the_width():
    plan = plan_fleet({f"n{index}": {"kong_address": f"10.0.0.{index + 1}"} for index in range(12)})
    picture = lay_out_picture(make_fleet(plan))
    check(picture)
    assert [len(row) for row in find_nodes(picture).values()] == [2] * 6
    [site] = [shape.rect for shape in picture.shapes if shape.kind == "site"]
    assert (site.x, site.x + site.width) == (8, picture.width - 8)
    assert not [label for label in picture.labels if label.is_small]


def test_boxes_and_callers_are_in_natural_order():
    nodes = {f"n{index}": {"kong_address": f"10.0.0.{index}", "kong_admin_listen": "0.0.0.0:8001",
             "kong_admin_sources": ["@kong"]} for index in (10, 9, 1)}  # fmt: skip
    boxes = make_fleet(plan_fleet(nodes)).sites[0].boxes
    assert [box.nodes for box in boxes] == [("n1",), ("n9",), ("n10",)]
    [admin] = [row for row in boxes[0].rows if row.listener == "admin"]
    assert admin.flows[0].callers == ("n9", "n10")
    assert admin.flows[0].sources == ("10.0.0.9/32", "10.0.0.10/32")


def test_two_addresses_are_dialled_in_two_lines():
    nodes = {f"n{index}": {"kong_address": [f"10.0.0.{index}", f"2001:db8:aaaa:bbbb::{index}"],
             "kong_proxy_listen": "0.0.0.0:8000, [::]:8000, 0.0.0.0:8443 ssl, [::]:8443 ssl"} for index in range(1, 7)}  # fmt: skip
    picture = lay_out_picture(make_fleet(plan_fleet(nodes)))
    check(picture)
    assert [len(row) for row in find_nodes(picture).values()] == [2] * 3
    lines = [label.text for label in picture.labels if label.kind == "dials"][:2]
    assert lines == ["dials 10.0.0.1:8000, :8443,", "[2001:db8:aaaa:bbbb::1]:8000, :8443"]


def test_box_behind_a_nat_device_has_the_whole_width():
    nodes = {f"n{index}": {"kong_site": "a", "kong_address": f"10.0.0.{index + 1}"} for index in range(5)}
    nodes["n0"] |= {
        "kong_nat": [{"outside": "192.0.2.1", "outside_port": 80, "inside_port": 8000, "protocols": ["tcp"]}]
    }
    picture = lay_out_picture(make_fleet(plan_fleet(nodes)))
    check(picture)
    assert [len(row) for row in find_nodes(picture).values()] == [1, 2, 2]
    assert [label.text for label in picture.labels if label.kind == "site"] == ["Site a", "Site a, continued"]


@pytest.mark.parametrize("name", ["gateway-01.emea.example.net", "production-gateway-0001"])
def test_usual_names_are_legible(name):
    nodes = {f"{name}{index}": {**variables, "kong_site": name} for index, variables in enumerate(SEED_NODES.values())}
    for variables in nodes.values():
        variables.pop("kong_nat", None)
        variables["kong_admin_sources"] = [f"admin.{name}"]
    others = {f"admin.{name}": {"kong_site": name, "kong_address": "192.168.10.20"}}
    assert not [label for label in lay_out_picture(make_fleet(plan_fleet(nodes, others))).labels if label.is_small]


@pytest.mark.parametrize("nodes", [3, 20])
@pytest.mark.parametrize("part", ["gateway-", "kong.", "x"])
def test_names_of_66_characters_are_legible_in_several_lines(part, nodes):
    """Each line has at least 60 % of the usual size, and together they are the whole name."""
    name = (part * 66)[:62]
    fleet = {
        f"{name}-{index:03}": {
            "kong_version": "3.9",
            "kong_site": f"{name}{index % 2}",
            "kong_address": f"10.0.{index}.1",
            "kong_nat": [{"outside": f"192.0.2.{index + 1}", "device": f"d{name}"}] if index % 2 else [],
        }
        for index in range(nodes)
    }
    for variables in fleet.values():
        variables["kong_proxy_sources"] = [f"admin{name}"]
    others = {f"admin{name}": {"kong_site": "office", "kong_address": "192.0.2.200"}}
    picture = lay_out_picture(make_fleet(plan_fleet(fleet, others)))
    check(picture)
    assert [label for label in picture.labels if label.is_small] == []
    texts = "".join(label.text for label in picture.labels)
    for whole in (f"{name}-000", f"admin{name}", f"Site {name}0", "site office", *([f"d{name}"] if nodes > 1 else [])):
        assert whole.replace(" ", "") in texts.replace(" ", "")


def test_golden_picture_of_long_names_shows_the_widths_of_all_labels():
    """The size of a label depends on the width that it has, if its text is too long. Other labels have short texts."""
    picture = lay_out_long_names()
    check(picture)
    smaller = {label.kind for label in picture.labels if label.size < SIZES[label.kind]}
    assert {*SIZES} - smaller == {"closed", "listener", "mark", "port"}
    assert sorted(len(row) for row in find_nodes(picture).values()) == [1, 1, 1, 1, 2]


def test_picture_has_a_maximum_of_boxes():
    nodes = {f"n{index:03}": {"kong_address": f"10.0.0.{index + 1}", "kong_proxy_listen": f"0.0.0.0:{9000 + index}"}
             for index in range(MOST_BOXES + 7)}  # fmt: skip
    plan = plan_fleet(nodes)
    assert make_fleet(plan).hidden == 7
    note = f"The picture has room for {MOST_BOXES} boxes. The tables have 7 more nodes."
    assert all(note in form(Evidence(plan)) for form in (FORMS[".html"], FORMS[".md"]))


@pytest.mark.parametrize("text", ["", "a", "W" * 200, "東京" * 90, "a, b, c" * 30])
def test_labels_are_complete_and_fit(text):
    label = make_label("chip", 0, 0, 100, text)
    assert label.text == text
    assert measure_width(label.text, label.size) <= 100


@pytest.mark.parametrize("items", [["a"], ["a" * 50, "b"], ["10.0.0.1"] * 30, ["10.0.0.1", "10.0.0.2"]])
def test_fitted_lists_fit_and_count(items):
    label = make_list_label("source", 0, 0, 150, "source ", items)
    shown = label.text
    assert shown.startswith(f"source {items[0]}")
    assert measure_width(shown, label.size) <= 150
    left = len(items) - shown.count(", ") - 1
    one_more = "source " + list_first(items, len(items) - left + 1)
    assert left == 0 or measure_width(one_more, label.size) > 150
    assert left == 0 or shown.endswith(f"+{left}")


def test_items_that_are_not_given_are_counted():
    label = make_list_label("source", 0, 0, 400, "source ", ["10.0.0.1", "10.0.0.2", "10.0.0.3"], more=87)
    assert (label.text, label.full) == ("source 10.0.0.1, 10.0.0.2, 10.0.0.3 +87",) * 2
    short = make_list_label("source", 0, 0, 100, "source ", ["10.0.0.1", "10.0.0.2", "10.0.0.3"], more=87)
    assert (short.text, short.full) == ("source 10.0.0.1 +89", label.full)


@pytest.mark.parametrize(("sites", "all_printed"), [(12, True), (40, False)])
def test_long_picture_ends_on_paper_after_some_pages(sites, all_printed):
    addresses = {
        f"node{index}": {"kong_address": f"10.0.{index}.1", "kong_site": f"s{index}"} for index in range(sites)
    }
    picture = lay_out_picture(
        make_fleet(plan_fleet({name: {"kong_version": "3.9", **host} for name, host in addresses.items()}))
    )
    printed = [part.is_printed for part in picture.slices]
    assert len(printed) == sites
    assert all(printed) is all_printed
    assert printed == sorted(printed, reverse=True)
    assert sum(part.height for part in picture.slices if part.is_printed) <= 2700 or all_printed
    assert render_svg(picture, "").count('class="screen-only"') == printed.count(False)


@pytest.mark.parametrize(("count", "rows"), [(4, [1] * 4), (5, [2, 2, 1])])
def test_boxes_share_the_width_if_there_are_more_than_4(count, rows):
    nodes = {f"n{index}": {"kong_version": "3.9", "kong_address": f"10.0.0.{index + 1}"} for index in range(count)}
    assert [len(row) for row in find_nodes(lay_out_picture(make_fleet(plan_fleet(nodes)))).values()] == rows


@pytest.mark.parametrize(("behind_nat", "rows"), [(4, [1] * 5), (3, [1, 1, 1, 2])])
def test_a_single_narrow_box_has_the_whole_width(behind_nat, rows):
    nodes = {f"n{index}": {"kong_site": "a", "kong_address": f"10.0.0.{index + 1}"} for index in range(5)}
    for index in range(behind_nat):
        nodes[f"n{index}"]["kong_nat"] = [{"outside": f"192.0.2.{index + 1}", "outside_port": 80, "inside_port": 8000}]
    picture = lay_out_picture(make_fleet(plan_fleet(nodes)))
    assert [len(row) for row in find_nodes(picture).values()] == rows


@pytest.mark.parametrize(("sites", "all_printed"), [(12, True), (13, False)])
def test_a_picture_of_12_slices_is_printed_completely(sites, all_printed):
    open_ports = {
        f"kong_{name}_listen": f"0.0.0.0:{port}" for name, port in (("admin", 8001), ("stream", 9000), ("status", 8007))
    }
    nodes = {f"n{site}": {"kong_version": "3.9", "kong_site": f"s{site}", "kong_address": f"10.0.{site}.1", **open_ports}
             for site in range(sites)}  # fmt: skip
    picture = lay_out_picture(make_fleet(plan_fleet(nodes)))
    assert len(picture.slices) == sites
    assert sum(part.height for part in picture.slices) > 2700
    assert all(part.is_printed for part in picture.slices) is all_printed
