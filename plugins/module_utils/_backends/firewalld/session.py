# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading and changing firewalld's runtime configuration over D-Bus (firewalld.dbus(5)).

The D-Bus library belongs to the Python of firewalld, which can differ from the Python of Ansible. Therefore the text of
this file runs in that Python (3.6 or later), with a call of `main`. The rollback uses the same text.

Our rules are rich rules whose source is one of our ipsets. A reload removes the runtime configuration of the administrator
and of daemons (bans, moved interfaces, direct rules, iptables rules). Therefore a session records this configuration before
a reload, restores it afterwards, and applies changes that third parties made in the meantime.
"""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import time
import typing as t

dbus: t.Any
try:
    import dbus  # type: ignore[import-not-found,no-redef]
except ImportError:
    dbus = None

NAME = "org.fedoraproject.FirewallD1"
PATH = "/org/fedoraproject/FirewallD1"

_CONFIG = PATH + "/config"
_SIGNAL = re.compile(r"(\w+?)(Added|Removed|Changed)")
_VERBS = {"Added": "add", "Removed": "remove", "Changed": "change"}
_BOOT_ID = "/proc/sys/kernel/random/boot_id"
_TABLE = ("inet", "firewalld")
_COUNTERS = re.compile(r"\[\d+:\d+\]\s*")
_PACKETS = re.compile(r"\[(\d+):\d+\]")
# A built-in chain with the policy ACCEPT.
_EMPTY = re.compile(r":[A-Z]+ ACCEPT $")
# Chains of daemons that restore their rules when firewalld reports a reload.
_RESTORED_BY_DAEMON = re.compile(r"^:(DOCKER|NETAVARK)", re.MULTILINE)
# firewalld's chains in the tables of iptables (with FirewallBackend=iptables).
_FIREWALLD_CHAIN = re.compile(
    r"(INPUT|OUTPUT|FORWARD|PREROUTING|POSTROUTING)_(direct|ZONES|POLICIES_pre|POLICIES_post)$"
    r"|(IN|OUT|FWD|FWDI|FWDO|PRE|POST)_"
)
# Lines of `iptables-save -c` begin with these: comments, tables, chains, rules with counters, the end of a table.
_LINE_STARTS = ("#", "*", ":", "[", "COMMIT")
_POLL_SECONDS = 0.3
_FIRST_CHANGE_SECONDS = 6.0
_QUIET_SECONDS = 9.0
# firewalld answers within 20 ms and reloads within a few seconds. If it takes longer, it hangs.
_SECONDS = 20
_RELOAD_SECONDS = 90

Call = t.Callable[..., t.Any]  # interface below NAME, method, arguments
Settings = t.Dict[str, t.Any]
Signal = t.Tuple[str, str, t.Tuple[t.Any, ...]]  # interface below NAME, member, arguments
Tables = t.Dict[str, t.Dict[str, t.Any]]


class SessionError(Exception):
    """An error of firewalld, with its reason."""


def main(request: Settings) -> int:
    """Execute a request, print its result as JSON, and return the exit status."""
    try:
        found = answer(request)
    except SessionError as error:
        sys.stderr.write("{}\n".format(error))
        return 1
    json.dump(found, sys.stdout)
    return 0


def answer(request: Settings) -> Settings:
    """Change firewalld to `want`, if given, and return its runtime state. Raises SessionError.

    `prefixes` are the prefixes of our ipsets. `want` has "rules", our rich rules by zone, and "ipsets", entries by name.
    firewalld is reloaded if one of these ipsets is missing; with `exact`, also if more of our ipsets are loaded; with
    `reload`, in any case. `kept` is the path of a file for the runtime configuration that a reload removes. With `lenient`,
    it is not an error if firewalld is stopped, because it reads its files at the next start.
    """
    call = connect()
    if call is None:
        if not request.get("lenient"):
            raise SessionError("it does not answer on D-Bus. See `systemctl status firewalld dbus`")
        return {}
    prefixes = tuple(request["prefixes"])
    try:
        warnings = bring(call, request, prefixes) if "want" in request else []
        found = dict(read(call, prefixes), warnings=warnings)
        if "want" in request:
            _check(found, request["want"])
    except dbus.DBusException as error:
        raise SessionError(_explain(error)) from error
    return found


def connect() -> t.Optional[Call]:
    """Return a function that calls methods of firewalld, or None if firewalld is stopped. This does not start it."""
    try:
        bus = dbus.SystemBus()
        if not bus.name_has_owner(NAME):
            return None
        # Introspection would take another timeout if firewalld hangs.
        objects = {PATH: bus.get_object(NAME, PATH, introspect=False)}
    except dbus.DBusException:
        return None

    def call(interface: str, method: str, *args: t.Any, seconds: int = _SECONDS, path: str = PATH) -> t.Any:
        if path not in objects:
            objects[path] = bus.get_object(NAME, path, introspect=False)
        return objects[path].get_dbus_method(method, NAME + interface)(*args, timeout=seconds)

    return call


def read(call: Call, prefixes: t.Tuple[str, ...]) -> Settings:
    """Return the runtime state: all zones and policies, and our ipsets."""
    zones = {str(name): _plain(call(".zone", "getZoneSettings2", name)) for name in call(".zone", "getZones")}
    policies = {str(name): _plain(call(".policy", "getPolicySettings", name))
                for name in call(".policy", "getPolicies")}  # fmt: skip
    return {
        "panic": bool(call("", "queryPanicMode")),
        "default": str(call("", "getDefaultZone")),
        "zones": zones,
        "policies": policies,
        "ipsets": {name: _ipset(call, name) for name in _sets(call) if name.startswith(prefixes)},
    }


def bring(call: Call, request: Settings, prefixes: t.Tuple[str, ...]) -> t.List[str]:
    """Change the runtime configuration to `want`, and return warnings.

    Sets are filled before rules are added, and rules are removed before sets are emptied. Packets of a source that is
    allowed before and after the change are never dropped. Raises SessionError, and the errors of the D-Bus library.
    """
    want, kept, warnings = request["want"], request["kept"], []  # type: Settings, str, t.List[str]
    changes = list  # type: t.Callable[[], t.List[t.Any]]
    loaded, wanted = {name for name in _sets(call) if name.startswith(prefixes)}, {*want["ipsets"]}
    lost = _read_kept(kept)
    if request.get("reload") or wanted - loaded or (request.get("exact") and loaded - wanted):
        changes = _watch()
        if lost is None:
            lost = _record(call, prefixes)
            _write_kept(kept, lost)
        call("", "reload", seconds=_RELOAD_SECONDS)
        lost["calls"] += changes()
    if lost is not None:
        warnings += _restore(call, lost["calls"])
        for name, change in lost["entries"].items():
            warnings += _restore_entries(call, name, change, changes)
        # With nftables, firewalld creates kernel ipsets only if direct rules exist.
        for name, elements in lost["timed"].items():
            warnings += _restore(call, _restore_timed(name, elements))
        _restore_iptables(lost["iptables"])
        os.remove(kept)
    _change_our_objects(call, want, prefixes)
    return warnings


def _change_our_objects(call: Call, want: Settings, prefixes: t.Tuple[str, ...]) -> None:
    entries = {name: {*_texts(call(".ipset", "getEntries", name))} for name in _sets(call) if name.startswith(prefixes)}
    wanted = {name: want["ipsets"].get(name, []) for name in entries}
    have = {str(zone): _our_rules(call(".zone", "getZoneSettings2", zone), prefixes)
            for zone in call(".zone", "getZones")}  # fmt: skip
    rules = {zone: want["rules"].get(zone, []) for zone in have}
    _set_entries(call, {name: texts for name, texts in wanted.items() if texts and entries[name] != {*texts}})
    _change_rules(call, "addRichRule", rules, have, (0,))
    _change_rules(call, "removeRichRule", have, rules, ())
    _set_entries(call, {name: texts for name, texts in wanted.items() if not texts and entries[name]})


def _set_entries(call: Call, entries: t.Dict[str, t.List[str]]) -> None:
    for name, texts in entries.items():
        call(".ipset", "setEntries", name, _typed(texts))


def _change_rules(
    call: Call, method: str, rules: t.Dict[str, t.List[str]], skipped: t.Dict[str, t.List[str]], more: t.Tuple[int, ...]
) -> None:
    """Call a method for each rule of each zone that is not in `skipped`."""
    for zone, texts in rules.items():
        for rule in texts:
            if rule not in skipped[zone]:
                call(".zone", method, zone, rule, *more)


def _check(found: Settings, want: Settings) -> None:
    """Check that the runtime state equals `want`, except for empty ipsets. Raises SessionError."""
    prefixes = tuple(want["ipsets"])
    rules = {zone: _our_rules(settings, prefixes) for zone, settings in found["zones"].items()}
    wrong = ["zone " + zone for zone in sorted({*rules, *want["rules"]})
             if {*rules.get(zone, [])} != {*want["rules"].get(zone, [])}]  # fmt: skip
    sets = {name: found["ipsets"].get(name, {}).get("entries", []) for name in {*found["ipsets"], *want["ipsets"]}}
    wrong += ["ipset " + name for name in sorted(sets) if sets[name] != sorted(want["ipsets"].get(name, []))]
    if wrong:
        raise SessionError("the runtime configuration differs from the requested configuration in " + ", ".join(wrong))


def _our_rules(zone: Settings, prefixes: t.Tuple[str, ...]) -> t.List[str]:
    marks = tuple('source ipset="' + prefix for prefix in prefixes)
    return sorted(str(rule) for rule in zone.get("rules_str", []) if any(mark in rule for mark in marks))


def _explain(error: Exception) -> str:
    if getattr(error, "get_dbus_name", str)() == "org.freedesktop.DBus.Error.NoReply":
        return "it runs and does not answer. See `systemctl status firewalld`, and restart it"
    return str(getattr(error, "get_dbus_message", error.__str__)())


def _sets(call: Call) -> t.List[str]:
    return sorted(str(name) for name in call(".ipset", "getIPSets"))


def _plain(settings: t.Any) -> Settings:
    """Return settings as plain data. Lists are sorted, because their order does not matter."""
    plain = json.loads(json.dumps(settings))
    return {key: sorted(value) if isinstance(value, list) else value for key, value in plain.items() if value}


def _ipset(call: Call, name: str) -> Settings:
    _version, _short, _description, kind, options, entries = json.loads(
        json.dumps(call(".ipset", "getIPSetSettings", name))
    )
    return {"type": kind, "options": options, "entries": sorted(entries)}


# The runtime configuration that a reload removes


def _record(call: Call, prefixes: t.Tuple[str, ...]) -> Settings:
    """Return the third-party runtime configuration that a reload changes.

    "calls" are the calls that restore it: one for each item that differs from the permanent configuration. "entries" are
    the entries of ipsets, because a call for each of many entries would take too long.
    """
    sets = {name: call(".ipset", "getIPSetSettings", name) for name in _sets(call) if not name.startswith(prefixes)}
    timed = [name for name, settings in sets.items() if str(settings[4].get("timeout", "0")) != "0"]
    calls = _direct_calls(call)
    zones = {str(name): _native(call(".zone", "getZoneSettings2", name)) for name in call(".zone", "getZones")}
    kept = {name: _permanent(call, "zone", name, "getSettings2") or {} for name in zones}
    calls += _binding_calls(zones, kept)
    for name, settings in zones.items():
        calls += _zone_calls(name, settings, kept[name], prefixes)
    entries = {}
    for name in {*sets} - {*timed}:
        was, now = {*_texts(sets[name][5])}, {*_texts((_permanent(call, "IPSet", name, "getSettings") or [[]])[-1])}
        entries[name] = {"added": sorted(was - now), "removed": sorted(now - was)}
    for name in call(".policy", "getPolicies"):
        calls += _policy_calls(str(name), _native(call(".policy", "getPolicySettings", name)),
                               _permanent(call, "policy", name, "getSettings"))  # fmt: skip
    elements = {name: {"nft": _nft_elements(name), "ipset": _ipset_lines(name)} for name in timed}
    return {"calls": calls, "entries": entries, "timed": elements, "iptables": _rules_of_iptables()}


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
_IN_ORDER = ("ALREADY_ENABLED", "NOT_ENABLED", "ZONE_ALREADY_SET", "UNKNOWN_INTERFACE", "UNKNOWN_SOURCE")
# More entries than this are set in one call.
_FEW = 20


def _permanent(call: Call, kind: str, name: str, method: str) -> t.Any:
    """Return the permanent settings of a zone, policy or ipset, or None if it has none."""
    try:
        path = call(".config", "get{}ByName".format(kind[0].upper() + kind[1:]), name, path=_CONFIG)
    except dbus.DBusException:
        return None
    return _native(call(".config." + kind.lower(), method, path=path))


def _direct_calls(call: Call) -> t.List[t.Any]:
    permanent = _native(call(".config.direct", "getSettings", path=_CONFIG))
    calls = []
    for kind, listed in zip(_DIRECT, permanent):
        before = [list(words) for words in _native(call(".direct", "getAll{}s".format(kind)))]
        after = [list(words) for words in listed]
        calls += [[".direct", "add" + kind, words] for words in before if words not in after]
        calls += [[".direct", "remove" + kind, words] for words in after if words not in before]
    return calls


def _binding_calls(before: t.Dict[str, Settings], after: t.Dict[str, Settings]) -> t.List[t.Any]:
    calls = []
    for key, kind in (("sources", "Source"), ("interfaces", "Interface")):
        was = {str(member): zone for zone, settings in before.items() for member in settings.get(key, [])}
        now = {str(member): zone for zone, settings in after.items() for member in settings.get(key, [])}
        calls += [[".zone", "changeZoneOf" + kind, [zone, member]] for member, zone in was.items()
                  if now.get(member) != zone]  # fmt: skip
        calls += [[".zone", "remove" + kind, [zone, member]] for member, zone in now.items() if member not in was]
    return calls


def _zone_calls(zone: str, before: Settings, after: Settings, prefixes: t.Tuple[str, ...]) -> t.List[t.Any]:
    calls = []
    for key, method, timed in _ITEMS:
        was, now = ([_words(item) for item in settings.get(key, []) if item not in _our_rules(settings, prefixes)]
                    for settings in (before, after))  # fmt: skip
        calls += [[".zone", "add" + method, [zone, *item, *([0] if timed else [])]] for item in was if item not in now]
        calls += [[".zone", "remove" + method, [zone, *item]] for item in now if item not in was]
    switches = {key: before[key] for key in _SWITCHES if key in before and before[key] != after.get(key, False)}
    return [*calls, *([[".zone", "setZoneSettings2", [zone, switches]]] if switches else [])]


def _policy_calls(name: str, before: Settings, after: t.Optional[Settings]) -> t.List[t.Any]:
    """Return the call for a policy's settings. Texts such as the target are left out: firewalld reads them from files."""
    if after is None:
        return []
    keys = sorted({*before, *after})
    changed = {key: before.get(key) or type(after[key])() for key in keys
               if (before.get(key) or after.get(key)) and not isinstance(before.get(key) or after.get(key), str)
               and not _same(before.get(key), after.get(key))}  # fmt: skip
    return [[".policy", "setPolicySettings", [name, changed]]] if changed else []


