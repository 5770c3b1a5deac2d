# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab's image: Debian by mmdebstrap from the machine's own apt sources, then the lab's files on top.

Two layers, each tagged with a hash of what it is made of: a change of the stand-in costs a second, not a minute.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import tempfile
from pathlib import Path

from _podman import LabError, podman, run

HERE = Path(__file__).resolve().parent
NAME = "localhost/gatehouse-lab"
SUITE = "bookworm"
PACKAGES = (
    "conntrack",
    "curl",
    "dbus",
    "firewalld",
    "iproute2",
    "ipset",
    "iptables",
    "iputils-ping",
    "libnginx-mod-stream",
    "nftables",
    "nginx",
    "openssl",
    "procps",
    "python3",
    "serf",
    "systemd",
    "systemd-sysv",
    "ufw",
)
OPTIONS = (
    "--variant=minbase",
    f"--include={','.join(PACKAGES)}",
    '--aptopt=Acquire::Languages "none"',
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
)


def ensure() -> tuple[str, list[str]]:
    """The image's name, and what had to be built for it."""
    base = f"{NAME}-base:{_digest([SUITE, *OPTIONS])}"
    image = f"{NAME}:{_digest([base, *_files_text()])}"
    built = []
    if not _exists(image):
        if not _exists(base):
            _build_base(base)
            built.append(base)
        podman("build", "--quiet", "--isolation", "chroot", "--build-arg", f"BASE={base}", "--tag", image, str(HERE))
        built.append(image)
        _remove_older(image, base)
    return image, built


def _exists(image: str) -> bool:
    return subprocess.run(["podman", "image", "exists", image], check=False).returncode == 0


def _remove_older(*kept: str) -> None:
    """Best effort: podman refuses to remove what a container of another lab still uses."""
    listed = podman("images", "--format", "{{.Repository}}:{{.Tag}}").split()
    for image in (name for name in listed if name.startswith((f"{NAME}:", f"{NAME}-base:")) and name not in kept):
        subprocess.run(["podman", "rmi", image], check=False, capture_output=True)


def _digest(parts: list[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def _files_text() -> list[str]:
    files = [HERE / "Containerfile", *sorted(path for path in (HERE / "image").rglob("*") if path.is_file())]
    files = [path for path in files if path.suffix != ".pyc"]
    return [
        f"{path.relative_to(HERE)}\n{path.stat().st_mode & 0o100}\n{path.read_text(encoding='utf-8')}" for path in files
    ]


def _build_base(tag: str) -> None:
    with tempfile.TemporaryDirectory(prefix="gatehouse-lab-") as folder:
        sources = Path(folder) / "debian.list"
        sources.write_text("\n".join(_sources()) + "\n", encoding="utf-8")
        archive = Path(folder) / "base.tar"
        run(["mmdebstrap", "--quiet", *OPTIONS, *_apt_options(), SUITE, str(archive), str(sources)])
        podman("import", "--quiet", str(archive), tag)


def _sources() -> list[str]:
    """The machine's own apt sources of Debian for our suite, whatever mirror they name, and nobody else's."""
    # apt knows them only after an update, which a bare machine may never have run.
    run(["apt-get", "--quiet", "--option", "DPkg::Lock::Timeout=300", "update"])
    form = "$(ORIGIN) $(CODENAME) $(COMPONENT) $(REPO_URI)"
    targets = run(["apt-get", "indextargets", "--format", form, "Created-By: Packages"])
    found = {tuple(line.split()) for line in targets.splitlines()}
    suites = (SUITE, f"{SUITE}-updates", f"{SUITE}-security")
    lines = [f"deb {uri} {suite} main" for suite in suites for uri in _uris(found, suite)]
    if not _uris(found, SUITE):
        raise LabError(f"the apt sources of this machine have no Debian {SUITE} main, which the lab's image is made of")
    return lines


def _uris(found: set[tuple[str, ...]], suite: str) -> list[str]:
    return sorted(target[-1] for target in found if target[:3] == ("Debian", suite, "main"))


def _apt_options() -> list[str]:
    """How this machine reaches its archive: proxies, and archives of a fixed day whose files have expired."""
    wanted = re.compile(r"Acquire::(https?::|Check-Valid-Until|Check-Date|Retries)")
    return [f"--aptopt={line}" for line in run(["apt-config", "dump"]).splitlines() if wanted.match(line)]
