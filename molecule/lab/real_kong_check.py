# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks that the lab runs the Kongs of KONG_PACKAGE and KONG_IMAGE instead of the placeholder.

    python3 real_kong_check.py

The check builds a package and an image whose program `kong` opens port 8000 and answers with its version, because not every
machine has a real Kong. Needs root, like the lab.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import _image
from _podman import run, run_podman

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
Description: stub of Kong
"""
# Commands on each host and their expected output.
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
        "curl -s http://127.0.0.1:8000/": "kong-placeholder node=neither version=0.10.4 listener=proxy_listen source=127.0.0.1 "
        "at=127.0.0.1:8000",
    },
}


def build_package(folder: Path, version: str, architecture: str) -> Path:
    """Build a package with a `kong` and its unit, and return the file."""
    tree = folder / f"{version}-{architecture}"
    files = {"DEBIAN/control": CONTROL, "usr/local/bin/kong": KONG, "lib/systemd/system/kong.service": UNIT}
    for name, text in files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        # Not str.format, because the program contains braces.
        filled = text.replace("{version}", version).replace("{architecture}", architecture)
        (tree / name).write_text(filled, encoding="utf-8")
    (tree / "usr/local/bin/kong").chmod(0o755)
    file = folder / f"kong {version}.{architecture}.deb"
    run(["dpkg-deb", "--root-owner-group", "--build", str(tree), str(file)])
    return file


def build_image(folder: Path, version: str) -> str:
    """Build an image with a `kong` on the lab's base, and return its name."""
    _image.ensure([_image.Recipe(_image.HOME)])
    (folder / "kong").write_text(KONG.replace("{version}", version), encoding="utf-8")
    (folder / "kong").chmod(0o755)
    text = f"FROM {_image.Recipe(_image.HOME).base}\nCOPY kong /usr/local/bin/kong\n"
    (folder / "Containerfile").write_text(text, encoding="utf-8")
    run_podman("build", "--quiet", "--isolation", "chroot", "--tag", IMAGE, str(folder))
    return IMAGE


def run_lab(command: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, str(HERE / "lab.py"), command, str(SCENARIO), *arguments]
    return subprocess.run(argv, env={**os.environ, **environment}, capture_output=True, text=True, check=False)


def check_refusal(wanted: str, **environment: str) -> list[str]:
    """Return an error unless `up` rejects these variables with this message before it creates a container."""
    done = run_lab("up", **environment)
    ends = done.returncode == 1 and done.stderr.startswith("lab: KONG_") and not done.stdout
    return [] if ends and wanted in done.stderr else [f"{environment}: {done.stdout}{done.stderr}; expected {wanted!r}"]


def check_hosts(**environment: str) -> list[str]:
    """Return the differences of the hosts that `up` creates with these variables."""
    made, again = run_lab("up", **environment), run_lab("up", **environment)
    wrong = [done.stdout + done.stderr for done in (made, again) if done.returncode]
    wrong += [f"the second run: {line}" for line in again.stdout.splitlines() if "unchanged" not in line]
    for host, commands in WANTED.items():
        for command, output in commands.items():
            actual = run_lab("exec", host, "sh", "-c", command).stdout.strip()
            wrong += [] if actual == output else [f"{host}: {command}: {actual!r}; expected {output!r}"]
    print(made.stdout)
    return wrong


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="gatehouse-lab-") as name:
        folder = Path(name)
        try:
            foreign = "s390x"  # an architecture on which no lab runs
            wrong = [
                *check_refusal("does not exist", KONG_PACKAGE=f"{folder}/none.deb"),
                *check_refusal("is not a Debian package", KONG_PACKAGE=__file__),
                *check_refusal(f"is for {foreign}", KONG_PACKAGE=f"'{build_package(folder, '3.9.1', foreign)}'"),
                *check_refusal("cannot pull it", KONG_IMAGE="localhost/gatehouse-lab-no-such:1"),
                *check_hosts(
                    KONG_PACKAGE=f"'{build_package(folder, '3.9.1', 'all')}'", KONG_IMAGE=build_image(folder, "1.4.2")
                ),
            ]
        finally:
            run_lab("down")
            subprocess.run(["podman", "rmi", IMAGE], check=False, capture_output=True)
    print("\n".join(wrong) or "the real Kongs run")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
