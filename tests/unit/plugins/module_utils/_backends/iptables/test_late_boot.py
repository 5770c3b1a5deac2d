# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The boot script of the accept rule without its anchor, its unit and its hooks."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.iptables.late_boot import (
    UNIT_PARTS,
    make_plugins,
    make_unit,
    render_script,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.iptables.late_place import Place
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host

RULE = "-m mark --mark 0x10000000/0x10000000 -m comment --comment gatehouse.kong -j ACCEPT"
QUOTED = RULE.replace("gatehouse.kong", '"gatehouse.kong"')
ADMIN = Place("ADMIN", 1, '-A ADMIN -m comment --comment "the rest" -j DROP')


def run_script(tmp_path, places, *listed, options=()):
    """Return the lines that the script loads for IPv4, and the options of iptables-restore."""
    text = "\n".join(["*filter", ":INPUT ACCEPT [0:0]", *listed, "COMMIT", ""])
    (tmp_path / "listed").write_bytes(text.encode("utf-8", "surrogateescape"))
    texts = {"four-save": "cat listed", "four-restore": 'cat > loaded; echo "$*" > options',
             "six-save": "true", "six-restore": "cat > /dev/null"}  # fmt: skip
    for name, text in texts.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    script = render_script({"ipv4": places}, {"ipv4": "./four", "ipv6": "./six"})
    argv = [shutil.which("sh"), "-s", "--", *options]
    subprocess.run(argv, input=script.encode("utf-8", "surrogateescape"), cwd=tmp_path, check=True)
    loaded = (tmp_path / "loaded").read_text().splitlines()
    assert (loaded[0], loaded[-1]) == ("*filter", "COMMIT")
    return loaded[1:-1], (tmp_path / "options").read_text().split()


def test_the_rule_is_moved_in_one_transaction(tmp_path):
    listed = (f"-A INPUT {QUOTED}", ":ADMIN - [0:0]", "-A ADMIN -p tcp -j ACCEPT", ADMIN.anchor, f"-A ADMIN {QUOTED}")
    found, options = run_script(tmp_path, [ADMIN], *listed)
    assert found == [f"-D INPUT {QUOTED}", f"-D ADMIN {QUOTED}", f"-I ADMIN 2 {RULE}"]
    assert options == ["--wait", "10", "--noflush"]


def test_a_check_loads_nothing(tmp_path):
    assert run_script(tmp_path, [], options=["--test"])[1] == ["--wait", "10", "--noflush", "--test"]


def test_without_places_the_rule_is_removed(tmp_path):
    assert run_script(tmp_path, [], f"-A INPUT {QUOTED}", "-A INPUT -j DROP")[0] == [f"-D INPUT {QUOTED}"]


