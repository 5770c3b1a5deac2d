# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""TLS and HTTP on an open port, over loopback."""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import socket
import ssl
import threading

import pytest
from cryptography import x509

from ansible_collections.gatehouse.kong.plugins.module_utils._probe import talk
from ansible_collections.gatehouse.kong.plugins.module_utils._probe.probe import Limits, parse_probe, run_probes
from ansible_collections.gatehouse.kong.tests.unit.plugins.module_utils._probe.certificates import make

PATIENT = Limits(timeout=10, tries=1, workers=5)
QUICK = Limits(timeout=0.3, tries=1, workers=5)
JSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{}"


DER, PEM = make(
    x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a1")]), dt.datetime(2040, 1, 1, tzinfo=dt.timezone.utc)
)


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    file.write_bytes(PEM)
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(file)
    return made


@contextlib.contextmanager
def start_server(serve):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)

        def answer_client():
            connection, _peer = listener.accept()
            with connection, contextlib.suppress(OSError):
                serve(connection)

        thread = threading.Thread(target=answer_client)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def send_probe(kind, port, limits=PATIENT):
    (result,) = run_probes([parse_probe({"name": "", "kind": kind, "address": "127.0.0.1", "port": port})], limits)
    return result


def with_tls(context, answer=None):
    def serve(connection):
        with context.wrap_socket(connection, server_side=True) as encrypted:
            if answer is not None:
                assert encrypted.recv(4096).startswith(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n")
                encrypted.sendall(answer)
            encrypted.recv(1)

    return serve


def make_answer(answer):
    def serve(connection):
        assert connection.recv(4096).startswith(b"GET / HTTP/1.1\r\n")
        connection.sendall(answer)

    return serve


def test_an_untrusted_certificate_is_shown(context):
    with start_server(with_tls(context)) as port:
        result = send_probe("tls", port)
    assert (result["result"], result["detail"], result["status"]) == ("open", "connected", None)
    assert base64.b64decode(result["certificate"]) == DER


def test_connections_share_a_context_and_no_certificate(context, tmp_path):
    other_der, other_pem = make(
        x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "b1")]), dt.datetime(2040, 1, 1, tzinfo=dt.timezone.utc)
    )
    (tmp_path / "both.pem").write_bytes(other_pem)
    other = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    other.load_cert_chain(tmp_path / "both.pem")
    talk._make_context.cache_clear()
    with start_server(with_tls(context)) as port, start_server(with_tls(other)) as other_port:
        found = [base64.b64decode(send_probe("tls", number, PATIENT)["certificate"]) for number in (port, other_port)]
    assert found == [DER, other_der]
    assert talk._make_context.cache_info().misses == 1


def test_https(context):
    with start_server(with_tls(context, JSON)) as port:
        result = send_probe("https", port)
    assert (result["status"], base64.b64decode(result["certificate"])) == (200, DER)


@pytest.mark.parametrize(("answer", "status"), [(JSON, 200), (b"HTTP/1.1 401 Unauthorized\r\n\r\n", 401),
                                                (b"SSH-2.0-x\r\n", None), (b"", None)])  # fmt: skip
def test_http(answer, status):
    with start_server(make_answer(answer)) as port:
        result = send_probe("http", port)
    assert (result["result"], result["status"], result["certificate"]) == ("open", status, None)


def test_a_port_without_tls_is_open():
    with start_server(lambda connection: connection.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")) as port:
        result = send_probe("tls", port)
    assert (result["result"], result["certificate"]) == ("open", None)
    assert result["detail"].startswith("connected; TLS failed: ")


def test_a_port_that_closes_the_connection_is_open():
    with start_server(lambda _connection: None) as port:
        assert send_probe("https", port)["detail"].startswith("connected; TLS failed: ")


def test_a_port_that_is_silent_after_the_connection_is_open():
    done = threading.Event()
    with start_server(lambda _connection: done.wait(10)) as port:
        results = send_probe("tls", port, QUICK)
        done.set()
    assert (results["result"], results["detail"]) == ("open", "connected; no answer to TLS in 0.3 s")


def test_a_closed_port_is_refused():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        assert send_probe("https", sock.getsockname()[1])["result"] == "refused"