def _words(item: t.Any) -> t.List[str]:
    return [str(word) for word in item] if isinstance(item, (list, tuple)) else [str(item)]


def _texts(values: t.Iterable[t.Any]) -> t.List[str]:
    return [str(value) for value in values]


def _same(was: t.Any, now: t.Any) -> bool:
    if isinstance(was, list) and isinstance(now, list):
        return sorted(was) == sorted(now)
    return bool(was == now)


def _restore(call: Call, calls: t.Iterable[t.Any]) -> t.List[str]:
    """Make calls that restore the third-party runtime configuration, and return a line for each failed call."""
    failed = []
    for interface, method, args in calls:
        try:
            call(interface, method, *map(_typed, args))
        except dbus.DBusException as error:
            reason = _explain(error)
            if not reason.startswith(_IN_ORDER):
                words = ", ".join(map(str, _native(args)))
                failed.append("firewalld rejected {}({}) after a reload: {}".format(method, words, reason))
    return failed


def _restore_entries(call: Call, name: str, change: Settings, changes: t.Callable[[], t.List[t.Any]]) -> t.List[str]:
    """Add and remove entries of an ipset, many in one call. `changes` returns changes by third parties in the meantime."""
    added, removed = change["added"], change["removed"]
    if len(added) + len(removed) <= _FEW:
        calls = [[".ipset", "addEntry", [name, entry]] for entry in added]
        return _restore(call, calls + [[".ipset", "removeEntry", [name, entry]] for entry in removed])
    changes()
    entries = {*_texts(call(".ipset", "getEntries", name)), *added} - {*removed}
    failed = _restore(call, [[".ipset", "setEntries", [name, sorted(entries)]]])
    for interface, method, args in changes():
        if interface == ".ipset" and args[0] == name and (args[1] in entries) is (method == "removeEntry"):
            failed += _restore(call, [[interface, method, args]])
    return failed


