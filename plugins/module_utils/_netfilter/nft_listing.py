# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host's whole nftables ruleset, listed once for both parts of the backend."""

from __future__ import annotations

import json
import typing as t
from functools import cached_property

from ansible_collections.gatehouse.kong.plugins.module_utils._host.host import Host
from ansible_collections.gatehouse.kong.plugins.module_utils._netfilter.nft_files import find_tables_in_files

Json = t.Any


class Listing:
    """The objects that nft lists: the list "nftables" of libnftables-json(5)."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._objects: list[dict[str, Json]] | None = None

    @property
    def objects(self) -> list[dict[str, Json]]:
        """All tables, chains and rules. Elements of sets are left out, because third-party sets can be huge."""
        if self._objects is None:
            self._objects = self.query("--terse", "list", "ruleset")
        return self._objects

    @cached_property
    def of_files(self) -> frozenset[tuple[str, str]]:
        """Families and names of the tables that the host's files for nft define."""
        return find_tables_in_files(self._host)

    def query(self, *words: str) -> list[dict[str, Json]]:
        """Return the answer of nft to one command."""
        return t.cast("list[dict[str, Json]]", json.loads(self._host.run("nft", "--json", *words))["nftables"])
