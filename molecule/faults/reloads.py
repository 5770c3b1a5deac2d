# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks reloads that have no effect, reloads that nginx refuses, a wildcard with an address, and the reason of a failed start.

    python3 reloads.py PLAN COMMAND...

COMMAND runs the playbook site. At f1 nginx refuses the settings at the reload, and tests of them succeed: the
key of a zone cannot change while nginx runs. At u1 Kong does not run, and its unit ends successfully with an error.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "lab"))
from _lab_host import LabHost

SCENARIO = Path(__file__).parent.name
REFUSES, STOPPED, CLIENT = (LabHost(SCENARIO, name) for name in ("f1", "u1", "admin"))
ADDRESS, RATE, LEAST = "10.79.0.13", 10, 30
CALLER = Path(__file__).parents[1] / "generations" / "caller.py"
ZONE, VALUE = "nginx_http_limit_req_zone", "{} zone=one:1m rate=1r/s"
OLD_KEY, NEW_KEY = "$binary_remote_addr", "$uri"
SAVE = "cp -p /etc/kong/kong.conf /run/kong.conf"
RESTORE = "mv /run/kong.conf /etc/kong/kong.conf"
DROP_IN = (
    "mkdir -p /run/systemd/system/kong.service.d; printf '[Service]\\n{}' >/run/systemd/system/kong.service.d/f.conf"
)
NO_DROP_IN = "rm -r /run/systemd/system/kong.service.d; systemctl daemon-reload"
ONLY_RELOADS = "ExecReload=\\nExecReload=/usr/local/bin/kong reload -c /etc/kong/kong.conf\\n"
ENDS_WITH_AN_ERROR = 'Type=simple\\nExecStart=\\nExecStart=/bin/sh -c "echo nginx: [emerg] no such disk >&2"\\n'


def apply(plan: dict[str, Any], *settings: str, **options: Any) -> dict[str, Any]:
    """Add settings to Kong's file on f1 and reload Kong; return the result of the module."""
    node = plan["nodes"][REFUSES.name]
    lines = "\\n".join(settings)
    run(REFUSES, f"cp -p /run/kong.conf /etc/kong/kong.conf; printf '{lines}\\n' >>/etc/kong/kong.conf")
    how = {"how": "reload", "version": node["version"], "conf": "/etc/kong/kong.conf", "listeners": node["listeners"]}
    how |= options
    result: dict[str, Any] = REFUSES.run_modules({"reload": ("kong_service", how)})["reload"]
    return result


def run(host: LabHost, command: str) -> None:
    """Run a command that has to succeed."""
    if failed := host.run_shell(command):
        raise SystemExit(failed)


def read(host: LabHost, command: str) -> str:
    """Return the output of a command."""
    return subprocess.run(host.make_command(command), capture_output=True, text=True, check=False).stdout.strip()


def find_ineffective_reloads(plan: dict[str, Any]) -> list[str]:
    """Change the number of workers with a unit whose reload does not read the whole file."""
    wrong = []
    run(REFUSES, DROP_IN.format(ONLY_RELOADS) + "; systemctl daemon-reload")
    for number in ("2", "1"):
        result = apply(plan, f"nginx_worker_processes = {number}")
        workers = read(REFUSES, "pgrep --count --full '^nginx: worker process$'")
        if (result["how"], workers) != ("reload", number):
            wrong.append(f"{workers} workers instead of {number}: {result}")
    run(REFUSES, NO_DROP_IN)
    return wrong


def find_wrong_own_command(plan: dict[str, Any]) -> list[str]:
    """Reload by an own command that reads the prefix and not the file: Kong has to be restarted."""
    commands = {"reload_command": "/usr/local/bin/kong reload", "restart_command": "systemctl restart kong"}
    result = apply(plan, "real_ip_header = X-Own", **commands)
    named = "/usr/local/kong does not have the values of /etc/kong/kong.conf: real_ip_header" in str(result["reasons"])
    effect = read(REFUSES, "grep real_ip_header /usr/local/kong/.kong_env")
    if (result["how"], named, effect) == ("restart", True, "real_ip_header = X-Own"):
        return []
    return [f"a reload by an own command: {effect}: {result}"]


