# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asks firewalld over D-Bus what it runs of ours, and brings it to what is wanted.

firewalld's D-Bus library belongs to its own Python, which need not be the one that Ansible uses. So the text of this
file is given to that Python, which may be as old as 3.6, and a call of `main` with it. The way back uses it too.

What firewalld runs of ours has the form {"policies": {...}, "services": {...}, "ipsets": {...}}: settings by name, in
the words of firewalld.dbus(5), without those that are empty.
"""

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

_COUNTERS = re.compile(r"\[\d+:\d+\]")
# A chain that is there by itself, as it is without anybody's doing.
_EMPTY = re.compile(r":[A-Z]+ ACCEPT $")
# Chains of those who put their own rules back when they hear of a reload.
_HEARS_OF_IT = re.compile(r"^:(DOCKER|NETAVARK)", re.MULTILINE)
# Of what iptables-save writes with -c: remarks, tables, chains, rules after their counters, and the end of a table.
_LINE_STARTS = ("#", "*", ":", "[", "COMMIT")
_QUIET_SECONDS = 0.3
_QUIET_TRIES = 30
_SECONDS = 20
_RELOAD_SECONDS = 600

Call = t.Callable[..., t.Any]  # interface below NAME, method, arguments
Settings = t.Dict[str, t.Any]
Objects = t.Dict[str, t.Dict[str, Settings]]  # by kind, then by name
Prefixes = t.Dict[str, t.List[str]]
Rule = t.Tuple[str, str]  # its table, and its line in the output of iptables-save


class SessionError(Exception):
    """firewalld did not do what it was told; the message says what it shows instead."""


def main(request: Settings) -> int:
    """Do what `answer` does, and print its result as JSON; the exit status."""
    try:
        found = answer(request)
    except SessionError as error:
        sys.stderr.write("{}\n".format(error))
        return 1
    json.dump(found, sys.stdout)
    return 0


def answer(request: Settings) -> Settings:
    """Bring firewalld to `want`, unless that is absent, and tell what it runs. Raises SessionError.

    The request has `prefixes`, those of our names by kind; with `reload` firewalld reads its files first, for which
    `kept` is a file, as `bring` takes it; with `lenient` a firewalld that does not run is in order, as it reads them when
    it starts.
    """
    call = connect()
    if call is None:
        if not request.get("lenient"):
            raise SessionError("firewalld does not answer on D-Bus. See `systemctl status firewalld dbus`")
        return {}
    try:
        if "want" in request:
            bring(call, request["want"], request["prefixes"], request["kept"], reload=request["reload"])
        return {
            "panic": bool(call("", "queryPanicMode")),
            "objects": read(call, request["prefixes"]),
            "earlier": earlier(call, request["prefixes"]),
        }
    except dbus.DBusException as error:
        raise SessionError(_explain(error)) from error


def _explain(error: Exception) -> str:
    if getattr(error, "get_dbus_name", str)() == "org.freedesktop.DBus.Error.NoReply":
        return "firewalld runs and does not answer. See `systemctl status firewalld`, and restart it"
    return str(getattr(error, "get_dbus_message", error.__str__)())


def connect() -> t.Optional[Call]:
    """What calls firewalld's methods; None where firewalld does not run. It is not started for that."""
    try:
        bus = dbus.SystemBus()
        if not bus.name_has_owner(NAME):
            return None
        # It is not asked for its signatures, which would take another time-out where it does not answer.
        firewalld = bus.get_object(NAME, PATH, introspect=False)
    except dbus.DBusException:
        return None

    def call(interface: str, method: str, *args: t.Any, seconds: int = _SECONDS) -> t.Any:
        return firewalld.get_dbus_method(method, NAME + interface)(*args, timeout=seconds)

    return call


def read(call: Call, prefixes: Prefixes) -> Objects:
    """What firewalld runs of ours: objects whose names have our prefixes."""
    policies = {name: _plain(call(".policy", "getPolicySettings", name))
                for name in _ours(call(".policy", "getPolicies"), prefixes["policies"])}  # fmt: skip
    services = {name: _plain(call("", "getServiceSettings2", name))
                for name in _ours(call("", "listServices"), prefixes["services"])}  # fmt: skip
    ipsets = {name: _ipset(call(".ipset", "getIPSetSettings", name))
              for name in _ours(call(".ipset", "getIPSets"), prefixes["ipsets"])}  # fmt: skip
    rules = " ".join(rule for settings in policies.values() for rule in settings.get("rich_rules", []))
    # With FlushAllOnReload=no a set stays when its file is gone. It is emptied then, and there is no way to remove it.
    used = {one["short"] for name, one in ipsets.items() if '"{}"'.format(name) in rules}
    ipsets = {name: one for name, one in ipsets.items() if one["entries"] or one["short"] in used}
    return {"policies": policies, "services": services, "ipsets": ipsets}


