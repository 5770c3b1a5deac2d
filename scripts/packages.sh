#!/bin/sh
# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# usage: scripts/packages.sh PACKAGE...
# Installs the missing Debian packages. Prints nothing and is quick if no package is missing.
set -eu

installed() {
    [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Tests need the programs, not the services that Debian starts, such as Serf with its default address.
policy=/usr/sbin/policy-rc.d
install_missing() {
    if [ ! -e "$policy" ]; then
        trap 'rm -f "$policy"' EXIT
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
    fi
    DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends "$@" </dev/null >/dev/null
}

if ! command -v apt-get >/dev/null; then
    echo "packages: this system has no apt-get; install the equivalents of these Debian packages: $*"
    exit 0
fi

for package in "$@"; do
    shift
    installed "$package" || set -- "$@" "$package"
done
[ $# -gt 0 ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
    echo "packages: missing $*; install them or run as root" >&2
    exit 1
fi
echo "packages: installing $*, about a minute"
# Old package lists name versions that the mirror no longer has.
install_missing "$@" 2>/dev/null || { apt-get update -qq && install_missing "$@"; }
