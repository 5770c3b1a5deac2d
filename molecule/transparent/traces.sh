#!/bin/sh
# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Prints all rules, routes and files of interception.
{
    nft list tables
    iptables-save
    ip6tables-save
} 2>/dev/null | grep -e gatehouse_kong_transparent -e GATEHOUSE-KONG-
for family in -4 -6; do
    ip $family rule show
    ip $family route show table all
done | grep -w '71[123]'
find /etc /var /run -name '*kong*transparent*'
true