# The host loaded other rules, and the recorded anchor is not among them.
LOST = {
    "first default of INPUT": (
        ("-A INPUT -s 10.0.0.9/32 -j DROP", "-A INPUT -p tcp -m tcp --dport 25 -j DROP", "-A INPUT -i wan -j DROP", "-A INPUT -j LOG",
         "-A INPUT ! -i lo -p tcp -m conntrack --ctstate NEW -j REJECT --reject-with tcp-reset", "-A INPUT -j DROP"),
        f"-I INPUT 4 {RULE}",
    ),
    "a ban with a comment is not a default": (
        ('-A INPUT -m comment --comment "-j DROP" -m set --match-set bans src -j DROP',
         '-A INPUT -m comment --comment "all the rest" -j DROP'),
        f"-I INPUT 2 {RULE}",
    ),
    "no default": (("-A INPUT -s 10.0.0.9/32 -j DROP",), f"-A INPUT {RULE}"),
    "no rule": ((), f"-A INPUT {RULE}"),
    "the chain is present, its end is missing": (
        (":ADMIN - [0:0]", "-A INPUT -j ADMIN", "-A ADMIN -s 10.0.0.9/32 -j DROP"), f"-A INPUT {RULE}"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LOST)
def test_the_place_without_the_anchor(tmp_path, name):
    listed, expected = LOST[name]
    assert run_script(tmp_path, [ADMIN], *listed)[0] == [expected]


@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_an_anchor_with_bytes_that_are_not_utf8(tmp_path, monkeypatch, locale):
    """Other rules differ in a byte, or contain the escape sequence as text."""
    monkeypatch.setenv("LC_ALL", locale)
    rule = '-A INPUT -m comment --comment "caf{} ü" -j DROP'
    listed = [rule.format(text) for text in ("\udce8", r"\\xe9", "e", "\udce9", "\udce9\udce9")]
    anchor = Place("INPUT", 3, rule.format(r"\xe9"))
    assert run_script(tmp_path, [anchor], *listed)[0] == [f"-I INPUT 4 {RULE}"]
    assert run_script(tmp_path, [Place("INPUT", 1, rule.format(r"\\xe9"))], *listed)[0] == [f"-I INPUT 2 {RULE}"]


def test_an_anchor_with_a_line_break_is_not_recorded(tmp_path):
    odd = Place("INPUT", 0, '-A INPUT -m comment --comment "a\nIPV4\nb" -j DROP')
    assert run_script(tmp_path, [odd], "-A INPUT -j ACCEPT")[0] == [f"-A INPUT {RULE}"]


def test_unit_and_drop_ins():
    assert UNIT_PARTS.path == "/etc/systemd/system/gatehouse-kong-accept.service"
    assert UNIT_PARTS.file == "/etc/gatehouse_kong_accept/accept.sh"
    assert UNIT_PARTS.link == "/etc/systemd/system/multi-user.target.wants/gatehouse-kong-accept.service"
    drop_in = UNIT_PARTS.unit_files["/etc/systemd/system/iptables.service.d/gatehouse-kong-accept.conf"]
    assert drop_in.splitlines()[1:] == [
        "[Service]",
        "ExecStartPost=-/bin/sh /etc/gatehouse_kong_accept/accept.sh",
        "ExecReload=-/bin/sh /etc/gatehouse_kong_accept/accept.sh",
    ]
    assert UNIT_PARTS.unit_files["/etc/systemd/system/ip6tables.service.d/gatehouse-kong-accept.conf"] == drop_in


EARLY, LATE = "/etc/gatehouse_kong_iptables/load.sh", "/etc/gatehouse_kong_accept/accept.sh"
RUNS = {
    ("90-gatehouse-kong", "start", True): ["load.sh", "accept.sh"],
    ("90-gatehouse-kong", "start", False): ["accept.sh"],
    ("90-gatehouse-kong", "flush", True): ["load.sh", "accept.sh"],
    ("90-gatehouse-kong", "save", True): [],
    ("05-gatehouse-kong", "start", True): ["load.sh sets"],
    ("05-gatehouse-kong", "start", False): [],
    ("05-gatehouse-kong", "flush", True): [],
}


@pytest.mark.parametrize("case", RUNS, ids=lambda case: " ".join(map(str, case)))
def test_the_commands_of_a_plugin(tmp_path, case):
    name, action, with_early = case
    host = HostWithoutNft(tmp_path)
    host.locate("/usr/share/netfilter-persistent/plugins.d").mkdir(parents=True)
    for path in (EARLY, LATE) if with_early else (LATE,):
        host.write(path, 'echo "${0##*/}${1:+ $1}"', 0o600)
    text = make_plugins(host)[f"/usr/share/netfilter-persistent/plugins.d/{name}"]
    for path in (EARLY, LATE):
        assert path in text or name.startswith("05")
        text = text.replace(path, str(host.locate(path)))
    (tmp_path / "plugin").write_text(text)
    done = subprocess.run([shutil.which("sh"), tmp_path / "plugin", action], capture_output=True, text=True, check=True)
    assert (done.stdout.splitlines(), done.stderr) == (RUNS[case], "")


class HostWithoutNft(Host):
    def which(self, program):
        return None if program == "nft" else super().which(program)


def test_hooks_of_a_host(tmp_path):
    """Expect a plugin if netfilter-persistent is installed, otherwise drop-ins; a plugin for sets if nft is missing."""
    folder = "/usr/share/netfilter-persistent/plugins.d"
    for host in (HostWithNft(tmp_path), HostWithoutNft(tmp_path)):
        assert make_plugins(host) == dict.fromkeys(
            [f"{folder}/90-gatehouse-kong", f"{folder}/05-gatehouse-kong", *IFUP_SCRIPTS]
        )
        assert [unit for unit, _text in make_unit(host).drop_ins] == ["iptables.service", "ip6tables.service"]
    host.locate(folder).mkdir(parents=True)
    assert [path for path, text in make_plugins(HostWithNft(tmp_path)).items() if text] == [
        f"{folder}/90-gatehouse-kong"
    ]
    assert [path for path, text in make_plugins(HostWithoutNft(tmp_path)).items() if text] == [
        f"{folder}/90-gatehouse-kong",
        f"{folder}/05-gatehouse-kong",
    ]
    assert make_unit(host).drop_ins == ()


LOADERS = ("gatehouse-kong-rollback.service netfilter-persistent.service iptables.service ip6tables.service"
           " networking.service")  # fmt: skip
UNITS = {
    "/etc/systemd/system/own.service": ("ExecStart=/sbin/iptables-restore /etc/own.rules", " own.service"),
    "/etc/systemd/system/other.service": ("ExecStart=/sbin/iptables-save", ""),
    "/etc/systemd/system/last.service": (
        "After=network.target multi-user.target\nExecStart=iptables-restore /root/last",
        "",
    ),
    "/etc/rc.local": ("iptables-restore < /etc/own.rules", " rc-local.service"),
    "/etc/network/if-up.d/rules": ("iptables-restore < /etc/own.rules", ""),
}


@pytest.mark.parametrize("path", UNITS)
def test_the_unit_runs_after_the_units_that_load_saved_rules(tmp_path, path):
    host = HostWithNft(tmp_path)
    assert f"\nAfter={LOADERS}\n" in make_unit(host).text
    text, after = UNITS[path]
    host.write(path, text, 0o644)
    assert f"\nAfter={LOADERS}{after}\n" in make_unit(host).text


def test_without_nft_the_unit_loads_the_early_part_as_well(tmp_path):
    lines = make_unit(HostWithoutNft(tmp_path)).text.splitlines()
    assert [line for line in lines if EARLY in line] == [
        f"ExecStartPost=-/bin/sh {EARLY}",
        f"ExecReload=-/bin/sh {EARLY}",
    ]
    assert EARLY not in make_unit(HostWithNft(tmp_path)).text


IFUP_SCRIPTS = ["/etc/network/if-pre-up.d/zz-gatehouse-kong", "/etc/network/if-up.d/zz-gatehouse-kong"]


@pytest.mark.parametrize("place", ["interfaces", "interfaces.d/eth0", "if-pre-up.d/rules", "if-up.d/rules"])
def test_a_host_on_which_ifup_restores_saved_rules_has_scripts_for_ifup(tmp_path, place):
    host = HostWithNft(tmp_path)
    host.write("/etc/rc.local", "iptables-restore < /root/own.rules", 0o755)
    assert [path for path, text in make_plugins(host).items() if text] == []
    host.write(f"/etc/network/{place}", "iptables-restore < /root/own.rules", 0o755)
    assert [path for path, text in make_plugins(host).items() if text] == IFUP_SCRIPTS


@pytest.mark.parametrize("with_early", [False, True])
@pytest.mark.parametrize("status", [0, 1])
@pytest.mark.parametrize("script", IFUP_SCRIPTS)
def test_the_script_for_ifup_loads_our_rules_and_always_succeeds(tmp_path, script, status, with_early):
    host = HostWithNft(tmp_path)
    host.write("/etc/network/interfaces", "pre-up iptables-restore < /root/own.rules", 0o644)
    text = make_plugins(host)[script]
    for path in (EARLY, LATE):
        assert path in text
        text = text.replace(path, str(host.locate(path)))
    for path in (EARLY, LATE) if with_early else (LATE,):
        host.write(path, f'echo "${{0##*/}}"; exit {status}', 0o600)
    done = subprocess.run([shutil.which("sh"), "-c", text], capture_output=True, text=True, check=True)
    assert (done.stdout.split(), done.stderr) == (["load.sh"] * with_early + ["accept.sh"], "")


class HostWithNft(Host):
    def which(self, program):
        return "/usr/sbin/nft" if program == "nft" else super().which(program)