def earlier(call: Call, prefixes: Prefixes) -> t.List[str]:
    """The policies of others for packets to the host that firewalld asks before ours."""
    names = call(".policy", "getPolicies")
    ours = _ours(names, prefixes["policies"])
    found = {name: _plain(call(".policy", "getPolicySettings", name)) for name in names}
    first = min([found[name].get("priority", 0) for name in ours], default=0)
    return sorted(str(name) for name in names if name not in ours and "HOST" in found[name].get("egress_zones", [])
                  and found[name].get("priority", 0) <= first < 0)  # fmt: skip


def bring(call: Call, want: Objects, prefixes: Prefixes, kept: str, *, reload: bool) -> None:
    """Make firewalld run `want`: with `reload` from its files, and in any case entries and rules one by one.

    What is added comes before what goes, so no source that may come before and after is ever refused.
    What a reload loses of others waits in the file `kept` until they have it back, so that the next session knows of it
    where this one is killed in between.
    Raises SessionError, and what the D-Bus library raises.
    """
    lost = _read_kept(kept)
    if reload and lost is None:
        lost = {**_settings_of_others(call, prefixes), "iptables": _rules_of_iptables()}
        _write_kept(kept, lost)
    if reload:
        call("", "reload", seconds=_RELOAD_SECONDS)
    if lost is not None:
        _give_back(call, lost)
        _give_back_rules(lost["iptables"])
        os.remove(kept)
    for name in _ours(call(".ipset", "getIPSets"), prefixes["ipsets"]):
        _bring_entries(call, name, want["ipsets"].get(name, {}).get("entries", []))
    for name, settings in want["policies"].items():
        _bring_rules(call, name, settings.get("rich_rules", []))
    found = read(call, prefixes)
    if found != want:
        raise SessionError(
            "firewalld does not run what it was told. Different: " + ", ".join(_differences(found, want))
        )


def _ours(names: t.Iterable[str], prefixes: t.List[str]) -> t.List[str]:
    return sorted(str(name) for name in names if name.startswith(tuple(prefixes)))


def _plain(settings: t.Any) -> Settings:
    """Settings as JSON has them; lists have no order that means anything."""
    plain = json.loads(json.dumps(settings))
    return {key: sorted(value) if isinstance(value, list) else value for key, value in plain.items() if value}


def _ipset(settings: t.Any) -> Settings:
    _version, short, description, kind, options, entries = json.loads(json.dumps(settings))
    return {"short": short, "description": description, "type": kind, "options": options, "entries": sorted(entries)}


def _bring_entries(call: Call, name: str, want: t.List[str]) -> None:
    have = {str(entry) for entry in call(".ipset", "getEntries", name)}
    overlapping = []
    for entry in sorted({*want} - have):
        try:
            call(".ipset", "addEntry", name, entry)
        except dbus.DBusException:
            # Perhaps it lies in a network that goes, or holds an address that goes: firewalld takes no two that overlap.
            overlapping.append(entry)
    for entry in sorted(have - {*want}):
        call(".ipset", "removeEntry", name, entry)
    for entry in overlapping:
        call(".ipset", "addEntry", name, entry)


def _bring_rules(call: Call, name: str, want: t.List[str]) -> None:
    have = [str(rule) for rule in call(".policy", "getPolicySettings", name).get("rich_rules", [])]
    # firewalld itself removes before it adds; so first it gets the old rules and the new ones.
    for rules in ({*have, *want}, {*want}):
        if rules != {*have}:
            settings = {"rich_rules": dbus.Array(sorted(rules), signature="s")}
            call(".policy", "setPolicySettings", name, dbus.Dictionary(settings, signature="sv"))


def _differences(found: Objects, want: Objects) -> t.List[str]:
    names = [(kind, name) for kind in want for name in sorted({*found[kind], *want[kind]})]
    return ["{} {}".format(kind, name) for kind, name in names if found[kind].get(name) != want[kind].get(name)]


def _settings_of_others(call: Call, prefixes: Prefixes) -> t.Dict[str, t.Any]:
    """What a reload would lose of the owner's: whatever was set without --permanent."""
    ours = tuple(prefixes["policies"])
    policies = [name for name in call(".policy", "getPolicies") if not name.startswith(ours)]
    sets = [name for name in call(".ipset", "getIPSets") if not name.startswith(tuple(prefixes["ipsets"]))]
    return {
        "zones": {str(name): _native(call(".zone", "getZoneSettings2", name)) for name in call(".zone", "getZones")},
        "policies": {str(name): _native(call(".policy", "getPolicySettings", name)) for name in policies},
        "entries": {str(name): _native(call(".ipset", "getEntries", name)) for name in sets},
        "direct": {one: _native(call(".direct", "getAll{}s".format(one))) for one in _DIRECT},
    }


_DIRECT = ("Chain", "Rule", "Passthrough")


