# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tables of iptables at the moment when a reload of firewalld empties them.

A reload empties them twice. A rule that a third party adds after `save_tables`, and before the second time, would be lost.
xtables-monitor(8) prints each change of iptables-nft, and deleted rules in their order. There is no such program for
iptables-legacy. xtables-monitor prints options of IPv6 rules with the names of IPv4, so the text of a rule is taken from
ip6tables-save(8) if possible.
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
import time
import typing as t
from contextlib import contextmanager, suppress

from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.session.iptables import (
    Table,
    merge_rules,
    parse_tables,
    strip_counters,
)
from ansible_collections.gatehouse.kong.plugins.module_utils._backends.firewalld.session.program import (
    SessionError,
    run,
)

_PROGRAM = ("stdbuf", "--output=L", "xtables-monitor", "--event")
_WAIT_SECONDS = 2.0
_NETFILTER = "12"  # the protocol of the netlink sockets of nftables (linux/netlink.h)
_NFTABLES_GROUP = 1 << 6  # NFNLGRP_NFTABLES (linux/netfilter/nfnetlink.h)
# The last line of a transaction, with the name of its program.
_TRANSACTION_END = re.compile(r"^NEWGEN:.*?(?:NAME=(\S+))?$", re.MULTILINE)
_EVENT = re.compile(r"^ EVENT: -([46]) -t (\S+) (-[ADNX]) ((\S+).*?)\s*$", re.MULTILINE)
_REJECT = re.compile(r" --reject-with \S+")
_FAMILIES = {"iptables": "4", "ip6tables": "6"}
_BUILT_IN = ("INPUT", "OUTPUT", "FORWARD", "PREROUTING", "POSTROUTING")

Event = t.Tuple[str, str, str]  # the option (such as -A), the chain, and the rule as in `iptables-save`
Events = t.List[Event]


@contextmanager
def watch_tables() -> t.Iterator[t.Callable[[], str]]:
    """Record the changes of iptables rules; yield a function that returns them as text, "" if they cannot be recorded."""
    if not all(map(shutil.which, ("stdbuf", "xtables-monitor"))):
        yield str
        return
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="surrogateescape") as output:
        process = subprocess.Popen(_PROGRAM, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.DEVNULL)

        def read() -> str:
            _wait(process, _has_read_all)
            output.seek(0)
            return output.read()

        try:
            _wait(process, lambda pid: _find_socket(pid) is not None)
            yield read
        finally:
            process.kill()
            process.wait()


def _wait(process: "subprocess.Popen[bytes]", holds: t.Callable[[int], bool]) -> None:
    """Wait until a condition holds for a process, with a limit."""
    end = time.monotonic() + _WAIT_SECONDS
    while process.poll() is None and not holds(process.pid) and time.monotonic() < end:
        time.sleep(0.01)


def _has_read_all(pid: int) -> bool:
    """Tell whether a process has read all messages of its socket, and waits for the next message."""
    return _is_asleep(pid) and _find_socket(pid) == 0 and _is_asleep(pid)


def _is_asleep(pid: int) -> bool:
    with open("/proc/{}/stat".format(pid), encoding="utf-8") as file:
        return file.read().rpartition(")")[2].split()[0] == "S"


def _find_socket(pid: int) -> t.Optional[int]:
    """Return the size of the waiting messages in the socket by which a process receives the changes of nftables.

    Returns None if the process has no such socket yet.
    """
    with open("/proc/thread-self/net/netlink", encoding="ascii") as file:
        sockets = [line.split() for line in file][1:]
    waiting = {"socket:[{}]".format(words[-1]): int(words[4]) for words in sockets
               if words[1] == _NETFILTER and int(words[3], 16) & _NFTABLES_GROUP}  # fmt: skip
    folder = "/proc/{}/fd".format(pid)
    with suppress(OSError):
        for name in os.listdir(folder):
            target = os.readlink(os.path.join(folder, name))
            if target in waiting:
                return waiting[target]
    return None


def read_flushed(saved: t.Dict[str, str], events: str) -> t.Dict[str, str]:
    """Return the tables of `save_tables` with the changes of third parties before transactions that emptied a table.

    A table that was not emptied, or whose changes were not recorded, is returned as saved.
    """
    words = _TRANSACTION_END.split(events)
    transactions = [*zip(words[::2], [word or "" for word in words[1::2]])]
    return {program: _read_program(program, text, transactions) for program, text in saved.items()}


