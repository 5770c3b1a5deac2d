# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rollback of a change. The host stores it, and undoes the change by itself unless the change is confirmed in time.

A change that waits for its confirmation is the folder `pending`, which is created and removed by one rename. If the folder
exists, a timer and the next boot run the script in it. If it does not exist, they do nothing, so neither has to be
cancelled. The time starts when the change is complete, so the time that a slow host needs for the change does not count.
If the run ends before the change is complete, the host undoes the change immediately.

`pending` has a folder `layerNNNNNN` for each change since the last confirmation. The script undoes the newest change first
and the oldest change last, so it restores the state before the first of these changes.
"""

from __future__ import annotations

import fcntl
import json
import os
import shlex
import typing as t
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from ansible_collections.gatehouse.kong.plugins.module_utils._host.boot_unit import UNIT_DIRECTORY
from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host, HostError
from ansible_collections.gatehouse.kong.plugins.module_utils._ruleset.data import ruleset_from_data, ruleset_to_data
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.backend import Snapshot
from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.lock import BUSY, LOCK, open_lock, take_lock

if t.TYPE_CHECKING:
    from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.rollback_script import Saved

# Name of a file that only takes up space. If the disk is full, the script of the rollback removes it first.
RESERVE = "reserve"
STATE = "/var/lib/gatehouse_kong"
# Name of a file that exists until the change is complete.
UNFINISHED = "unfinished"
RESERVED = 1 << 20
# The limit for the whole script; each command in it has its own limit.
_UNDO_SECONDS = 600

NAME = "gatehouse-kong-rollback"

# The unit tries three times, because a busy host may fail at boot and nothing else repeats the rollback. If another process
# holds the lock, the boot continues, and a transient unit repeats the rollback until it gets the lock. The unit runs after
# nftables.service, which flushes all rules, and before the other services, which load the restored files.
_UNIT_TEXT = """\
# Written by gatehouse.kong, and removed when the change is confirmed.
[Unit]
Description=Undo the unconfirmed change of gatehouse.kong
DefaultDependencies=no
ConditionPathExists={area.undo}
Wants=network-pre.target
After=local-fs.target nftables.service
Before=gatehouse-kong-firewall.service gatehouse-kong-iptables.service gatehouse-kong-accept.service
Before=gatehouse-kong-nat.service
Before=ufw.service firewalld.service netfilter-persistent.service iptables.service ip6tables.service
Before=network-pre.target shutdown.target
Conflicts=shutdown.target