def find_wrong_wildcard(plan: dict[str, Any]) -> list[str]:
    """Listen on a wildcard and on an address of its family: nginx opens only the wildcard, which counts for both."""
    node = plan["nodes"][REFUSES.name]
    added = {**node["listeners"][0], "address": ADDRESS}
    value = f"{node['settings']['proxy_listen']}, {ADDRESS}:{added['port']}"
    result = apply(plan, f"proxy_listen = {value}", listeners=[*node["listeners"], added])
    sockets = read(REFUSES, f"ss -Hltn 'sport = :{added['port']}' | awk '{{print $4}}' | sort -u").split()
    is_right = not result.get("failed") and sockets == [f"0.0.0.0:{added['port']}", f"[::]:{added['port']}"]
    return [] if is_right else [f"a wildcard and an address: {sockets}: {result}"]


def find_wrong_silent_refusal(plan: dict[str, Any]) -> list[str]:
    """nginx refuses a configuration, and no file and no journal has the reason."""
    log, main = "proxy_error_log = /dev/null", "systemctl show kong --property=MainPID"
    first = apply(plan, log, f"{ZONE} = {VALUE.format(OLD_KEY)}")
    before = read(REFUSES, main)
    result = apply(plan, log, f"{ZONE} = {VALUE.format(NEW_KEY)}", looks=2)
    back = apply(plan, log, f"{ZONE} = {VALUE.format(OLD_KEY)}")
    met = (
        not first.get("failed"),
        result["refused"],
        "no error that says why" in result.get("msg", ""),
        read(REFUSES, main) == before,
        not back.get("failed"),
    )
    return [] if all(met) else [f"a refusal without a log: {met}: {first}, {result}, {back}"]


def count_calls(command: list[str]) -> tuple[subprocess.CompletedProcess[str], dict[str, int]]:
    """Run a command while a client calls Kong on f1; return its result and the number of calls by their result."""
    run(CLIENT, f"cat >/root/caller.py <<'END'\n{CALLER.read_text(encoding='utf-8')}\nEND")
    call = CLIENT.make_command(f"python3 /root/caller.py {RATE} 8000 8000 {ADDRESS}")
    client = subprocess.Popen(call, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    counts: dict[str, int] = json.loads(client.communicate("")[0])[ADDRESS]
    return done, counts


def find_wrong_failures(command: list[str]) -> list[str]:
    """Run the playbook with settings that have to fail on f1 and u1, and check its messages and the hosts."""
    changed = {ZONE: VALUE.format(NEW_KEY)}
    settings = {"kong_config": f"{{{{ {changed} if inventory_hostname in ['f1', 'u1'] else {{}} }}}}"}
    before = read(REFUSES, "systemctl show kong --property=MainPID")
    done, calls = count_calls([*command, "--extra-vars", json.dumps(settings)])
    said = " ".join((done.stdout + done.stderr).replace("\\", "").split())
    checks: dict[str, Callable[[], bool]] = {
        "the run fails": lambda: done.returncode != 0,
        "no call is lost": lambda: {*calls} <= {"answered", "unsure"} and calls["answered"] >= LEAST,
        "Kong of f1 was not restarted": lambda: read(REFUSES, "systemctl show kong --property=MainPID") == before,
        "f1 is prepared with the old file": lambda: OLD_KEY in read(REFUSES, "cat /usr/local/kong/.kong_env"),
        "the reason of f1": lambda: '[emerg] limit_req "one" uses the "$uri" key' in said,
        "the state of f1": lambda: "is as before the run, and Kong still runs with it" in said,
        "the reason of u1": lambda: "[emerg] no such disk" in said,
        "the state of u1": lambda: "is as before the run, and Kong is stopped, as before" in said,
    }
    wrong = [f"not as expected: {name}" for name, is_met in checks.items() if not is_met()]
    return [*wrong, str(calls), done.stdout[-6000:] + done.stderr] if wrong else []


def main(arguments: list[str]) -> int:
    plan = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
    REFUSES.install()
    run(REFUSES, SAVE)
    run(STOPPED, DROP_IN.format(ENDS_WITH_AN_ERROR) + "; systemctl stop kong; systemctl daemon-reload")
    checks = (find_ineffective_reloads, find_wrong_own_command, find_wrong_wildcard, find_wrong_silent_refusal)
    wrong = [line for check in checks for line in check(plan)]
    result = apply(plan, f"{ZONE} = {VALUE.format(OLD_KEY)}")
    wrong += [f"the first key of the zone: {result}"] if result.get("failed") else find_wrong_failures(arguments[1:])
    run(REFUSES, RESTORE + "; systemctl restart kong")
    run(STOPPED, NO_DROP_IN + "; systemctl start kong")
    print("\n".join(wrong) or "reloads and failed starts are as expected")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
