# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Proves that the lab's placeholder gives way to what KONG_PACKAGE and KONG_IMAGE name.

    python3 real_kong_check.py

A package and an image are made here, with a `kong` that opens port 8000 and says what it is: it takes the place of a real
Kong, which nobody can be expected to have. Needs root, as the lab does.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import _image
from _podman import podman, run

HERE = Path(__file__).resolve().parent
SCENARIO = HERE / "real_kong"
IMAGE = "localhost/gatehouse-lab-check"
KONG = """\
#!/usr/bin/python3 -B
import http.server, os, sys

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"the check's own {version}")

if sys.argv[1] == "version":
    print("{version}")
elif sys.argv[1] == "run" or (sys.argv[1] == "start" and not os.fork()):
    http.server.HTTPServer(("0.0.0.0", 8000), Answer).serve_forever()
"""
UNIT = "[Service]\nExecStart=/usr/local/bin/kong run\n[Install]\nWantedBy=multi-user.target\n"
CONTROL = """\
Package: kong
Version: {version}
Architecture: {architecture}
Depends: nginx, python3 (>= 3.6) | python
Maintainer: nobody
Description: in the place of Kong
"""
# What a host has to say: a command and its output.
WANTED = {
    "package": {
        "curl -s http://127.0.0.1:8000/": "the check's own 3.9.1",
        "systemctl is-active kong.service kong-by-hand.service": "active\ninactive",
        "cat /etc/kong/kong.conf": "database = off",
        "ls -d /usr/local/lib/kong-placeholder /etc/kong-placeholder.env": "",
    },
    "image": {
        "curl -s http://127.0.0.1:8000/": "the check's own 1.4.2",
        "systemctl is-active kong.service kong-by-hand.service": "inactive\nactive",
        "ls -d /usr/local/lib/kong-placeholder /etc/kong-placeholder.env": "",
    },
    "neither": {
        "curl -s http://127.0.0.1:8000/": "kong-placeholder node=neither version=0.10.4 listener=proxy_listen seen=127.0.0.1 "
        "at=127.0.0.1:8000",
    },
}


def package(folder: Path, version: str, architecture: str) -> Path:
    """Make a package with a `kong` and its unit, and return the file."""
    tree = folder / f"{version}-{architecture}"
    files = {"DEBIAN/control": CONTROL, "usr/local/bin/kong": KONG, "lib/systemd/system/kong.service": UNIT}
    for name, text in files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        # Not str.format, as the program has braces of its own.
        filled = text.replace("{version}", version).replace("{architecture}", architecture)
        (tree / name).write_text(filled, encoding="utf-8")
    (tree / "usr/local/bin/kong").chmod(0o755)
    file = folder / f"kong {version}.{architecture}.deb"
    run(["dpkg-deb", "--root-owner-group", "--build", str(tree), str(file)])
    return file


def image(folder: Path, version: str) -> str:
    """Make an image with a `kong` on the lab's own base, and return its name."""
    _image.ensure([_image.Recipe(_image.HOME)])
    (folder / "kong").write_text(KONG.replace("{version}", version), encoding="utf-8")
    (folder / "kong").chmod(0o755)
    text = f"FROM {_image.Recipe(_image.HOME).base}\nCOPY kong /usr/local/bin/kong\n"
    (folder / "Containerfile").write_text(text, encoding="utf-8")
    podman("build", "--quiet", "--isolation", "chroot", "--tag", IMAGE, str(folder))
    return IMAGE


def lab(command: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, str(HERE / "lab.py"), command, str(SCENARIO), *arguments]
    return subprocess.run(argv, env={**os.environ, **environment}, capture_output=True, text=True, check=False)


def refused(wanted: str, **environment: str) -> list[str]:
    """What is wrong with how `up` refuses what these variables name, before there is any container."""
    done = lab("up", **environment)
    ends = done.returncode == 1 and done.stderr.startswith("lab: KONG_") and not done.stdout
    return (
        [] if ends and wanted in done.stderr else [f"{environment}: {done.stdout}{done.stderr}; expected is {wanted!r}"]
    )


def differences(**environment: str) -> list[str]:
    """What is wrong with the hosts that `up` makes with these variables."""
    made, again = lab("up", **environment), lab("up", **environment)
    wrong = [done.stdout + done.stderr for done in (made, again) if done.returncode]
    wrong += [f"the second time: {line}" for line in again.stdout.splitlines() if "unchanged" not in line]
    for host, commands in WANTED.items():
        for command, output in commands.items():
            said = lab("exec", host, "sh", "-c", command).stdout.strip()
            wrong += [] if said == output else [f"{host}: {command}: {said!r}; expected is {output!r}"]
    print(made.stdout)
    return wrong


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="gatehouse-lab-") as name:
        folder = Path(name)
        try:
            foreign = "s390x"  # no machine that anybody runs a lab on
            wrong = [
                *refused("there is no file", KONG_PACKAGE=f"{folder}/none.deb"),
                *refused("is no package", KONG_PACKAGE=__file__),
                *refused(f"is for {foreign}", KONG_PACKAGE=f"'{package(folder, '3.9.1', foreign)}'"),
                *refused("nor can pull it", KONG_IMAGE="localhost/gatehouse-lab-no-such:1"),
                *differences(KONG_PACKAGE=f"'{package(folder, '3.9.1', 'all')}'", KONG_IMAGE=image(folder, "1.4.2")),
            ]
        finally:
            lab("down")
            subprocess.run(["podman", "rmi", IMAGE], check=False, capture_output=True)
    print("\n".join(wrong) or "the placeholder gives way")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