[Service]
Type=oneshot
ExecStart=/bin/sh -c "for pause in 2 5 0; do /bin/sh {area.undo} && exit; [ $$? = {busy} ] && \\
systemd-run --quiet --collect --no-block --unit={area.name}-boot '--description={description}' /bin/sh {area.repeat} && \\
break; sleep $$pause; done; exit 1"
"""
_DESCRIPTION = "Undo the change of gatehouse.kong unless confirmed"


@dataclass(frozen=True)
class Form:
    """The functions that convert rules of one kind to plain data and back. Wrong data raises ValueError, KeyError or TypeError."""

    to_data: t.Callable[[t.Any], t.Any]
    from_data: t.Callable[[t.Any], t.Any]


@dataclass(frozen=True)
class Area:
    """The names of the folder and the unit for changes of one kind of rules. A rollback of one kind does not undo another."""

    state: str
    name: str
    form: Form = Form(ruleset_to_data, ruleset_from_data)

    @property
    def pending(self) -> str:
        """The folder of the changes that wait for confirmation."""
        return f"{self.state}/pending"

    @property
    def undo(self) -> str:
        """The script that undoes these changes."""
        return f"{self.pending}/undo"

    @property
    def repeat(self) -> str:
        """The script that runs this script again while another process holds the lock."""
        return f"{self.pending}/repeat"

    @property
    def previous(self) -> str:
        """The folder with the state before the last confirmed change."""
        return f"{self.state}/previous"

    @property
    def rubbish(self) -> str:
        """A folder that is being written or removed. It is never read, and the next change removes it if a run was killed."""
        return f"{self.state}/rubbish"

    @property
    def transitional(self) -> str:
        """A file that exists while the rules are transitional: they allow both the current and the planned sources."""
        return f"{self.state}/transitional"

    @property
    def unit(self) -> str:
        """The unit that undoes the changes at boot."""
        return f"{UNIT_DIRECTORY}/{self.name}.service"

    @property
    def link(self) -> str:
        """The link that enables the unit."""
        return f"{UNIT_DIRECTORY}/sysinit.target.wants/{self.name}.service"


FIREWALL = Area(STATE, NAME)
PENDING, PREVIOUS = FIREWALL.pending, FIREWALL.previous


@dataclass(frozen=True)
class Kept:
    """The rules of one kind that a host had, None if it had none of our rules."""

    ruleset: t.Any


def _name_layer(number: str) -> str:
    """Return the name of the folder that undoes one change."""
    return f"layer{number}"


class Rollback:
    """The change that waits for its confirmation, and the state before the last confirmed change."""

    def __init__(self, host: Host, area: Area = FIREWALL) -> None:
        self._host = host
        self._area = area
        self._lock: int | None = None

    @contextmanager
    def hold_lock(self) -> Iterator[None]:
        """Hold the host's lock, so that other runs and the rollback of a change wait. Calls may be nested.

        Raises HostError if another process holds the lock for too long.
        """
        if self._lock is not None:
            yield
            return
        self._lock = open_lock(self._host)
        try:
            take_lock(self._lock)
            # A program that outlives this process still changes the host, so it inherits the lock.
            self._host.inherited = (self._lock,)
            yield
        finally:
            self._host.inherited = ()
            # Without LOCK_UN, a program that still shares the file would keep the lock.
            fcntl.flock(self._lock, fcntl.LOCK_UN)
            os.close(self._lock)
            self._lock = None

    def find_pending(self) -> str | None:
        """Return the id of the change that waits for its confirmation, None if no change waits."""
        return self._host.read(f"{self._area.pending}/id")

    def find_leftovers(self, want: object) -> tuple[str, ...]:
        """Return a line for an unconfirmed change, and for each file that a run has to remove."""
        if self._host.locate(self._area.pending).exists():
            repair = "repeat the run (ansible-playbook gatehouse.kong.site)"
            return (
                f"{self._area.pending}: a run ended before it confirmed its change, and the host would undo this change: {repair}",
            )
        if want is None and self._host.locate(self._area.state).exists():
            return (f"{self._area.state}: to be removed",)
        paths = (self._area.link, self._area.unit, self._area.rubbish, *self._host.find_temporaries(self._area.unit))
        left = (path for path in paths if os.path.lexists(self._host.locate(path)))
        return tuple(f"{path}: left by a run or rollback that was killed" for path in left)

    def arm(self, snapshot: Snapshot, before: object) -> str:
        """Save the state before a change, and return the id of the change.

        `before` are the rules before the change, None if there were none.

        If this process ends or releases the lock (`hold_lock`) before `start_countdown`, the host undoes this change and all
        earlier changes that wait. Raises HostError; nothing is kept in that case.
        """
        transaction = os.urandom(8).hex()
        self._host.make_directory(self._area.state, 0o700)
        with self.hold_lock():
            try:
                self._save(snapshot, before)
                self._host.write(f"{self._area.pending}/{UNFINISHED}", "", 0o600)
                self._watch(transaction)
                self._host.write(f"{self._area.pending}/id", transaction, 0o600)
            except HostError:
                self._clear()
                raise
        return transaction

    def start_countdown(self, transaction: str, timeout: int) -> None:
        """Start the time for the confirmation of a complete change: the host undoes it after `timeout` seconds."""
        self._start_timer(transaction, timeout)
        self._host.remove((f"{self._area.pending}/{UNFINISHED}",))

    @contextmanager
    def claim(self, transaction: str) -> Iterator[None]:
        """Prevent the rollback of the change while the caller confirms it.

        Raises HostError if the host has rolled the change back, or if another run has changed the host.
        """
        with self.hold_lock():
            pending = self.find_pending()
            if pending != transaction:
                raise HostError(_TOO_LATE if pending is None else _OVERTAKEN)
            yield

    def commit(self, *, keep: bool, transitional: bool = False) -> None:
        """Make the change permanent: the host does not undo it any more.

        With `keep`, the state before the change becomes the target of `state: rolled_back`, unless that state was
        transitional. With `transitional`, the present state never becomes such a target.
        """
        keep = keep and not self._host.locate(self._area.transitional).exists()
        self._host.remove((f"{self._area.pending}/{RESERVE}",))
        if keep:
            self._host.remove_tree(self._area.previous)
        self._host.remove_tree(self._area.rubbish)
        self._host.move(self._area.pending, self._area.previous if keep else self._area.rubbish)
        self._host.remove_tree(self._area.rubbish)
        if transitional:
            self._host.write(self._area.transitional, "", 0o600)
        else:
            self._host.remove((self._area.transitional,))
        self._remove_unit()

    def forget(self) -> None:
        """Confirm the change, and remove all files and timers of this and earlier changes."""
        self.commit(keep=False)
        self._host.remove_tree(self._area.state)
        # Earlier changes may have timers too. Without systemd, processes wait in place of the timers, and then end.
        with suppress(HostError):
            self._host.run("systemctl", "stop", f"{self._area.name}-*.timer")

    def undo(self, transaction: str) -> None:
        """Undo the change now, without waiting for the timer. The caller does not hold the lock any more."""
        if self._lock is not None:
            fcntl.flock(self._lock, fcntl.LOCK_UN)  # the script waits for it
        if self._host.locate(self._area.undo).exists():
            self._host.run("sh", self._resolve(self._area.undo), transaction, seconds=_UNDO_SECONDS)

    def read_previous(self) -> Kept | None:
        """Return the rules before the last change, None if no rules are kept. A damaged file raises HostError."""
        return self._read_kept(self._area.previous)

    def read_before_pending(self) -> Kept | None:
        """Return the rules before the changes that wait for confirmation, None if no change waits."""
        return self._read_kept(self._area.pending)

    def _read_kept(self, folder: str) -> Kept | None:
        path = f"{folder}/ruleset.json"
        text = self._host.read(path)
        if text is None:
            return None
        try:
            data = json.loads(text)
            return Kept(None if data is None else self._area.form.from_data(data))
        except (ValueError, KeyError, TypeError) as error:
            raise HostError(f"{path} is damaged, so its rules cannot be restored: {error}") from error

    def _save(self, snapshot: Snapshot, before: object) -> None:
        """Add a layer to the changes that wait, or create `pending` with the first layer, by one rename each."""
        unit = _UNIT_TEXT.format(area=self._area, busy=BUSY, description=_DESCRIPTION)
        self._host.write(self._area.unit, unit, 0o644)
        self._host.link(self._area.link, self._area.unit)
        if self._host.locate(self._area.undo).exists():
            new_layer = f"{self._area.pending}/new"
            self._host.remove_tree(new_layer)
            self._write_layer(new_layer, snapshot)
            count = len([*self._host.locate(self._area.pending).glob(_name_layer("*"))])
            self._host.move(new_layer, f"{self._area.pending}/{_name_layer(f'{count:06d}')}")
            return
        from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.rollback_script import (  # noqa: PLC0415
            Places,
            render_repeat,
            render_undo,
        )

        self._host.remove_tree(self._area.rubbish)
        self._host.make_directory(self._area.rubbish, 0o700)
        self._write_layer(f"{self._area.rubbish}/{_name_layer('000000')}", snapshot)
        places = Places(
            self._resolve(LOCK),
            self._resolve(self._area.pending),
            self._resolve(self._area.rubbish),
            self._resolve(self._area.unit),
            self._resolve(self._area.link),
            RESERVE,
            UNFINISHED,
            _name_layer("*"),
        )
        data = None if before is None else self._area.form.to_data(before)
        self._host.write(f"{self._area.rubbish}/ruleset.json", json.dumps(data), 0o600)
        self._host.reserve(f"{self._area.rubbish}/{RESERVE}", RESERVED)
        self._host.write(f"{self._area.rubbish}/undo", render_undo(places), 0o700)
        self._host.write(f"{self._area.rubbish}/repeat", render_repeat(self._resolve(self._area.undo)), 0o700)
        self._host.remove_tree(self._area.pending)  # if another program removed its script
        self._host.move(self._area.rubbish, self._area.pending)

    def _write_layer(self, folder: str, snapshot: Snapshot) -> None:
        """Write the files that undo one change: copies of files, the input of each command, and a part of the script."""
        from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.rollback_script import (  # noqa: PLC0415
            render_layer,
        )

        self._host.make_directory(folder, 0o700)
        saved = [self._copy(path, folder, number) for number, path in enumerate(snapshot.files)]
        load = []
        for number, (command, given) in enumerate(snapshot.load):
            self._host.write(f"{folder}/load{number}", given, 0o600)
            load.append((command, f"load{number}"))
        self._host.write(f"{folder}/undo", render_layer(saved, load), 0o600)

    def _copy(self, path: str, folder: str, number: int) -> Saved:
        from ansible_collections.gatehouse.kong.plugins.module_utils._transaction.rollback_script import Saved  # noqa: PLC0415

        where = self._host.locate(path)
        exists = where.exists() or where.is_symlink()
        copy = f"file{number}" if exists else None
        if copy:
            self._host.copy(path, f"{folder}/{copy}")
        parent = where.parent
        return Saved(str(where), copy, str(parent), parent.stat().st_mode & 0o7777 if parent.is_dir() else None)

    def _clear(self) -> None:
        """Remove the files of a change that could not be saved. An earlier change, which has an id, still waits."""
        self._host.remove_tree(self._area.rubbish)
        if self.find_pending() is None:
            self._host.remove_tree(self._area.pending)
            self._remove_unit()

    def _watch(self, transaction: str) -> None:
        """Start a process that waits for the lock, and then undoes the change if it is not finished."""
        shell = self._render_call(transaction, UNFINISHED)
        self._schedule(
            f"{self._area.name}-{transaction}-{UNFINISHED}",
            "Undo the change of gatehouse.kong if its run ends",
            0,
            shell,
        )

    def _start_timer(self, transaction: str, timeout: int) -> None:
        shell = self._render_call(transaction)
        self._schedule(f"{self._area.name}-{transaction}", _DESCRIPTION, timeout, shell)

    def _render_call(self, *arguments: str) -> str:
        """Return the shell command that undoes the changes, if they still wait, as soon as it gets the lock.

        After a reload, systemd reads the command of a timer with backslashes before `;` and `$`, so it has no such characters.
        """
        repeat = shlex.quote(self._resolve(self._area.repeat))
        return f"[ ! -f {repeat} ] || exec sh {repeat} {' '.join(arguments)}"

    def _schedule(self, name: str, description: str, seconds: int, shell: str) -> None:
        """Run a command after some seconds: with a timer of systemd, or without systemd in a process that waits."""
        from ansible_collections.gatehouse.kong.plugins.module_utils._host.systemd import schedule  # noqa: PLC0415

        try:
            schedule(self._host, name, description, seconds, shell)
        except HostError:
            self._host.detach("/bin/sh", "-c", f"sleep {seconds}; {shell}")

    def _remove_unit(self) -> None:
        self._host.remove((self._area.link, self._area.unit))
        self._host.remove_empty((f"{UNIT_DIRECTORY}/sysinit.target.wants",))

    def _resolve(self, path: str) -> str:
        return str(self._host.locate(path))


_TOO_LATE = (
    "the change was not confirmed in time, so the host has rolled it back. If the connection is slow, increase "
    "rollback_timeout"
)
_OVERTAKEN = "another run has changed the rules of this host since this change, so only that run can confirm them now"