def _read_program(program: str, saved: str, transactions: t.Iterable[t.Tuple[str, str]]) -> str:
    changes = [_parse_events(text, program, name) for text, name in transactions]
    tables = parse_tables(saved)
    before = json.dumps(tables)
    for name in sorted({name for events in changes for name in events}):
        table = tables.setdefault(name, {"chains": {}, "rules": {}})
        tables[name] = _find_flushed(table, [events[name] for events in changes if name in events])
    if json.dumps(tables) == before:
        return saved
    text = "".join(_format_table(name, table) for name, table in tables.items())
    try:
        run(program + "-restore", "--test", stdin=text)
    except SessionError:
        return saved
    return text


def _parse_events(text: str, program: str, name: str) -> t.Dict[str, t.Tuple[Events, bool]]:
    """Return the changes of a transaction by table, and whether iptables-restore(8) only deleted rules, like firewalld.

    A rule whose comment has a line break cannot be restored, and is left out.
    """
    events = {}  # type: t.Dict[str, Events]
    for number, table, act, rule, chain in _EVENT.findall(text):
        if number == _FAMILIES[program] and rule.count('"') % 2 == 0:
            line = "-A " + rule
            events.setdefault(table, []).append((act, chain, _normalise(line) if number == "6" else line))
    is_restore = name not in ("", *_FAMILIES)
    return {table: (found, is_restore and {act for act, _chain, _rule in found} <= {"-D", "-X"})
            for table, found in events.items()}  # fmt: skip


def _normalise(rule: str) -> str:
    """Return a rule without counters and the option that xtables-monitor prints wrongly for IPv6, to compare rules."""
    return _REJECT.sub("", strip_counters(rule))


def _find_flushed(saved: Table, changes: t.Iterable[t.Tuple[Events, bool]]) -> Table:
    """Return a table with the rules that were deleted together, in their order; the saved table if none were."""
    table = {"chains": dict(saved["chains"]), "rules": {}}  # type: Table
    loaded = {_normalise(rule) for rules in saved["rules"].values() for rule in rules}
    added, removed = {}, set()  # type: t.Dict[str, str], t.Set[str]
    is_flushed = False
    for events, is_restore in changes:
        deleted = [(chain, _normalise(rule)) for act, chain, rule in events if act == "-D"]
        if is_restore and deleted and len(deleted) >= len(loaded):
            for chain in dict(deleted):
                known = [rule for rule in saved["rules"].get(chain, []) if _normalise(rule) not in removed]
                _add_rules(table, chain, _translate([rule for name, rule in deleted if name == chain], known, added))
            is_flushed, loaded = True, set()
        else:
            new = {_normalise(rule): rule for act, _chain, rule in events if act == "-A"}
            added.update(new)
            removed = (removed | {rule for _chain, rule in deleted}) - {*new}
            loaded = (loaded | {*new}) - removed
            _change_chains(table["chains"], events, is_flushed=is_flushed)
    return table if is_flushed else saved


def _translate(rules: t.List[str], saved: t.List[str], added: t.Dict[str, str]) -> t.Iterator[str]:
    """Yield deleted rules as iptables-save printed them; rules that were added later, as xtables-monitor printed them.

    A rule that is in neither list has another text in `saved`: it is the first saved rule that is not found by its text.
    """
    by_text = {_normalise(rule): rule for rule in saved}
    others = iter([rule for rule in saved if _normalise(rule) not in rules])
    for rule in rules:
        found = by_text.get(rule) or ("[0:0] " + added[rule] if rule in added else next(others, None))
        if found:
            yield found


def _add_rules(table: Table, chain: str, rules: t.Iterable[str]) -> None:
    """Add rules to the rules of a chain that an earlier transaction deleted."""
    table["chains"].setdefault(chain, _make_chain(chain))
    table["rules"][chain] = merge_rules(table["rules"].get(chain, []), [*rules])


def _change_chains(chains: t.Dict[str, str], events: Events, *, is_flushed: bool) -> None:
    """Add and remove chains, but keep the chains of rules that were deleted together."""
    for act, chain, _rule in events:
        if act == "-N":
            chains.setdefault(chain, _make_chain(chain))
        elif act == "-X" and not is_flushed:
            chains.pop(chain, None)


def _make_chain(name: str) -> str:
    return ":{} {} [0:0]".format(name, "ACCEPT" if name in _BUILT_IN else "-")


def _format_table(name: str, table: Table) -> str:
    rules = [rule for chain in table["chains"] for rule in table["rules"].get(chain, [])]
    return "\n".join(["*" + name, *table["chains"].values(), *rules, "COMMIT", ""])