def _typed(value: t.Any) -> t.Any:
    """Return a value that the D-Bus library can send: structs are tuples, and an empty array or mapping has a type."""
    if isinstance(value, dict):
        return dbus.Dictionary({key: _typed(item) for key, item in value.items()}, signature="sv")
    if isinstance(value, (list, tuple)):
        return dbus.Array([tuple(item) if isinstance(item, (list, tuple)) else item for item in value],
                          signature=None if value else "s")  # fmt: skip
    return value


def _restore_timed(name: str, elements: Settings) -> t.List[t.Any]:
    """Add elements with their remaining time (nft(8), "SETS", and ipset(8), "timeout").

    If only firewalld may change its table (NftablesTableOwner), return the calls that add them with a new time instead.
    """
    calls = []
    if elements["nft"]:
        family, table = _TABLE
        element = {"family": family, "table": table, "name": name, "elem": elements["nft"]}
        try:
            _run("nft", "--json", "--file", "-", stdin=json.dumps({"nftables": [{"add": {"element": element}}]}))
        except SessionError:
            calls += [[".ipset", "addEntry", [name, _entry_text(element)]] for element in elements["nft"]]
    if elements["ipset"]:
        try:
            _run("ipset", "-exist", "restore", stdin="\n".join(elements["ipset"]) + "\n")
        except SessionError:
            calls += [[".ipset", "addEntry", [name, line.split()[2]]] for line in elements["ipset"]]
    return calls


