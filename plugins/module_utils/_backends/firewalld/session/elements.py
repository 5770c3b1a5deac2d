# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Entries of ipsets with a timeout. firewalld does not list them, so they are read from the kernel."""

import json
import shutil
import typing as t

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.session.program import (
    SessionError,
    run,
)

_TABLE = ("inet", "firewalld")


def list_nft_elements(name: str) -> t.List[t.Any]:
    """Return the elements of a set in firewalld's table; none if the set is missing (with FirewallBackend=iptables)."""
    if not shutil.which("nft"):
        return []
    try:
        listed = json.loads(run("nft", "--json", "list", "set", *_TABLE, name))
    except SessionError:
        return []
    return [element for item in listed["nftables"] for element in item.get("set", {}).get("elem", [])]


def list_ipset_lines(name: str) -> t.List[str]:
    """Return the lines that add the elements of a kernel ipset; none if the set is missing."""
    if not shutil.which("ipset"):
        return []
    try:
        saved = run("ipset", "save", name)
    except SessionError:
        return []
    return [line for line in saved.splitlines() if line.startswith("add ")]


def add_elements(name: str, elements: t.Dict[str, t.Any]) -> t.List[t.Any]:
    """Add elements with their remaining time (nft(8), "SETS", and ipset(8), "timeout").

    If only firewalld may change its table (NftablesTableOwner), return the calls that add them with a new time instead.
    """
    calls = []
    if elements["nft"]:
        family, table = _TABLE
        element = {"family": family, "table": table, "name": name, "elem": elements["nft"]}
        try:
            run("nft", "--json", "--file", "-", stdin=json.dumps({"nftables": [{"add": {"element": element}}]}))
        except SessionError:
            calls += [[".ipset", "addEntry", [name, format_entry(element)]] for element in elements["nft"]]
    if elements["ipset"]:
        try:
            run("ipset", "-exist", "restore", stdin="\n".join(elements["ipset"]) + "\n")
        except SessionError:
            calls += [[".ipset", "addEntry", [name, line.split()[2]]] for line in elements["ipset"]]
    return calls


def format_entry(element: t.Any) -> str:
    """Return an element that nft lists, in the syntax of firewalld."""
    value = element["elem"]["val"] if isinstance(element, dict) and "elem" in element else element
    if isinstance(value, dict) and "prefix" in value:
        return "{addr}/{len}".format(**value["prefix"])
    if isinstance(value, dict) and "range" in value:
        return "-".join(value["range"])
    if isinstance(value, dict) and "concat" in value:
        return ",".join(map(format_entry, value["concat"]))
    return str(value)
