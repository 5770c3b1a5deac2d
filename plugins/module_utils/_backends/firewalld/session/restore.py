# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Restores the third-party runtime configuration after a reload of firewalld."""

import typing as t

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.session.bus import (
    Call,
    CallError,
    Changes,
    to_native,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.session.elements import add_elements
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.session.iptables import restore_tables
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.session.state import Settings

# Errors that say that nothing had to be changed.
_IN_ORDER = ("ALREADY_ENABLED", "NOT_ENABLED", "ZONE_ALREADY_SET", "UNKNOWN_INTERFACE", "UNKNOWN_SOURCE")
# More entries than this are set in one call.
_FEW = 20


def restore(call: Call, recorded: Settings, take_changes: Changes) -> t.List[str]:
    """Restore a recorded configuration (see `record`), and return a warning for each rejected call. Raises SessionError.

    `take_changes` returns the changes by third parties since its previous call.
    """
    warnings = _repeat(call, recorded["calls"])
    for name, change in recorded["entries"].items():
        warnings += _restore_entries(call, name, change, take_changes)
    # With nftables, firewalld creates kernel ipsets only if direct rules exist.
    for name, elements in recorded["timed"].items():
        warnings += _repeat(call, add_elements(name, elements))
    restore_tables(recorded["iptables"])
    return warnings


def _repeat(call: Call, calls: t.Iterable[t.Any]) -> t.List[str]:
    """Make calls that restore the configuration, and return a line for each failed call."""
    failed = []
    for interface, method, args in calls:
        try:
            call(interface, method, *args)
        except CallError as error:
            if not str(error).startswith(_IN_ORDER):
                words = ", ".join(map(str, to_native(args)))
                failed.append("firewalld rejected {}({}) after a reload: {}".format(method, words, error))
    return failed


def _restore_entries(call: Call, name: str, change: Settings, take_changes: Changes) -> t.List[str]:
    """Add and remove entries of an ipset, many in one call."""
    added, removed = change["added"], change["removed"]
    if len(added) + len(removed) <= _FEW:
        calls = [[".ipset", "addEntry", [name, entry]] for entry in added]
        return _repeat(call, calls + [[".ipset", "removeEntry", [name, entry]] for entry in removed])
    take_changes()
    entries = {*map(str, call(".ipset", "getEntries", name)), *added} - {*removed}
    failed = _repeat(call, [[".ipset", "setEntries", [name, sorted(entries)]]])
    for interface, method, args in take_changes():
        if interface == ".ipset" and args[0] == name and (args[1] in entries) is (method == "removeEntry"):
            failed += _repeat(call, [[interface, method, args]])
    return failed
