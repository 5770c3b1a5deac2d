# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab's images, one for each release of Debian: mmdebstrap from the machine's own mirror, then the lab's files on top.

Two layers, each tagged with a hash of what it is made of: a change of the stand-in costs a second, not a minute.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from _podman import LabError, podman, run

HERE = Path(__file__).resolve().parent
NAME = "localhost/gatehouse-lab"
HOME = "bookworm"  # the release whose sources the machine has; its mirror has the others
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
    "openssh-server",
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


def ensure(suites: Iterable[str]) -> tuple[dict[str, str], list[str]]:
    """The image's name for each suite, and what had to be built for it."""
    bases = {suite: f"{NAME}-base:{suite}-{_digest([suite, *OPTIONS])}" for suite in sorted({*suites})}
    images = {suite: f"{NAME}:{suite}-{_digest([base, *_files_text()])}" for suite, base in bases.items()}
    missing = {suite: image for suite, image in images.items() if not _exists(image)}
    new_bases = {suite: bases[suite] for suite in missing if not _exists(bases[suite])}
    _build_bases(new_bases)
    for suite, image in missing.items():
        options = ("--build-arg", f"BASE={bases[suite]}", "--tag", image)
        podman("build", "--quiet", "--isolation", "chroot", *options, str(HERE))
        _remove_older(suite, image, bases[suite])
    return images, [*new_bases.values(), *missing.values()]


def _exists(image: str) -> bool:
    return subprocess.run(["podman", "image", "exists", image], check=False).returncode == 0


def _remove_older(suite: str, *kept: str) -> None:
    """Best effort: podman refuses to remove what a container of another lab still uses."""
    listed = podman("images", "--format", "{{.Repository}}:{{.Tag}}").split()
    ours = (f"{NAME}:{suite}-", f"{NAME}-base:{suite}-")
    for image in (name for name in listed if name.startswith(ours) and name not in kept):
        subprocess.run(["podman", "rmi", image], check=False, capture_output=True)


def _digest(parts: list[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def _files_text() -> list[str]:
    files = [HERE / "Containerfile", *sorted(path for path in (HERE / "image").rglob("*") if path.is_file())]
    files = [path for path in files if path.suffix != ".pyc"]
    return [
        f"{path.relative_to(HERE)}\n{path.stat().st_mode & 0o100}\n{path.read_text(encoding='utf-8')}" for path in files
    ]


def _build_bases(tags: dict[str, str]) -> None:
    if not tags:
        return
    sources = {suite: _sources(suite, _targets()) for suite in tags}
    with ThreadPoolExecutor() as pool:
        for done in [pool.submit(_build_base, suite, tag, sources[suite]) for suite, tag in tags.items()]:
            done.result()


def _build_base(suite: str, tag: str, lines: list[str]) -> None:
    with tempfile.TemporaryDirectory(prefix="gatehouse-lab-") as folder:
        sources = Path(folder) / "debian.list"
        sources.write_text("\n".join(lines) + "\n", encoding="utf-8")
        archive = Path(folder) / "base.tar"
        run(["mmdebstrap", "--quiet", *OPTIONS, *_apt_options(), suite, str(archive), str(sources)])
        podman("import", "--quiet", str(archive), tag)


def _targets() -> set[tuple[str, ...]]:
    """The machine's own apt sources, whatever mirror they name."""
    # apt knows them only after an update, which a bare machine may never have run.
    run(["apt-get", "--quiet", "--option", "DPkg::Lock::Timeout=300", "update"])
    form = "$(ORIGIN) $(CODENAME) $(COMPONENT) $(REPO_URI)"
    targets = run(["apt-get", "indextargets", "--format", form, "Created-By: Packages"])
    return {tuple(line.split()) for line in targets.splitlines()}


def _sources(suite: str, targets: set[tuple[str, ...]]) -> list[str]:
    """The suite as Debian's mirror of this machine has it, and nobody else's packages."""
    if not _uris(targets, HOME):
        raise LabError(f"the apt sources of this machine have no Debian {HOME} main, which tells the lab its mirror")
    return [
        f"deb {uri} {suite}{part} main" for part in ("", "-updates", "-security") for uri in _uris(targets, HOME + part)
    ]


def _uris(found: set[tuple[str, ...]], suite: str) -> list[str]:
    return sorted(target[-1] for target in found if target[:3] == ("Debian", suite, "main"))


def _apt_options() -> list[str]:
    """How this machine reaches its archive: proxies, and archives of a fixed day whose files have expired."""
    wanted = re.compile(r"Acquire::(https?::|Check-Valid-Until|Check-Date|Retries)")
    return [f"--aptopt={line}" for line in run(["apt-config", "dump"]).splitlines() if wanted.match(line)]