def _nft_elements(name: str) -> t.List[t.Any]:
    """Return the elements of a set in firewalld's table; none if the set is missing (with FirewallBackend=iptables)."""
    if not shutil.which("nft"):
        return []
    try:
        listed = json.loads(_run("nft", "--json", "list", "set", *_TABLE, name))
    except SessionError:
        return []
    return [element for item in listed["nftables"] for element in item.get("set", {}).get("elem", [])]


def _ipset_lines(name: str) -> t.List[str]:
    """Return the lines that add the elements of a kernel ipset; none if the set is missing."""
    if not shutil.which("ipset"):
        return []
    try:
        saved = _run("ipset", "save", name)
    except SessionError:
        return []
    return [line for line in saved.splitlines() if line.startswith("add ")]


def _entry_text(element: t.Any) -> str:
    """Return an element that nft lists, in the syntax of firewalld."""
    value = element["elem"]["val"] if isinstance(element, dict) and "elem" in element else element
    if isinstance(value, dict) and "prefix" in value:
        return "{addr}/{len}".format(**value["prefix"])
    if isinstance(value, dict) and "range" in value:
        return "-".join(value["range"])
    if isinstance(value, dict) and "concat" in value:
        return ",".join(map(_entry_text, value["concat"]))
    return str(value)


