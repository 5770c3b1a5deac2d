# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The server behind the gateways: answers every client with its name, on both address families."""

from __future__ import annotations

import socketserver
import threading


class Answer(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        self.request.sendall(b"server\n")


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True


class Server6(Server):
    address_family = socketserver.socket.AF_INET6

    def server_bind(self) -> None:
        self.socket.setsockopt(socketserver.socket.IPPROTO_IPV6, socketserver.socket.IPV6_V6ONLY, 1)
        super().server_bind()


servers = [
    kind((address, port), Answer) for port in (80, 81, 5432) for kind, address in ((Server, ""), (Server6, "::"))
]
for server in servers[1:]:
    threading.Thread(target=server.serve_forever, daemon=True).start()
servers[0].serve_forever()
