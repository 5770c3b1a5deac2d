# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab's images, one for each release of Debian: mmdebstrap from the machine's own mirror, then the lab's files.

An image has two layers, each tagged with a hash of its input. So a change of the placeholder takes a second, not a minute.
A real Kong is a third layer.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import tempfile
from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import _real_kong
from _podman import LabError, run, run_podman

HERE = Path(__file__).resolve().parent
NAME = "localhost/gatehouse-lab"
KONG_FILES = (HERE / "Containerfile.kong", HERE / "real-kong")
HOME = "bookworm"  # the release of the machine's apt sources; the mirror has the other releases
PACKAGES = (
    "conntrack",
    "curl",
    "dbus",
    "fail2ban",
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
    '--aptopt=Acquire::Languages "none"',
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
    # They conflict with Debian's ufw, so hosts without ufw install them from this folder.
    '--customize-hook=mkdir "$1/opt/iptables-persistent"',
    (
        '--customize-hook=cd "$1/opt/iptables-persistent"'
        " && APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get download --quiet netfilter-persistent iptables-persistent"
    ),
)


@dataclass(frozen=True)
class Recipe:
    """The input of a host's image. Without a real Kong the image has the placeholder."""

    suite: str
    kong: _real_kong.RealKong | None = None

    @property
    def options(self) -> tuple[str, ...]:
        """The options of mmdebstrap."""
        depends = self.kong.depends if self.kong else ()
        return "--variant=minbase", f"--include={','.join(sorted({*PACKAGES, *depends}))}", *OPTIONS

    @property
    def base(self) -> str:
        return f"{NAME}-base:{self.suite}-{_compute_digest([self.suite, *self.options])}"

    @property
    def lab(self) -> str:
        return f"{NAME}:{self.suite}-{_compute_digest([self.base, *_read_files()])}"

    @property
    def image(self) -> str:
        if self.kong is None:
            return self.lab
        return f"{NAME}-kong:{self.suite}-{_compute_digest([self.lab, self.kong.digest, *_read_texts(KONG_FILES)])}"


def ensure(recipes: Iterable[Recipe]) -> list[str]:
    """Build the missing images of the recipes, and return their names."""
    wanted = {recipe.image: recipe for recipe in recipes}
    missing = {tag: recipe for tag, recipe in wanted.items() if not _exists(tag)}
    labs = {recipe.lab: recipe for recipe in missing.values() if not _exists(recipe.lab)}
    bases = {recipe.base: recipe for recipe in labs.values() if not _exists(recipe.base)}
    _build_bases(bases)
    for tag, recipe in labs.items():
        _build("Containerfile", tag, "--build-arg", f"BASE={recipe.base}")
    kongs = {tag: recipe.kong for tag, recipe in missing.items() if recipe.kong}
    for tag, kong in kongs.items():
        _build_kong(tag, missing[tag].lab, kong)
    if missing:
        _remove_older(wanted.values())
    return [*bases, *labs, *kongs]


def _build(file: str, tag: str, *options: str) -> None:
    run_podman(
        "build", "--quiet", "--isolation", "chroot", "--file", str(HERE / file), *options, "--tag", tag, str(HERE)
    )


def _build_kong(tag: str, lab: str, kong: _real_kong.RealKong) -> None:
    packaged = kong.variable == _real_kong.PACKAGE
    source = ("--volume", f"{kong.origin}:/tmp/kong.deb:ro") if packaged else ("--build-arg", f"KONG={kong.origin}")
    try:
        # podman's cache ignores the mounted package and would return the layer of another Kong.
        _build("Containerfile.kong", tag, "--no-cache", "--build-arg", f"LAB={lab}", *source)
    except LabError as error:
        raise LabError(f"{kong} does not run on the lab's {tag.partition(':')[2].partition('-')[0]}: {error}") from None


def _exists(image: str) -> bool:
    return subprocess.run(["podman", "image", "exists", image], check=False).returncode == 0


def _remove_older(wanted: Collection[Recipe]) -> None:
    """Remove older images, except those that containers of other labs use, which podman does not remove."""
    suites = {recipe.suite for recipe in wanted}
    recipes = {*wanted, *(Recipe(suite) for suite in suites)}
    kept = {name for recipe in recipes for name in (recipe.base, recipe.lab, recipe.image)}
    prefixes = tuple(f"{NAME}{kind}:{suite}-" for suite in suites for kind in ("", "-base", "-kong"))
    listed = run_podman("images", "--format", "{{.Repository}}:{{.Tag}}").split()
    for image in (name for name in listed if name.startswith(prefixes) and name not in kept):
        subprocess.run(["podman", "rmi", image], check=False, capture_output=True)


def _compute_digest(parts: list[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def _read_files() -> list[str]:
    files = [HERE / "Containerfile", *sorted(path for path in (HERE / "image").rglob("*") if path.is_file())]
    return _read_texts(path for path in files if path.suffix != ".pyc")


def _read_texts(files: Iterable[Path]) -> list[str]:
    return [
        f"{path.relative_to(HERE)}\n{path.stat().st_mode & 0o100}\n{path.read_text(encoding='utf-8')}" for path in files
    ]


def _build_bases(recipes: dict[str, Recipe]) -> None:
    if not recipes:
        return
    sources = {tag: _list_sources(recipe.suite, _list_targets()) for tag, recipe in recipes.items()}
    with ThreadPoolExecutor() as pool:
        for done in [pool.submit(_build_base, recipe, tag, sources[tag]) for tag, recipe in recipes.items()]:
            done.result()


def _build_base(recipe: Recipe, tag: str, lines: list[str]) -> None:
    with tempfile.TemporaryDirectory(prefix="gatehouse-lab-") as folder:
        sources = Path(folder) / "debian.list"
        sources.write_text("\n".join(lines) + "\n", encoding="utf-8")
        archive = Path(folder) / "base.tar"
        run(["mmdebstrap", "--quiet", *recipe.options, *_list_apt_options(), recipe.suite, str(archive), str(sources)])
        run_podman("import", "--quiet", str(archive), tag)


def _list_targets() -> set[tuple[str, ...]]:
    """Return the machine's own apt sources, with any mirror."""
    # apt lists them only after an update, which may never have run on this machine.
    run(["apt-get", "--quiet", "--option", "DPkg::Lock::Timeout=300", "update"])
    form = "$(ORIGIN) $(CODENAME) $(COMPONENT) $(REPO_URI)"
    targets = run(["apt-get", "indextargets", "--format", form, "Created-By: Packages"])
    return {tuple(line.split()) for line in targets.splitlines()}


def _list_sources(suite: str, targets: set[tuple[str, ...]]) -> list[str]:
    """Return the apt sources of a suite, only from this machine's mirror of Debian."""
    if not _list_uris(targets, HOME):
        raise LabError(
            f"no apt source of Debian {HOME} main on this machine, so the lab does not know a mirror; add one"
        )
    return [
        f"deb {uri} {suite}{part} main"
        for part in ("", "-updates", "-security")
        for uri in _list_uris(targets, HOME + part)
    ]


def _list_uris(found: set[tuple[str, ...]], suite: str) -> list[str]:
    return sorted(target[-1] for target in found if target[:3] == ("Debian", suite, "main"))


def _list_apt_options() -> list[str]:
    """Return this machine's apt settings for proxies, and for snapshot archives whose files have expired."""
    wanted = re.compile(r"Acquire::(https?::|Check-Valid-Until|Check-Date|Retries)")
    return [f"--aptopt={line}" for line in run(["apt-config", "dump"]).splitlines() if wanted.match(line)]