# Changes by third parties between the recording and the reload


def can_watch() -> bool:
    """Tell whether this Python has the libraries for `_watch`."""
    return importlib.util.find_spec("gi") is not None


def _watch() -> t.Callable[[], t.List[t.Any]]:
    """Record firewalld's signals from now on. The returned function returns the changes since its previous call.

    A change is a call: for example, the signal RichRuleAdded has the arguments of the method addRichRule. Changes after a
    reload are not returned, because they are still effective.
    """
    try:
        from dbus.mainloop.glib import DBusGMainLoop  # type: ignore[import-not-found]  # noqa: PLC0415
        from gi.repository import GLib  # type: ignore[import-not-found]  # noqa: PLC0415
    except ImportError as error:
        raise SessionError("its Python lacks the module {}, which firewalld needs too".format(error.name)) from error
    bus = dbus.SystemBus(private=True, mainloop=DBusGMainLoop())
    signals = []  # type: t.List[Signal]

    def take(*args: t.Any, interface: str, member: str) -> None:
        signals.append((str(interface)[len(NAME) :], str(member), args))

    bus.add_signal_receiver(take, bus_name=NAME, path=PATH, interface_keyword="interface", member_keyword="member")
    bus.name_has_owner(NAME)  # after the answer, the bus has the match

    def changes() -> t.List[t.Any]:
        bus.name_has_owner(NAME)  # after the answer, all earlier signals have arrived
        while GLib.MainContext.default().iteration(False):
            pass
        found = _changes(signals)
        signals.clear()
        return found

    return changes


