# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading and changing firewalld's runtime configuration over D-Bus (firewalld.dbus(5)).

The D-Bus library belongs to the Python of firewalld, which can differ from the Python of Ansible. Therefore the files of
this folder run in that Python (3.6 or later), as one script that calls `main`. The rollback uses the same script.

Our rules are rich rules whose source is one of our ipsets. A reload removes the runtime configuration of the administrator
and of daemons (bans, moved interfaces, direct rules, iptables rules). Therefore a session records this configuration before
a reload, restores it afterwards, and applies changes that third parties made in the meantime.
"""

import json
import os
import sys
import typing as t

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.session.bus import (
    Call,
    connect,
    watch,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.session.iptables_events import (
    read_flushed,
    watch_tables,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.session.program import SessionError
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.session.record import record
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.session.recording_file import (
    read_recording,
    write_recording,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.session.restore import restore
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.session.state import (
    Prefixes,
    Settings,
    list_ipsets,
    read_state,
    select_our_rules,
)

# firewalld reloads within a few seconds. If it takes longer, it hangs.
_RELOAD_SECONDS = 90


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
    warnings = bring(call, request, prefixes) if "want" in request else []
    found = dict(read_state(call, prefixes), warnings=warnings)
    if "want" in request:
        _check(found, request["want"])
    return found


def bring(call: Call, request: Settings, prefixes: Prefixes) -> t.List[str]:
    """Change the runtime configuration to `want`, and return warnings.

    Sets are filled before rules are added, and rules are removed before sets are emptied. Packets of a source that is
    allowed before and after the change are never dropped. Raises SessionError.
    """
    want, path, warnings = request["want"], request["kept"], []  # type: Settings, str, t.List[str]
    take_changes = list  # type: t.Callable[[], t.List[t.Any]]
    loaded, wanted = {name for name in list_ipsets(call) if name.startswith(prefixes)}, {*want["ipsets"]}
    recorded = read_recording(path)
    if request.get("reload") or wanted - loaded or (request.get("exact") and loaded - wanted):
        take_changes = watch()
        with watch_tables() as read_events:
            if recorded is None:
                recorded = record(call, prefixes)
                write_recording(path, recorded)
            call("", "reload", seconds=_RELOAD_SECONDS)
            recorded["calls"] += take_changes()
            recorded["iptables"] = read_flushed(recorded["iptables"], read_events())
    if recorded is not None:
        warnings = restore(call, recorded, take_changes)
        os.remove(path)
    _change_our_objects(call, want, prefixes)
    return warnings


def _change_our_objects(call: Call, want: Settings, prefixes: Prefixes) -> None:
    names = [name for name in list_ipsets(call) if name.startswith(prefixes)]
    entries = {name: {*map(str, call(".ipset", "getEntries", name))} for name in names}
    wanted = {name: want["ipsets"].get(name, []) for name in names}
    have = {str(zone): select_our_rules(call(".zone", "getZoneSettings2", zone), prefixes)
            for zone in call(".zone", "getZones")}  # fmt: skip
    rules = {zone: want["rules"].get(zone, []) for zone in have}
    _set_entries(call, {name: texts for name, texts in wanted.items() if texts and entries[name] != {*texts}})
    _change_rules(call, "addRichRule", rules, have, (0,))
    _change_rules(call, "removeRichRule", have, rules, ())
    _set_entries(call, {name: texts for name, texts in wanted.items() if not texts and entries[name]})


def _set_entries(call: Call, entries: t.Dict[str, t.List[str]]) -> None:
    for name, texts in entries.items():
        call(".ipset", "setEntries", name, texts)


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
    rules = {zone: select_our_rules(settings, prefixes) for zone, settings in found["zones"].items()}
    wrong = ["zone " + zone for zone in sorted({*rules, *want["rules"]})
             if {*rules.get(zone, [])} != {*want["rules"].get(zone, [])}]  # fmt: skip
    sets = {name: found["ipsets"].get(name, {}).get("entries", []) for name in {*found["ipsets"], *want["ipsets"]}}
    wrong += ["ipset " + name for name in sorted(sets) if sets[name] != sorted(want["ipsets"].get(name, []))]
    if wrong:
        raise SessionError("the runtime configuration differs from the requested configuration in " + ", ".join(wrong))
