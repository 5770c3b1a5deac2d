# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measure kong_plan on large fleets, kong_firewall and other ways to open ports, the cost of its rules, and the playbooks.

Bars are mostly ratios within a run and not times, because machines differ and do other work at the same time.
"""

from __future__ import annotations

import argparse
import sys

import document
import firewalls
import firewalls_report
import packets
import report
import site_runs
import sites
from fleet import SITE_KINDS, STYLES
from measure import Measurement, measure

SIZES = (100, 1000, 5000)
SITES = (500, 1000)
REPORT_SITES = (250, 1000)
PEERS = (10, 50, 200, 500)
MOST_LOOPED = 50
NODES = 40
PARTS = ("fleets", "firewalls", "packets", "site")


def main() -> int:
    arguments = _parse_arguments()
    sections: dict[str, str] = {}
    failed: list[str] = []
    if "fleets" in arguments.what:
        fleets = _measure_fleets(arguments)
        print(report.format_table(fleets), flush=True)
        costs_of_sites = [sites.measure(nodes, kind) for kind in SITE_KINDS for nodes in arguments.report_sites]
        print(sites.format_table(costs_of_sites), flush=True)
        page = f"{report.render_markdown(fleets)}\n{sites.render_markdown(costs_of_sites)}"
        failed += _add(sections, "fleets", page, report.list_failures(fleets) + sites.list_failures(costs_of_sites))
    if "firewalls" in arguments.what:
        timings = firewalls.measure(arguments.peers, arguments.repetitions, arguments.looped)
        print(firewalls_report.format_table(timings), flush=True)
        failed += _add(
            sections, "firewalls", firewalls_report.render_markdown(timings), firewalls_report.list_failures(timings)
        )
    if "packets" in arguments.what:
        costs = packets.measure(arguments.repetitions)
        print(firewalls_report.format_packet_table(costs))
        missed = firewalls_report.list_packet_failures(costs)
        failed += _add(sections, "packets", firewalls_report.render_packet_markdown(costs), missed)
    if "site" in arguments.what:
        runs = site_runs.measure(arguments.site_nodes, arguments.repetitions)
        print(site_runs.format_table(runs), flush=True)
        page = site_runs.render_markdown(runs, arguments.site_nodes)
        failed += _add(sections, "site", page, site_runs.list_failures(runs))
    print("\n".join(["", *failed, "FAIL" if failed else "PASS"]))
    if arguments.write:
        document.write(sections, PARTS)
    return 1 if failed else 0


def _add(sections: dict[str, str], part: str, text: str, missed: list[str]) -> list[str]:
    """Add the documentation of a part, with the bars that it misses, and return these."""
    lines = "".join(f"- {line}\n" for line in missed)
    sections[part] = f"{text}\nThis measurement misses these bars:\n\n{lines}" if missed else text
    return missed


def _measure_fleets(arguments: argparse.Namespace) -> list[Measurement]:
    wanted = [(nodes, style) for style in arguments.style for nodes in arguments.nodes]
    wanted += [(nodes, kind) for kind in SITE_KINDS for nodes in arguments.sites]
    measured = []
    for nodes, style in wanted:
        print(f"{nodes} nodes, {style} ...", file=sys.stderr, flush=True)
        measured.append(measure(nodes, style, max(2, arguments.repetitions)))
    return measured


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Measure the compiler, the firewall, and the cost of its rules for a packet."
    )
    parser.add_argument(
        "what",
        choices=[[], *PARTS],
        nargs="*",
        metavar="PART",
        help="fleets, firewalls, packets, site; default all of them",
    )
    parser.add_argument("--nodes", type=int, nargs="+", default=SIZES, help="sizes of the fleets")
    parser.add_argument("--sites", type=int, nargs="*", default=SITES, help="numbers of sites with one node each")
    parser.add_argument(
        "--report-sites", type=int, nargs="*", default=REPORT_SITES, help="numbers of sites for samples and reports"
    )
    parser.add_argument("--style", choices=STYLES, nargs="+", default=STYLES, help="how the inventory is written")
    parser.add_argument("--peers", type=int, nargs="+", default=PEERS, help="numbers of peers of the firewall's node")
    parser.add_argument(
        "--looped",
        type=int,
        default=MOST_LOOPED,
        help="most peers for looped modules, which take 20 minutes more for 200 peers",
    )
    parser.add_argument("--site-nodes", type=int, default=NODES, help="number of nodes of the lab for the playbooks")
    parser.add_argument("--repetitions", type=int, default=3, help="number of measurements of each value; at least 2")
    parser.add_argument("--write", action="store_true", help="write the parts into docs/benchmarks.md")
    arguments = parser.parse_args()
    arguments.what = arguments.what or PARTS
    return arguments


if __name__ == "__main__":
    sys.exit(main())
