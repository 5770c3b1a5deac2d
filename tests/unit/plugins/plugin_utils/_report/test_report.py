# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report in all forms: its content; names do not become markup; a page needs no other file."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from ansible_collections.gatehouse.kong.plugins.plugin_utils._codes import CODES
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.changes import compare_plans
from ansible_collections.gatehouse.kong.plugins.plugin_utils._plan.file import NO_PLAN
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report import html
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.boxes import group_nodes, make_fleet
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.legend import PORT_SHAPES, SHAPES, SIGNS
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.nodes import make_nodes_section
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.origin import Origin
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.refused import REFUSED_FORMS
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.report import FORMS, Evidence, read_kept_evidence
from ansible_collections.gatehouse.kong.plugins.plugin_utils._report.verdicts import add_verdicts
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.probes import list_callers, list_probes_from
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.result import compare
from ansible_collections.gatehouse.kong.tests.unit.plugins.plugin_utils.fleets import (
    SEED_NODES,
    SEED_OTHERS,
    plan_fleet,
)

PLAN = plan_fleet(SEED_NODES, SEED_OTHERS)
# Names that would be markup in a form of the report.
HOSTILE = [
    "<script>alert(1)</script>",
    "\"' onmouseover='x' a=\"",
    "a|b\nc",
    "]]>&amp;<!--",
    "`**[x](javascript:y)`",
    "```\n# heading",
    "{{ 7 * 7 }}{% raw %}",
    "\x00\x1b[31m\ufffe",
    '"]; click n0 "http://example.net"',
]
RESULTS = {"open": "open", "filtered": "filtered", "closed": "refused"}
VOID = {"meta", "link", "br", "img", "input", "hr"}


def list_results_as_planned(plan):
    """Return the results of all hosts in a healthy fleet."""
    return {
        caller: [
            {"name": probe.name, "result": RESULTS[probe.expected], "detail": ""}
            for probe in list_probes_from(plan, caller)
        ]
        for caller in list_callers(plan)
    }


def make_evidence(plan, *, wrong=0, absent=(), drift=None):
    """Return the evidence of a report: a verification with some differences of the first caller, and with absent hosts."""
    probed = {caller: results for caller, results in list_results_as_planned(plan).items() if caller not in absent}
    for result in probed[next(iter(probed))][:wrong]:
        result.update(result="open" if result["result"] != "open" else "filtered", detail="no answer")
    verification = {
        "at": "2026-11-25 12:00 UTC",
        "outcomes": [outcome.as_dict() for outcome in compare(plan, probed).outcomes],
    }
    return Evidence(plan, verification, drift, compare_plans(NO_PLAN, plan))


def rename_all(plan, name):
    """Return a plan with a hostile text as name of a node, site, device and other host, and in findings."""
    text = json.dumps(plan)
    for old in ("b1", "branch", "192.168.10.5", "admin"):
        text = text.replace(json.dumps(old), json.dumps(name + ("" if old != "192.168.10.5" else "!")))
    data = json.loads(text)
    data["nodes"]["a1"]["cluster"] = name
    for mapping in [*data["nat_forwards"], *(mapping for node in data["nodes"].values() for mapping in node["nat"])]:
        mapping["outside"], mapping["devices"] = "192.168.10.5", [name]
    for rule in [rule for node in data["nodes"].values() for rule in node["ruleset"]["allow"]]:
        rule["listener"] = "admin" if rule["listener"] == name else rule["listener"]
    for listener in [listener for node in data["nodes"].values() for listener in node["listeners"]]:
        listener["name"] = "admin" if listener["name"] == name else listener["name"]
    return data


