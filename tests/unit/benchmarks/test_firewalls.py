# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report of the firewall benchmark, and the equivalence of the compared ways."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def benchmarks(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    yield
    for name in ("document", "firewalls", "firewalls_report", "fleet", "measure", "packets", "report", "run", "ways"):
        sys.modules.pop(name, None)


def make_timing(way, host, peers, *rounds):
    """Return a timing; each round has the seconds of a first run, its tasks, an unchanged run and its tasks.

    A fifth number is the ratio of the unchanged run to a ping.
    """
    from firewalls import Round, Timing  # noqa: PLC0415

    several = rounds if isinstance(rounds[0], tuple) else (rounds,)
    return Timing(way, host, peers, tuple(Round(*times, *[1.0] * (5 - len(times))) for times in several))


def make_timings(seconds):
    return [
        make_timing("kong_firewall", "firewalld", 200, seconds, 1.0, 2.0, 0.5),
        make_timing("copy, nft -f", "nftables", 200, 2.0, 1.0, 2.0, 0.5),
    ]


@pytest.mark.parametrize("seconds, failed", [(3.1, 0), (3.3, 1)])
def test_the_bar_is_a_ratio_to_the_floor(seconds, failed):
    import firewalls_report  # noqa: PLC0415

    assert len(firewalls_report.list_failures(make_timings(seconds))) == failed
    assert f"{seconds / 2:.2f}" in firewalls_report.render_markdown(make_timings(seconds))


@pytest.mark.parametrize(
    ("missed", "expected"),
    [([], "A table\n"), (["slow"], "A table\n\nThis measurement misses these bars:\n\n- slow\n")],
)
def test_the_page_has_the_missed_bars(missed, expected):
    import run  # noqa: PLC0415

    sections = {}
    assert run._add(sections, "packets", "A table\n", missed) == missed
    assert sections == {"packets": expected}


def test_ratios_are_those_within_a_round():
    """The machine is three times as slow in the second round, and in the middle of the third round."""
    module = make_timing("kong_firewall", "ufw", 200, (1.2, 1.0, 0.8, 0.4), (3.6, 3.0, 2.4, 1.2), (3.6, 3.0, 2.4, 1.2))
    floor = make_timing(
        "copy, nft -f", "nftables", 200, (1.0, 0.9, 1.0, 0.5), (3.0, 2.7, 3.0, 1.5), (1.0, 0.9, 1.0, 0.5)
    )
    assert (round(module.compute_ratio(floor, "first"), 3), round(module.compute_ratio(floor, "again"), 3)) == (
        1.2,
        0.8,
    )
    assert (module.compute_seconds("first"), floor.compute_seconds("first")) == (3.6, 1.0)


def test_a_loop_of_one_round_is_compared_with_the_median_of_the_floor():
    import firewalls_report  # noqa: PLC0415

    floor = make_timing("copy, nft -f", "nftables", 50, *[(seconds, 1.0, 2.0, 1.0) for seconds in (1.0, 2.0, 9.0)])
    table = firewalls_report.format_table(
        [make_timing("ansible.posix.firewalld", "firewalld", 50, 30.0, 29.0, 20.0, 19.0), floor]
    )
    assert table.splitlines()[1].split()[-3:] == ["15.00", "10.00", "1.00"]


@pytest.mark.parametrize(
    "first, to_ping, failed",
    [(1.25, 1.45, []), (1.35, 1.45, ["1.35 times that for 10,"]), (1.25, 1.55, ["1.55 times a ping"])],
)
def test_a_first_run_with_many_peers_and_an_unchanged_run_have_bars(first, to_ping, failed):
    import firewalls_report  # noqa: PLC0415

    measured = [
        make_timing("kong_firewall", "ufw", 10, 1.0, 0.5, 1.0, 0.4, 9.0),
        make_timing("kong_firewall", "ufw", 500, first, 0.5, 1.0, 0.4, to_ping),
    ]
    found = firewalls_report.list_failures(measured)
    assert len(found) == len(failed)
    assert all(text in line for text, line in zip(failed, found, strict=True))


