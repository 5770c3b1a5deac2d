# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The variant of iptables on a host, and rules of the other variant."""

from __future__ import annotations

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.iptables_programs import (
    find_program,
    list_families,
    read_variant,
    refuse_mixture,
    require_programs,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_tables import has_iptables_nft

BOTH = ("iptables", "ip6tables")


class FakeHost:
    """A host with a list of programs, files below a temporary directory, and outputs of commands."""

    def __init__(self, root, programs=(), outputs=(), nft_rules=False):
        self.root = root
        self.programs = {name: f"/opt/sbin/{name}" for name in programs}
        self.outputs = dict(outputs)
        self.nft_rules = nft_rules
        self.ran = []

    def locate(self, path):
        return self.root / path.lstrip("/")

    def read(self, path):
        return self.locate(path).read_text() if self.locate(path).exists() else None

    def which(self, name):
        return self.programs.get(name.rpartition("/")[2])

    def run(self, *argv):
        self.ran.append(argv)
        return self.outputs[argv]

    def call(self, function):
        assert function is has_iptables_nft
        return self.nft_rules

    def write(self, path, text):
        self.locate(path).parent.mkdir(parents=True, exist_ok=True)
        self.locate(path).write_text(text)


def complete(*names):
    return [f"{name}{suffix}" for name in names for suffix in ("", "-save", "-restore")]


@pytest.mark.parametrize(
    ("output", "variant"),
    [("iptables v1.8.9 (nf_tables)", "nft"), ("iptables v1.8.9 (legacy)", "legacy"), ("iptables v1.6.1", "legacy")],
)
def test_the_variant_in_the_output_of_iptables(tmp_path, output, variant):
    host = FakeHost(tmp_path, ["iptables"], {("iptables", "-V"): output})
    assert read_variant(host) == variant
    assert host.ran == [("iptables", "-V")]


@pytest.mark.parametrize("variant", ["nft", "legacy"])
def test_the_variant_in_the_target_of_the_link(tmp_path, variant):
    (tmp_path / f"xtables-{variant}-multi").touch()
    (tmp_path / "iptables").symlink_to(tmp_path / f"xtables-{variant}-multi")
    host = FakeHost(tmp_path)
    host.programs["iptables"] = str(tmp_path / "iptables")
    assert read_variant(host) == variant
    assert host.ran == []


def test_a_host_without_iptables(tmp_path):
    with pytest.raises(HostError, match="iptables is not installed on this host: install the package iptables"):
        read_variant(FakeHost(tmp_path))


@pytest.mark.parametrize(
    ("programs", "expected"),
    [
        (complete("ip6tables", "ip6tables-nft", "ip6tables-legacy"), "/opt/sbin/ip6tables-nft"),
        (complete("ip6tables", "ip6tables-legacy"), "/opt/sbin/ip6tables"),
        (["ip6tables-nft", "ip6tables-nft-save", *complete("ip6tables")], "/opt/sbin/ip6tables"),
        (["ip6tables-nft-restore", *complete("ip6tables")], "/opt/sbin/ip6tables"),
        ([], "/usr/sbin/ip6tables-nft"),
    ],
)
def test_the_program_of_a_variant(tmp_path, programs, expected):
    assert find_program(FakeHost(tmp_path, programs), "ipv6", "nft") == expected


def test_both_families_are_needed_if_the_kernel_has_both(tmp_path):
    host = FakeHost(tmp_path, complete("iptables-legacy"))
    assert list_families(host) == ("ipv4",)
    require_programs(host, "legacy")
    host.write("/proc/net/if_inet6", "")
    assert list_families(host) == ("ipv4", "ipv6")
    with pytest.raises(
        HostError,
        match=r"^/usr/sbin/ip6tables-legacy-restore is missing on this host, so its ipv6 packets would not be filtered\. Install it",
    ):
        require_programs(host, "legacy")


EMPTY = "*filter\n:INPUT ACCEPT [0:0]\n:mine - [0:0]\nCOMMIT\n"


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        (EMPTY, False),
        (EMPTY.replace("COMMIT", "-A INPUT -j DROP\nCOMMIT"), True),
        (EMPTY.replace("INPUT ACCEPT", "INPUT DROP"), True),
    ],
)
@pytest.mark.parametrize("family", BOTH)
def test_rules_of_the_other_variant(tmp_path, family, text, refused):
    saved = {(f"{name}-legacy-save",): text if name == family else EMPTY for name in BOTH}
    host = FakeHost(tmp_path, [words[0] for words in saved], saved)
    refuse_mixture(host, "nft")
    assert host.ran == []  # no table of the other variant is loaded
    host.write("/proc/net/ip_tables_names", "filter\n")
    host.write("/proc/net/ip6_tables_names", "filter\n")
    if refused:
        with pytest.raises(HostError, match=f"rules of {family}-legacy are loaded too"):
            refuse_mixture(host, "nft")
    else:
        refuse_mixture(host, "nft")
        assert host.ran == [("iptables-legacy-save",), ("ip6tables-legacy-save",)]


def test_rules_of_iptables_nft_on_a_host_with_the_legacy_variant(tmp_path):
    saved = {("iptables-nft-save",): EMPTY.replace("INPUT ACCEPT", "INPUT DROP")}
    host = FakeHost(tmp_path, ["iptables-nft-save"], saved)
    refuse_mixture(host, "legacy")
    assert host.ran == []
    host.nft_rules = True
    with pytest.raises(HostError, match="this host uses iptables-legacy, but rules of iptables-nft are loaded too"):
        refuse_mixture(host, "legacy")
    host.programs.clear()
    refuse_mixture(host, "legacy")


@pytest.mark.parametrize("variant", ["nft", "legacy"])
def test_the_general_name_is_used_if_it_belongs_to_the_variant(tmp_path, variant):
    """A script that keeps the path uses the other variant after the host changed to it."""
    names = complete("ip6tables", f"ip6tables-{variant}")
    host = FakeHost(tmp_path, names)
    host.programs = {name: str(tmp_path / name) for name in names}
    (tmp_path / "ip6tables").symlink_to(tmp_path / "xtables-nft-multi")
    expected = "ip6tables" if variant == "nft" else "ip6tables-legacy"
    assert find_program(host, "ipv6", variant) == str(tmp_path / expected)
    del host.programs["ip6tables-restore"]
    assert find_program(host, "ipv6", variant) == str(tmp_path / f"ip6tables-{variant}")