class Page(HTMLParser):
    """The elements of a page. Raises an error for an element that is not closed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes, self.text = [], [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *attr) for attr in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *attr) for attr in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


DRIFT = {
    "nodes": {"a1": {"firewall": ["port 8001 is open to <b>anyone</b>"], "settings": []}},
    "not_checked": {"b1": ["it was unreachable, failed or not part of this run"]},
}
ALL = make_evidence(PLAN, wrong=2, absent=("b1",), drift=DRIFT)
HTML = FORMS[".html"](ALL)


def read_script(text):
    """Return the only script of a page, whose hash must be the only one that the page's policy allows."""
    [script] = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    [policy] = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    allowed = b64encode(sha256(script.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{allowed}'"
    return script


def test_page_needs_no_other_file_and_its_policy_allows_only_its_script():
    page = Page(HTML)
    assert read_script(HTML) == (Path(html.__file__).parent / "page.js").read_text(encoding="utf-8")
    assert page.tags.count("script") == 1
    assert not {"link", "img", "iframe", "object", "form"} & set(page.tags)
    assert not [
        attribute
        for attribute in page.attributes
        if attribute[1].startswith("on") or attribute[1] in ("src", "srcset", "style")
    ]
    assert {value for _tag, name, value in page.attributes if name == "href" and not value.startswith("#")} == set()
    assert not re.search(r"url\(|@import", HTML)
    namespaces = {value for _tag, name, value in page.attributes if name == "xmlns"}
    # Only the namespace, and the licence of the style.
    assert set(re.findall(r"https?://[^\s\"<)]+", HTML)) == {*namespaces, "https://www.gnu.org/licenses/gpl-3.0.txt"}


def test_page_hides_only_the_filter_without_its_script():
    hidden = [attribute for attribute in Page(HTML).attributes if attribute[1] == "hidden"]
    assert hidden == [("p", "hidden", None)]
    assert '<p class="filter" hidden><label for="filter">' in HTML
    rules = re.findall(r"^ *(.*) \{ display: none.*\}$", HTML.partition("@media print")[0], re.MULTILINE)
    assert rules == ["[hidden]", ".paper"]


@pytest.mark.parametrize(("count", "is_noted"), [(12, False), (40, True)])
def test_page_says_on_paper_that_the_picture_continues(count, is_noted):
    nodes = {
        f"n{i}": {"kong_address": f"10.0.{i}.1", "kong_site": f"s{i}", "kong_version": "3.9"} for i in range(count)
    }
    page = FORMS[".html"](Evidence(plan_fleet(nodes)))
    assert ('<p class="muted paper">The picture continues on the screen.</p>' in page) is is_noted


def test_long_lists_are_complete_on_paper():
    """The end of the visible part, such as " and 3 more", is replaced by a comma."""
    nodes = {f"n{i}": {"kong_address": f"10.0.0.{i}", "kong_version": "0.10"} for i in range(1, 12)}
    page = FORMS[".html"](Evidence(plan_fleet(nodes)))
    assert '10.0.0.5<span class="more"> and 6 more</span></summary>10.0.0.6, ' in page
    paper = page.partition("@media print")[2]
    assert 'summary .more { font-size: 0; }\n  summary .more::before { content: ", "; font-size: 8pt; }' in paper


def test_index_links_every_node_to_its_table_and_has_nodes_with_problems_first():
    index = HTML.partition('<section id="nodes"')[2].partition("</section>")[0]
    links = dict(re.findall(r'<a href="#(node-\d)">(.*?)</a>', index))
    assert sorted(links.values()) == sorted(PLAN["nodes"])
    for anchor, name in links.items():
        assert f'<h3 id="{anchor}">{name}</h3>' in HTML
    plan = plan_fleet({f"n{index}": {"kong_address": f"10.0.0.{index}"} for index in (2, 10, 1)})
    drift = {"nodes": {"n10": {"firewall": ["a rule is missing"]}}, "not_checked": {}}
    rows = make_nodes_section(plan, (), drift).tables[0].rows
    assert [(row[0].text, row[1].text) for row in rows] == [
        ("n10", "drift"),
        ("n1", "none known"),
        ("n2", "none known"),
    ]


def test_index_names_the_problems_of_a_node():
    outcomes = [outcome for outcome in make_evidence(PLAN).verification["outcomes"] if outcome["to"] == "a1"]
    outcomes[0]["result"] = "unreachable"
    next(outcome for outcome in outcomes if outcome["listener"] == "admin")["status"] = 200
    row = make_nodes_section(PLAN, outcomes, None).tables[0].rows[0]
    assert row[1].text == "1 result not as planned, Admin API without authentication"


@pytest.mark.parametrize("suffix", [".html", ".md"])
def test_legend_has_every_sign_and_result(suffix):
    text = FORMS[suffix](ALL)
    results = text.partition("Results of connections</h2>" if suffix == ".html" else "## Results of connections")[2]
    for result in ("open", "filtered", "closed", "refused", "unreachable", "silent"):
        assert re.search(rf"(<td>|\| ){result}(</td>| \|)", results), result
    shapes = (*SHAPES, *PORT_SHAPES) if suffix == ".html" else SHAPES
    for _shape, colour, meaning in shapes:
        assert re.search(rf"{colour}(</span>|:) {re.escape(meaning)}", text), colour
    for sign, meaning in SIGNS:
        assert re.search(rf"{re.escape(sign)}(</b>|:) {meaning}", text), sign


def test_every_shape_of_the_legend_is_in_the_style():
    for kind, _colour, _meaning in (*SHAPES, *PORT_SHAPES):
        assert f".key.{kind} {{" in HTML
        assert f"svg rect.{kind} {{" in HTML


def test_every_link_has_a_target_and_every_id_is_unique():
    page = Page(HTML)
    ids = [value for _tag, name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    assert {value[1:] for _tag, name, value in page.attributes if name == "href"} <= set(ids)
    assert {
        name
        for _t, key, value in page.attributes
        if key in ("aria-labelledby", "aria-describedby")
        for name in value.split()
    } <= set(ids)


def test_scrolling_regions_are_reachable_with_the_keyboard():
    page = Page(HTML)
    scrolling = HTML.count('class="scroll')
    assert scrolling == sum(attribute[1:] == ("tabindex", "0") for attribute in page.attributes)
    assert scrolling == sum(name == "aria-label" and tag == "div" for tag, name, _value in page.attributes)


def test_first_link_skips_to_the_content():
    page = Page(HTML)
    assert next(value for tag, name, value in page.attributes if (tag, name) == ("a", "href")) == "#main"
    assert {("main", "id", "main"), ("main", "tabindex", "-1")} <= set(page.attributes)
    for focused in ("a", r"\.scroll"):
        assert re.search(focused + r":focus-visible[^{]*{ outline: \dpx", HTML)


def test_page_has_the_results():
    text = re.sub(r"\s+", " ", " ".join(Page(HTML).text))
    for part in [
        "3 nodes, 2 sites, 1 cluster",
        "Differences from the plan: 2.",
        "Not part of the run, so not tested from b1",
        "port 8001 is open to <b>anyone</b>",
        "Not checked",
        "source-no-path",
        CODES["source-no-path"].format_plain()[0],
        "192.168.10.5:9000",
        "joins site branch, cluster default",
    ]:
        assert part in text, part


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_becomes_markup(name):
    evidence = make_evidence(rename_all(PLAN, name), wrong=3, absent=("a2",), drift=DRIFT)
    plain = make_evidence(rename_all(PLAN, "plain"), wrong=3, absent=("a2",), drift=DRIFT)
    page, expected = (Page(FORMS[".html"](source)) for source in (evidence, plain))
    assert page.tags.count("script") == 1
    assert read_script(FORMS[".html"](evidence)) == read_script(HTML)
    assert set(page.tags) == set(expected.tags)
    assert {attribute[:2] for attribute in page.attributes} == {attribute[:2] for attribute in expected.attributes}
    drawings = re.findall(r"<svg.*?</svg>", FORMS[".html"](evidence), re.DOTALL)
    assert drawings
    for drawing in drawings:
        assert {element.tag for element in ET.fromstring(drawing).iter()} == {
            f"{{http://www.w3.org/2000/svg}}{tag}" for tag in ("svg", "title", "desc", "rect", "path", "text")
        }


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_becomes_markdown(name):
    evidence = make_evidence(rename_all(PLAN, name), wrong=3)
    lines = FORMS[".md"](evidence).splitlines()
    fences = [index for index, line in enumerate(lines) if line.lstrip().startswith("```")]
    assert [lines[index] for index in fences] == ["```mermaid", "```"]
    text = [*lines[: fences[0]], *lines[fences[1] :]]
    assert not [line for line in text if re.search(r"(?<!\\)[<`]|(?<!\\)\]\(", line) and line != "```"]
    widths = {len(re.findall(r"(?<!\\)\|", line)) for line in text if line.startswith("| node | listener")}
    rows = [line for line in text if line.startswith("| a1 | proxy")]
    assert len(widths) == 1
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in rows} == widths
    drawing = lines[fences[0] + 2 : fences[1]]
    assert drawing
    for line in drawing:
        assert re.fullmatch(r"[\w\s.,:;()/+<>|\[\]{}\"#-]*", line)
        assert line.count('"') in (0, 2), line


@pytest.mark.parametrize("name", HOSTILE)
def test_junit_is_xml(name):
    suites = ET.fromstring(FORMS[".xml"](make_evidence(rename_all(PLAN, name), wrong=3, drift=DRIFT)))
    assert [suite.get("name") for suite in suites] == ["plan", "verification", "drift"]


def test_no_picture_that_exceeds_the_limits_of_mermaid():
    nodes = {f"n{index}": {"kong_address": f"10.0.0.{index + 1}", "kong_proxy_listen": [f"0.0.0.0:{9000 + index}", *(
        f"0.0.0.0:{9100 + port} {flag}" for port, flag in enumerate(("ssl", "http2", "proxy_protocol", "deferred")))],
        "kong_site": f"site {index}", "kong_flat_network": True, "kong_admin_listen": "0.0.0.0:8001",
        "kong_admin_sources": ["@kong"]} for index in range(30)}  # fmt: skip
    page = FORMS[".md"](Evidence(plan_fleet(nodes)))
    assert "```" not in page
    assert "too large for Mermaid" in page


def test_junit_counts_its_tests():
    suites = {suite.get("name"): suite for suite in ET.fromstring(FORMS[".xml"](ALL))}
    assert list(suites) == ["plan", "verification", "drift"]
    for suite in suites.values():
        assert int(suite.get("tests")) == len(suite.findall("testcase"))
        assert int(suite.get("failures")) == len(suite.findall("testcase/failure"))
        assert int(suite.get("skipped")) == len(suite.findall("testcase/skipped"))
    # Two connections, whose cause is unknown.
    assert suites["verification"].get("failures") == "1"
    assert suites["verification"].get("skipped") == str(len(list_probes_from(PLAN, "b1")))
    assert [case.get("name") for case in suites["drift"] if case.find("failure") is not None] == [
        f"firewall: {DRIFT['nodes']['a1']['firewall'][0]}"
    ]
    assert suites["plan"].get("failures") == "0"


def test_limits_of_a_verification_are_reported():
    whole = make_evidence(PLAN)
    part = Evidence(PLAN, verification={**whole.verification, "sampled": True, "placeholders": ["a1"]})
    for words in ("This is a sample", "on some ports instead of Kong, on</span> a1"):
        assert words in FORMS[".html"](part)
        assert words not in FORMS[".html"](whole)


@pytest.mark.parametrize("suffix", [".html", ".md"])
def test_forwards_of_gateways_without_a_test_are_listed_completely(suffix):
    names = [f"tcp 192.0.2.{number}:8005" for number in range(1, 9)]
    forwards = [("router", "0 of 8 from outside", {"outside": names}), ("spare", "1 of 1 from outside", {})]
    verification = {**make_evidence(PLAN).verification, "forwards": forwards}
    text = FORMS[suffix](Evidence(PLAN, verification=verification))
    for words in (
        "Forwards of router that were tested: 0 of 8 from outside.",
        "Forwards of spare that were tested: 1 of 1 from outside.",
        "Not tested from outside, because this run has no result of an allowed host there",
        *names,
    ):
        assert words in text


def test_difference_marks_its_arrow_and_its_port():
    evidence = make_evidence(PLAN)
    for outcome in evidence.verification["outcomes"]:
        if (outcome["from"], outcome["to"], outcome["listener"], outcome["protocol"]) == ("a1", "b1", "cluster", "udp"):
            outcome["result"] = "filtered"
    page = FORMS[".html"](evidence)
    assert "\N{BALLOT X} dials 192.168.10.5:9000" in page
    assert page.count("\N{BALLOT X} dials") == 1
    assert ">\N{BALLOT X} 1 result not as planned<" in page
    assert "\N{CHECK MARK} dials 192.168.10.11:7946" in page


def find_marks(plan, lines, node, outcomes=()):
    """Return the marks of a node's box, and of its rows by listener, for these lines of drift."""
    drift = {"nodes": {node: lines}, "not_checked": {}}
    fleet = add_verdicts(make_fleet(plan), outcomes, drift, plan)
    [box] = [box for site in fleet.sites for box in site.boxes if node in box.nodes]
    return box.marks, {row.listener: row.marks for row in box.rows if row.marks}


@pytest.mark.parametrize("part, line", [
    ("firewall", "tcp 8444 (admin): open to every source that other rules and the host's default do not drop (rule missing)"),
    ("firewall", "10.0.0.9 can reach tcp 8001 (admin), tcp 8444 (admin) and should not"),
    ("listeners", "admin: no process listens on 0.0.0.0:8001"),
    ("listeners", "admin_listen is off, planned 0.0.0.0:8001: KONG_ADMIN_LISTEN (/etc/kong/kong.env) overrides /etc/kong.conf"),
    ("settings", "/etc/kong/kong.conf: admin_listen_ssl is missing, planned 0.0.0.0:8444"),
])  # fmt: skip
def test_drift_marks_its_port_in_the_picture(part, line):
    assert find_marks(PLAN, {part: [line]}, "a1") == ((), {"admin": ("\N{BALLOT X} drift",)})


@pytest.mark.parametrize("part, line", [
    ("firewall", "tcp 80010 (other): has a rule that is not in the plan"),
    ("firewall", "the rules have another form than planned, with the same effect"),
    ("listeners", "Kong is not running: none of its 6 listeners is open"),
    ("settings", "/etc/kong/kong.conf: cluster_advertise is missing, planned 192.168.10.11:7946"),
])  # fmt: skip
def test_drift_of_no_planned_port_marks_the_node(part, line):
    assert find_marks(PLAN, {part: [line]}, "a1") == (("\N{BALLOT X} drift, see section Drift",), {})


def test_unauthenticated_admin_api_marks_its_port():
    outcomes = [outcome for outcome in make_evidence(PLAN).verification["outcomes"] if outcome["listener"] == "admin"]
    for outcome in outcomes:
        outcome["status"] = 200 if (outcome["to"], outcome["port"]) == ("a1", 8444) else 401
    assert find_marks(PLAN, {}, "a1", outcomes) == ((), {"admin": ("\N{BALLOT X} no authentication",)})
    assert find_marks(PLAN, {}, "a2", outcomes) == ((), {})


@pytest.mark.parametrize(("node", "mark"), [("n00", "drift (1 node)"), ("n02", "drift (1 node)"), ("n13", "drift")])
def test_mark_of_a_shared_box_has_the_number_of_its_nodes(node, mark):
    """The boxes have two nodes, eleven nodes and a single node."""
    clusters = ["two", "two", *["eleven"] * 11, "one"]
    plan = plan_fleet({
        f"n{index:02}": {"kong_address": f"10.0.0.{index + 1}", "kong_cluster": cluster}
        for index, cluster in enumerate(clusters)
    })  # fmt: skip
    line = "tcp 8000 (proxy): open to every source that other rules and the host's default do not drop (rule missing)"
    assert find_marks(plan, {"firewall": [line]}, node) == ((), {"proxy": (f"\N{BALLOT X} {mark}",)})


def test_warning_about_a_verification_without_a_blocked_connection():
    open_only = {"kong_admin_listen": "off", "kong_admin_gui_listen": "off", "kong_status_listen": "off"}
    plan = plan_fleet({f"n{index}": {"kong_address": f"10.0.0.{index}", **open_only} for index in (1, 2)})
    assert "No connection had to be blocked" in FORMS[".html"](make_evidence(plan))


@pytest.mark.parametrize("days, said", [(400, ""), (20, "20 days left"), (-1, "expired")])
def test_certificates_and_open_admin_apis_are_reported(days, said):
    evidence = make_evidence(PLAN)
    certificate = {"subject": "CN=<kong>", "not_after": "2027-01-01T00:00:00Z", "days_left": days}
    outcomes = [
        {**outcome, "certificate": certificate, "status": 200, "new": object} if outcome["port"] == 8444 else outcome
        for outcome in evidence.verification["outcomes"]
    ]
    text = FORMS[".md"](Evidence(PLAN, verification={"outcomes": outcomes}))
    assert f"| a1 | admin | 8444 | CN=\\<kong\\> | 2027-01-01 | {'**' * bool(said)}{said}{'**' * bool(said)} |" in text
    assert "**The Admin API of a1 answers without authentication: a2, admin, b1**" in text


def test_matrix_of_many_sources_is_by_site():
    plan = plan_fleet({f"n{index:02}": {"kong_address": f"10.0.0.{index + 1}"} for index in range(14)})
    page = FORMS[".md"](make_evidence(plan, wrong=1))
    assert "| nodes | listener | port | from site default |" in page
    assert "| n00, n02 to n13, 13 nodes | proxy | 8000/tcp | 13\N{MULTIPLICATION SIGN} open / open |" in page
    assert "13\N{MULTIPLICATION SIGN} open / open" in page


def test_equivalent_nodes_share_a_table_in_print():
    plan = plan_fleet({f"n{index:02}": {"kong_address": f"10.0.0.{index + 1}"} for index in range(14)})
    page = FORMS[".html"](Evidence(plan))
    tables = re.findall(r'<div class="block( screen-only)?">\n<h3 id="node-\d+">(.*?)</h3>', page)
    assert [name for hidden, name in tables if not hidden] == ["n00"]
    assert [name for hidden, name in tables if hidden] == [f"n{index:02}" for index in range(1, 14)]
    assert "Equivalent nodes, each with its own addresses (not in print): n01 to n13." in page
    assert ".screen-only { display: none; }" in page.partition("@media print")[2]
    assert "screen-only" not in HTML.partition("</style>")[2]


def test_report_of_the_same_plan_keeps_verification_and_drift():
    text = FORMS[".json"](ALL)
    assert read_kept_evidence(text, json.loads(json.dumps(PLAN))) == {
        "verification": json.loads(text)["verification"],
        "drift": DRIFT,
    }
    assert read_kept_evidence(text, {**PLAN, "findings": []}) == {}
    assert read_kept_evidence("no json", PLAN) == read_kept_evidence("[]", PLAN) == {}


def test_report_of_a_plan_is_reproducible():
    for form in FORMS.values():
        assert form(Evidence(PLAN)) == form(Evidence(json.loads(json.dumps(PLAN))))


FINDINGS = [
    {"severity": severity, "code": code, "hosts": ["n1", "n2"], "variable": "kong_x", "value": [1], "message": message}
    for severity, code, message in [
        ("error", "source-any", "kong_x: wide open"),
        ("error", "unheard-of", "kong_x: <b>"),
        ("warning", "source-no-path", "kong_x: no way"),
    ]
]


def format_refused(suffix):
    """Return the report of a refused plan."""
    return REFUSED_FORMS[suffix](FINDINGS)


def test_refused_plan_has_every_form():
    assert REFUSED_FORMS.keys() == FORMS.keys()


@pytest.mark.parametrize("suffix", [".html", ".md"])
def test_report_of_a_refused_plan_states_this_first_and_has_every_finding(suffix):
    text = (
        " ".join(Page(format_refused(suffix)).text) if suffix == ".html" else format_refused(suffix).replace("\\", "")
    )
    assert re.search(r"there is no plan\s.*plan\W+none: 2 errors.*There is no plan for this inventory", text, re.DOTALL)
    messages = [finding["message"] for finding in FINDINGS]
    for part in [*messages, *CODES["source-any"].format_plain(), *CODES["source-no-path"].format_plain()]:
        assert part in text, part


def test_page_of_a_refused_plan_has_no_picture_and_no_dead_links():
    page = Page(format_refused(".html"))
    ids = {value for _tag, name, value in page.attributes if name == "id"}
    links = {value for _tag, name, value in page.attributes if name == "href"}
    assert {link[1:] for link in links} <= ids
    assert {"#refused", "#findings", "#code-source-any", "#code-source-no-path"} <= links
    assert not {"svg", "b"} & set(page.tags)


def test_errors_of_a_refused_plan_are_failed_tests():
    [suite] = ET.fromstring(format_refused(".xml"))
    assert (suite.get("tests"), suite.get("failures")) == ("3", "2")
    assert [case.get("name") for case in suite] == [finding["message"] for finding in FINDINGS]


def test_json_of_a_refused_plan_has_only_findings():
    text = format_refused(".json")
    assert (json.loads(text)["plan"], json.loads(text)["findings"]) == (None, FINDINGS)
    assert json.loads(text).keys() - {"findings"} == Evidence(PLAN).as_dict().keys()
    assert read_kept_evidence(text, PLAN) == {}


def test_json_has_each_part_of_the_evidence_by_its_name():
    evidence = Evidence(PLAN, {"outcomes": []}, {"nodes": {}}, [], Origin("f", "now", "1.0", "i"), {"problems": []})
    assert evidence.as_dict() == {
        "format": 1,
        "plan": PLAN,
        "verification": {"outcomes": []},
        "drift": {"nodes": {}},
        "changes": [],
        "origin": {"fleet": "f", "at": "now", "version": "1.0", "inventory": "i", "commit": ""},
        "staged": {"problems": []},
    }


def compute_contrast(first, second):
    """Return the contrast of two colours as defined by WCAG 2.1."""

    def compute_luminance(colour):
        parts = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
        red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    dark, light = sorted((compute_luminance(first), compute_luminance(second)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [0, 1])
def test_text_is_legible_in_both_themes(theme):
    blocks = re.findall(r":root \{(.*?)\}", HTML, re.DOTALL)
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", blocks[theme]))
    grounds = ("page", "panel", "node", "port", "closed", "caller", "anyone", "device")
    for ink, behind in [
        *(("ink", ground) for ground in grounds),
        *(("soft", ground) for ground in ("page", "panel", "node", "closed", "caller", "device")),
        *((ink, ground) for ink in ("link", "good", "bad", "warn") for ground in ("page", "panel")),
    ]:
        assert compute_contrast(colours[ink], colours[behind]) >= 4.5, (ink, behind)
    for line, behind in [("flow", "page"), ("flow", "panel")]:
        assert compute_contrast(colours[line], colours[behind]) >= 3, (line, behind)


def test_staged_nodes_are_in_the_summary_and_share_no_table_with_enforced_nodes():
    nodes = {f"n{number}": {"kong_version": "3.9", "kong_address": f"10.0.0.{number}"} for number in range(1, 15)}
    nodes["n3"]["kong_firewall_state"] = "staged"
    plan = plan_fleet(nodes)
    assert [[node.name for node in group] for group in group_nodes(plan)][1] == ["n3"]
    text = FORMS[".md"](Evidence(plan))
    assert "1 node drops nothing" in text
    assert "packets of other sources: pass (staged), counted for 14 days" in text
    boxes = [box for site in make_fleet(plan).sites for box in site.boxes]
    assert ["staged: drops nothing" in box.about for box in boxes] == ["n3" in box.nodes for box in boxes]
    note = "A staged node drops and accepts nothing"
    assert note in text
    assert note in FORMS[".html"](Evidence(plan))
    assert "staged" not in HTML


def list_rows(page, title):
    """Return the rows of a table in Markdown, each as a list of its cells."""
    table = page.partition(f"### {title}\n")[2].partition("\n#")[0]
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line.startswith("|")
    ][2:]


def test_ports_and_forwards_with_the_same_paths_share_a_row():
    listen = "0.0.0.0:8000, 0.0.0.0:8443 ssl, 10.1.0.1:9000, 0.0.0.0:9443"
    ports = [{"outside_port": number - 7000, "inside_port": number} for number in (8000, 8443, 9000)]
    node = {"kong_version": "3.9", "kong_site": "lan", "kong_address": "10.1.0.1", "kong_proxy_listen": listen,
            "kong_nat": [{"device": "fw", "outside": "198.51.100.1", **port} for port in ports]}  # fmt: skip
    page = FORMS[".md"](Evidence(plan_fleet({"a": node})))
    rows = list_rows(page, "a")
    assert [(port, address, dials) for _listener, port, address, _sources, dials, *_path in rows[:5]] == [
        ("8000/tcp, 8443/tcp ssl", "0.0.0.0", "10.1.0.1:8000, :8443"),
        ("", "", "198.51.100.1:1000, :1443"),
        ("9000/tcp", "10.1.0.1", "10.1.0.1:9000"),
        ("", "", "198.51.100.1:2000"),
        ("9443/tcp", "0.0.0.0", "10.1.0.1:9443"),
    ]
    outside = "198.51.100.1:1000, :1443, :2000"
    assert list_rows(page, "fw") == [[outside, "tcp", "10.1.0.1:8000, :8443, :9000", "a", "proxy", "anyone", "no"]]


@pytest.mark.parametrize("count", [4, 5])
def test_many_networks_share_an_arrow(count):
    networks = [f"192.0.2.{number}" for number in range(count)]
    node = {**SEED_NODES["a1"], "kong_admin_sources": networks}
    [row] = [row for row in make_fleet(plan_fleet({"a1": node})).sites[0].boxes[0].rows if row.listener == "admin"]
    assert [flow.label for flow in row.flows] == (networks if count == 4 else ["5 networks"])
    assert [source for flow in row.flows for source in flow.sources] == [f"{network}/32" for network in networks]