def test_an_unchanged_run_is_compared_with_the_ping_just_before_it():
    """The machine is three times as slow in the second turn, and the fastest unchanged run counts."""
    import firewalls  # noqa: PLC0415
    from ways import WAYS  # noqa: PLC0415

    class Runner:
        seconds = iter([4.0, 1.0, 1.2, 3.0, 3.6, 1.0, 1.5])

        def run(self, _host, _tasks):
            return next(self.seconds), 0.5

        def undo(self, _way):
            pass

    found = firewalls._measure_round(Runner(), WAYS[0], 10)
    assert found == firewalls.Round(4.0, 0.5, 1.2, 0.5, pytest.approx(1.2))


@pytest.mark.parametrize("seconds, failed", [(14.9, 0), (15.1, 1)])
def test_a_run_with_5000_sources_takes_at_most_15_seconds(seconds, failed):
    import firewalls_report  # noqa: PLC0415
    from ways import LARGE_NAME  # noqa: PLC0415

    measured = [make_timing(LARGE_NAME, "ufw", 5_000, seconds, 0.5, 1.0, 0.4)]
    assert len(firewalls_report.list_failures(measured)) == failed


def test_the_large_ruleset_allows_5000_sources_at_6_ports():
    from ways import LARGE_SOURCES, make_large_ruleset, make_peers  # noqa: PLC0415

    data = make_large_ruleset(make_peers(LARGE_SOURCES))
    assert len(set(data["sets"]["sources"]["ipv4"])) == 5_000
    assert len({entry["port"] for entry in data["allow"]}) == 6


def test_ratios_of_packets_are_those_of_neighbouring_slices():
    from packets import compute_cost  # noqa: PLC0415

    # The machine was busy during the second slice, and in the third slice only while the server without rules answered.
    cost = compute_cost(
        "nftables",
        10,
        [[(900.0, 11.0), (1000.0, 10.0)], [(90.0, 110.0), (100.0, 100.0)], [(900.0, 11.0), (10.0, 99.0)]],
    )
    assert (cost.rate, cost.bare_rate, cost.trip, cost.bare_trip) == (900, 100, 11, 99)
    assert (round(cost.share, 3), round(cost.longer, 3)) == (0.9, 1.1)


def test_only_one_of_two_staged_servers_counts_the_client(monkeypatch):
    import packets  # noqa: PLC0415

    loaded = []
    monkeypatch.setattr(packets, "_run_at", lambda name, words, text="": loaded.append((name, words, text)))
    packets._load_counting(1_000)
    (counted, _words, first), (bare, _same, second) = loaded
    assert (counted, bare) == (packets._RULES, packets._BARE)
    assert first != second == first.replace("10.98.0.2", "10.99.1.2")
    assert "update @" in first


@pytest.mark.parametrize(
    ("system", "share", "longer", "failed"),
    [
        ("nftables", 0.81, 1.24, 0),
        ("nftables", 0.79, 1.0, 1),
        ("nftables", 0.9, 1.26, 1),
        ("copy, nft -f", 0.7, 2.0, 0),
        ("staged, counted", 0.98, 1.0, 0),
        ("staged, counted", 0.96, 1.0, 1),
    ],
)
def test_the_cost_of_rules_for_a_packet_has_bars(system, share, longer, failed):
    import firewalls_report  # noqa: PLC0415
    from packets import Cost  # noqa: PLC0415

    measured = [Cost(system, 1000, 1.0, 1.0, share, 1.0, 1.0, longer)]
    assert len(firewalls_report.list_packet_failures(measured)) == failed


def test_every_way_opens_each_port_to_each_peer():
    from ways import WAYS, make_peers  # noqa: PLC0415

    peers = make_peers(200)
    assert len(set(peers)) == 200
    for way in WAYS:
        # Whole addresses, because 10.0.0.1 is also a part of the text 10.0.0.11.
        named = set(re.findall(r"[0-9]+(?:\.[0-9]+){3}", str(way.tasks(peers))))
        assert set(peers) - named == set(), way.name


def test_only_measured_parts_are_replaced(tmp_path, monkeypatch):
    import document  # noqa: PLC0415

    monkeypatch.setattr(document, "DOCUMENT", tmp_path / "benchmarks.md")
    document.write({"fleets": "one", "packets": "two"}, ("fleets", "packets"))
    document.write({"packets": "three"}, ("fleets", "packets"))
    text = (tmp_path / "benchmarks.md").read_text()
    assert [word in text for word in ("one", "two", "three")] == [True, False, True]
    assert text.count("Measured on") == 2