def _changes(signals: t.Iterable[Signal]) -> t.List[t.Any]:
    """Return the calls that repeat the changes of signals before the first reload."""
    calls = []
    for interface, member, args in signals:
        if member == "Reloaded":
            break
        signal = _SIGNAL.fullmatch(member)
        if signal and interface in (".zone", ".ipset", ".direct"):
            stem, changed = signal.group(1, 2)
            calls.append([interface, _VERBS[changed] + stem, [_native(arg) for arg in args]])
    return calls


def _native(value: t.Any, sequence: t.Callable[..., t.Any] = list) -> t.Any:
    """Return a value of D-Bus, or of JSON, in Python's own types: structs as tuples, arrays as lists."""
    if isinstance(value, dict):
        return {str(key): _native(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return sequence(_native(item, tuple if sequence is list else list) for item in value)
    if isinstance(value, (bool, dbus.Boolean)):
        return bool(value)
    return int(value) if isinstance(value, int) else str(value)


def _instance() -> str:
    """Return an identifier of this run of firewalld. After a restart, the recorded configuration is not restored."""
    with open(_BOOT_ID, encoding="ascii") as file:
        return "{} {}".format(file.read().strip(), dbus.SystemBus().get_name_owner(NAME))


def _read_kept(path: str) -> t.Optional[Settings]:
    """Return the configuration that an interrupted session recorded, unless firewalld was restarted since then."""
    try:
        with open(path, encoding="utf-8") as file:
            kept = json.load(file)
    except FileNotFoundError:
        return None
    if kept.pop("instance") != _instance():
        os.remove(path)
        return None
    return dict(kept)


def _write_kept(path: str, kept: Settings) -> None:
    """Write the file atomically. Raises SessionError."""
    try:
        with open(path + ".new", "w", encoding="utf-8") as file:
            json.dump(dict(kept, instance=_instance()), file)
        os.replace(path + ".new", path)
    except OSError as error:
        raise SessionError("cannot write {}: {}".format(path, error.strerror)) from error


# iptables rules


def _rules_of_iptables() -> t.Dict[str, str]:
    """Return the tables of iptables by program. A reload empties them, including third-party rules (FlushAllOnReload)."""
    programs = (program for program in ("iptables", "ip6tables") if shutil.which(program + "-restore"))
    saved = {program: _run(program + "-save", "-c") for program in programs}
    for program, text in saved.items():
        _refuse_line_breaks(program, text)
    return saved


def _refuse_line_breaks(program: str, saved: str) -> None:
    """Check that no comment has a line break, because iptables-restore(8) reads line by line. Raises SessionError."""
    for line in saved.splitlines():
        if line and not line.startswith(_LINE_STARTS):
            raise SessionError(
                "a reload would empty the tables of {0}, but {0}-restore cannot restore the rule with the line break in "
                "its comment ...{1!r}. Delete that rule, or change its comment".format(program, line)
            )


def _restore_iptables(before: t.Dict[str, str]) -> None:
    before = {program: saved for program, saved in before.items() if _has_rules(saved)}
    _load_missing(before)
    if any(_RESTORED_BY_DAEMON.search(saved) for saved in before.values()):
        _wait_for_daemons([*before])
        _load_missing(before)


def _load_missing(before: t.Dict[str, str]) -> None:
    """Load the tables in which rules of `before` are missing or in another order. Rules that were added later are kept."""
    for program, saved in before.items():
        now = _tables(_run(program + "-save", "-c"))
        text = "".join(_merged_table(name, table, now.get(name, {})) for name, table in _tables(saved).items())
        if text:
            _run(program + "-restore", "--wait", "10", "-c", stdin=text)


def _merged_table(name: str, before: t.Dict[str, t.Any], now: t.Dict[str, t.Any]) -> str:
    """Return a table for iptables-restore with the rules of both tables, or "" if `now` has them already."""
    have = {"chains": now.get("chains", {}), "rules": now.get("rules", {})}
    third_party = {chain: line for chain, line in before["chains"].items() if not _FIREWALLD_CHAIN.match(chain)}
    chains = {**have["chains"], **third_party}
    rules = {chain: have["rules"].get(chain, []) for chain in chains}
    for chain in third_party:
        rules[chain] = _merged_rules(before["rules"].get(chain, []), rules[chain])
    wanted = {chain: [_bare(rule) for rule in rules[chain]] for chain in chains}
    if wanted == {chain: [_bare(rule) for rule in have["rules"].get(chain, [])] for chain in have["chains"]}:
        return ""
    lines = ["*" + name, *chains.values(), *(rule for chain in chains for rule in rules[chain]), "COMMIT"]
    return "\n".join(lines) + "\n"


def _merged_rules(before: t.List[str], now: t.List[str]) -> t.List[str]:
    """Return the rules of `before` in their order. A rule that was added later follows its predecessor."""
    merged, place = list(before), 0
    known = [_bare(rule) for rule in merged]
    for rule in now:
        if _bare(rule) in known:
            place = known.index(_bare(rule)) + 1
        else:
            merged.insert(place, rule)
            known.insert(place, _bare(rule))
            place += 1
    return merged


def _bare(rule: str) -> str:
    return _COUNTERS.sub("", rule)


def _tables(saved: str) -> Tables:
    """Return the chain line and the rule lines of each chain, by table, in the output of `iptables-save -c`."""
    tables = {}  # type: Tables
    table = {}  # type: t.Dict[str, t.Any]
    for line in saved.splitlines():
        if line.startswith("*"):
            table = tables.setdefault(line[1:], {"chains": {}, "rules": {}})
        elif line.startswith(":"):
            table["chains"][line[1:].split()[0]] = line
        elif line.startswith("["):
            table["rules"].setdefault(line.split()[2], []).append(line)
    return tables


def _has_rules(saved: str) -> bool:
    lines = (_COUNTERS.sub("", line) for line in saved.splitlines() if not line.startswith(("#", "*", "COMMIT")))
    return any(line and not _EMPTY.fullmatch(line) for line in lines)


def _wait_for_daemons(programs: t.List[str]) -> None:
    """Wait until a daemon such as Docker begins to restore its rules after a reload, and then until it has finished.

    Both waits are limited. Restored rules have counters of zero, so a change is detected even if the rules are equal.
    """
    seen = _saved_lines(programs)
    for limit, awaits_change in ((_FIRST_CHANGE_SECONDS, True), (_QUIET_SECONDS, False)):
        end = time.monotonic() + limit
        while time.monotonic() < end:
            time.sleep(_POLL_SECONDS)
            earlier, seen = seen, _saved_lines(programs)
            if _changed(earlier, seen) is awaits_change:
                break


def _saved_lines(programs: t.List[str]) -> t.List[str]:
    texts = [_run(program + "-save", "-c") for program in programs]
    return [line for text in texts for line in text.splitlines() if not line.startswith("#")]


def _changed(earlier: t.List[str], now: t.List[str]) -> bool:
    if [_bare(line) for line in earlier] != [_bare(line) for line in now]:
        return True
    counts = [[int(count) for line in lines for count in _PACKETS.findall(line)] for lines in (earlier, now)]
    return any(after < before for before, after in zip(*counts))


def _run(*argv: str, stdin: str = "") -> str:
    done = subprocess.run(
        argv, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
        encoding="utf-8", errors="surrogateescape", timeout=_RELOAD_SECONDS,
    )  # fmt: skip
    if done.returncode:
        raise SessionError("{}: {}".format(argv[0], done.stderr.strip()))
    return done.stdout