def _native(value: t.Any, sequence: t.Callable[..., t.Any] = list) -> t.Any:
    """What D-Bus gave, or JSON kept of it, in Python's own types. What is in a list is a struct there, and a tuple here;
    what is in a struct is a list.
    """
    if isinstance(value, dict):
        return {str(key): _native(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return sequence(_native(one, tuple if sequence is list else list) for one in value)
    if isinstance(value, (bool, dbus.Boolean)):
        return bool(value)
    return int(value) if isinstance(value, int) else str(value)


def _read_kept(path: str) -> t.Optional[t.Dict[str, t.Any]]:
    try:
        with open(path, encoding="utf-8") as file:
            kept: t.Dict[str, t.Any] = _native(json.load(file))
            return kept
    except FileNotFoundError:
        return None


def _write_kept(path: str, kept: t.Dict[str, t.Any]) -> None:
    """Write the file in one step. Raises SessionError."""
    try:
        with open(path + ".new", "w", encoding="utf-8") as file:
            json.dump(kept, file)
        os.replace(path + ".new", path)
    except OSError as error:
        raise SessionError("cannot write {}: {}".format(path, error.strerror)) from error


def _give_back(call: Call, kept: t.Dict[str, t.Any]) -> None:
    for name, before in kept["zones"].items():
        _give_back_settings(call, (".zone", "getZoneSettings2", "setZoneSettings2"), name, before)
    for name, before in kept["policies"].items():
        _give_back_settings(call, (".policy", "getPolicySettings", "setPolicySettings"), name, before)
    for name, before in kept["entries"].items():
        _bring_entries(call, name, before)
    for one in _DIRECT:
        present = _native(call(".direct", "getAll{}s".format(one)))
        for words in kept["direct"][one]:
            if words not in present:
                call(".direct", "add{}".format(one), *words)


def _give_back_settings(call: Call, methods: t.Tuple[str, str, str], name: str, before: t.Any) -> None:
    interface, get, put = methods
    after = _native(call(interface, get, name))
    # Texts, such as the target, are only read from files.
    both = {key: (before.get(key), after.get(key)) for key in {*before, *after}}
    changed = {key: was or _nothing(now) for key, (was, now) in both.items()
               if (was or now) and was != now and not isinstance(was or now, str)}  # fmt: skip
    if changed:
        call(interface, put, name, dbus.Dictionary(changed, signature="sv"))


def _rules_of_iptables() -> t.Dict[str, str]:
    """What is in the tables of iptables, by program: a reload empties them, whosever rules they are (FlushAllOnReload).

    Docker and podman put their own back when they hear of it, not always in the same order; others never do.
    """
    programs = (program for program in ("iptables", "ip6tables") if shutil.which(program + "-restore"))
    saved = {program: _run(program + "-save", "-c") for program in programs}
    for program, text in saved.items():
        _refuse_line_breaks(program, text)
    return saved


def _refuse_line_breaks(program: str, saved: str) -> None:
    """iptables-restore(8) reads line by line, so a rule with such a comment could not be given back."""
    for line in saved.splitlines():
        if line and not line.startswith(_LINE_STARTS):
            raise SessionError(
                "firewalld has to reload, which empties the tables of {0}, and {0}-restore takes no comment with a line "
                "break, as one of its rules has: ...{1!r}. Delete that rule, or give it another comment".format(
                    program, line
                )
            )


def _give_back_rules(before: t.Dict[str, str]) -> None:
    before = {program: saved for program, saved in before.items() if _rules_in(saved)}
    _load_missing(before)
    if any(_HEARS_OF_IT.search(saved) for saved in before.values()):
        _wait_until_quiet([*before])
        _load_missing(before)


def _load_missing(before: t.Dict[str, str]) -> None:
    """Load each program's tables again where rules of then are not there, or are in another order."""
    for program, saved in before.items():
        kept, now = _rules_in(saved), _rules_in(_run(program + "-save", "-c"))
        known = set(kept)
        if [rule for rule in now if rule in known] != kept:
            _run(program + "-restore", "--wait", "10", "-c", given=saved)


def _wait_until_quiet(programs: t.List[str]) -> None:
    earlier: t.List[t.List[Rule]] = []
    for _try in range(_QUIET_TRIES):
        now = [_rules_in(_run(program + "-save", "-c")) for program in programs]
        if now == earlier:
            return
        earlier = now
        time.sleep(_QUIET_SECONDS)


def _rules_in(saved: str) -> t.List[Rule]:
    """The chains and rules that somebody made, without counters; by table, as those have no order that means anything."""
    table, found = "", []
    for line in saved.splitlines():
        table = line if line.startswith("*") else table
        text = _COUNTERS.sub("", line)
        if not line.startswith(("#", "*", "COMMIT")) and not _EMPTY.fullmatch(text):
            found.append((table, text))
    return sorted(found, key=lambda rule: rule[0])


def _run(*argv: str, given: str = "") -> str:
    done = subprocess.run(
        argv, input=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
        encoding="utf-8", errors="surrogateescape",
    )  # fmt: skip
    if done.returncode:
        raise SessionError("{}: {}".format(argv[0], done.stderr.strip()))
    return done.stdout


def _nothing(value: t.Any) -> t.Any:
    """A value of the same type that sets nothing."""
    return dbus.Array([], signature="s") if isinstance(value, list) else type(value)()
