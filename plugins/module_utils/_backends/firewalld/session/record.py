# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Third-party runtime configuration that a reload of firewalld removes, as plain data."""

import typing as t

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.session.bus import (
    CONFIG,
    Call,
    CallError,
    to_native,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.session.elements import (
    list_ipset_lines,
    list_nft_elements,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.session.iptables import save_tables
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.session.state import (
    Prefixes,
    Settings,
    list_ipsets,
    select_our_rules,
)

# Keys of a zone's settings, the names of their methods, and whether these have a timeout (firewalld.dbus(5)).
_ITEMS = (
    ("rules_str", "RichRule", True),
    ("services", "Service", True),
    ("ports", "Port", True),
    ("protocols", "Protocol", True),
    ("source_ports", "SourcePort", True),
    ("icmp_blocks", "IcmpBlock", True),
    ("forward_ports", "ForwardPort", True),
)
_SWITCHES = ("masquerade", "forward", "icmp_block_inversion")
_DIRECT = ("Chain", "Rule", "Passthrough")


def record(call: Call, prefixes: Prefixes) -> Settings:
    """Return the third-party runtime configuration that a reload changes. Raises SessionError.

    "calls" are the calls that restore it: one for each item that differs from the permanent configuration. "entries" are
    the entries of ipsets, because a call for each of many entries would take too long. "timed" are the entries of ipsets
    with a timeout, which firewalld does not list. "iptables" are the tables of iptables by program.
    """
    ipsets = {name: call(".ipset", "getIPSetSettings", name)
              for name in list_ipsets(call) if not name.startswith(prefixes)}  # fmt: skip
    timed = [name for name, settings in ipsets.items() if str(settings[4].get("timeout", "0")) != "0"]
    calls = [*_compare_direct(call), *_compare_all_zones(call, prefixes), *_compare_policies(call)]
    entries = {name: _compare_entries(call, name, ipsets[name][5]) for name in {*ipsets} - {*timed}}
    elements = {name: {"nft": list_nft_elements(name), "ipset": list_ipset_lines(name)} for name in timed}
    return {"calls": calls, "entries": entries, "timed": elements, "iptables": save_tables()}


def _read_permanent(call: Call, kind: str, name: str, method: str) -> t.Any:
    """Return the permanent settings of a zone, policy or ipset, or None if it has none."""
    try:
        path = call(".config", "get{}ByName".format(kind[0].upper() + kind[1:]), name, path=CONFIG)
    except CallError:
        return None
    return to_native(call(".config." + kind.lower(), method, path=path))


def _compare_direct(call: Call) -> t.List[t.Any]:
    permanent = to_native(call(".config.direct", "getSettings", path=CONFIG))
    calls = []
    for kind, listed in zip(_DIRECT, permanent):
        before = [list(words) for words in to_native(call(".direct", "getAll{}s".format(kind)))]
        after = [list(words) for words in listed]
        calls += [[".direct", "add" + kind, words] for words in before if words not in after]
        calls += [[".direct", "remove" + kind, words] for words in after if words not in before]
    return calls


def _compare_all_zones(call: Call, prefixes: Prefixes) -> t.List[t.Any]:
    zones = {str(name): to_native(call(".zone", "getZoneSettings2", name)) for name in call(".zone", "getZones")}
    permanent = {name: _read_permanent(call, "zone", name, "getSettings2") or {} for name in zones}
    calls = _compare_bindings(zones, permanent)
    for name, settings in zones.items():
        calls += _compare_zone(name, settings, permanent[name], prefixes)
    return calls


def _compare_bindings(before: t.Dict[str, Settings], after: t.Dict[str, Settings]) -> t.List[t.Any]:
    calls = []
    for key, kind in (("sources", "Source"), ("interfaces", "Interface")):
        was = {str(member): zone for zone, settings in before.items() for member in settings.get(key, [])}
        now = {str(member): zone for zone, settings in after.items() for member in settings.get(key, [])}
        calls += [[".zone", "changeZoneOf" + kind, [zone, member]] for member, zone in was.items()
                  if now.get(member) != zone]  # fmt: skip
        calls += [[".zone", "remove" + kind, [zone, member]] for member, zone in now.items() if member not in was]
    return calls


def _compare_zone(zone: str, before: Settings, after: Settings, prefixes: Prefixes) -> t.List[t.Any]:
    calls = []
    for key, method, timed in _ITEMS:
        was, now = ([_to_words(item) for item in settings.get(key, []) if item not in select_our_rules(settings, prefixes)]
                    for settings in (before, after))  # fmt: skip
        calls += [[".zone", "add" + method, [zone, *item, *([0] if timed else [])]] for item in was if item not in now]
        calls += [[".zone", "remove" + method, [zone, *item]] for item in now if item not in was]
    switches = {key: before[key] for key in _SWITCHES if key in before and before[key] != after.get(key, False)}
    return [*calls, *([[".zone", "setZoneSettings2", [zone, switches]]] if switches else [])]


def _compare_policies(call: Call) -> t.List[t.Any]:
    calls = []
    for name in call(".policy", "getPolicies"):
        calls += _compare_policy(str(name), to_native(call(".policy", "getPolicySettings", name)),
                                 _read_permanent(call, "policy", name, "getSettings"))  # fmt: skip
    return calls


def _compare_policy(name: str, before: Settings, after: t.Optional[Settings]) -> t.List[t.Any]:
    """Return the call for a policy's settings. Texts such as the target are left out: firewalld reads them from files."""
    if after is None:
        return []
    keys = sorted({*before, *after})
    changed = {key: before.get(key) or type(after[key])() for key in keys
               if (before.get(key) or after.get(key)) and not isinstance(before.get(key) or after.get(key), str)
               and not _is_same(before.get(key), after.get(key))}  # fmt: skip
    return [[".policy", "setPolicySettings", [name, changed]]] if changed else []


def _compare_entries(call: Call, name: str, entries: t.Iterable[t.Any]) -> Settings:
    permanent = (_read_permanent(call, "IPSet", name, "getSettings") or [[]])[-1]
    was, now = {*map(str, entries)}, {*map(str, permanent)}
    return {"added": sorted(was - now), "removed": sorted(now - was)}


def _to_words(item: t.Any) -> t.List[str]:
    return [str(word) for word in item] if isinstance(item, (list, tuple)) else [str(item)]


def _is_same(was: t.Any, now: t.Any) -> bool:
    if isinstance(was, list) and isinstance(now, list):
        return sorted(was) == sorted(now)
    return bool(was == now)
