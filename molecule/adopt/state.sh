#!/bin/sh
# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Prints the rules of a host, and a digest of each file that people or programs configure.
set -eu
nft --stateless list ruleset
iptables-save | sed 's/ \[[0-9]*:[0-9]*\]$//; /^#/d'
find /etc /srv /usr/local /root -xdev -type f ! -name '*.log' ! -name '*.pyc' ! -path '/root/.ansible/*' -exec sha256sum {} + | sort -k 2
