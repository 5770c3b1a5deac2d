# Copyright (c) 2026 gatehouse.kong contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import datetime as dt
from types import SimpleNamespace

import pytest
from cryptography import x509

from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification import certificates
from ansible_collections.gatehouse.kong.plugins.plugin_utils._verification.certificates import with_certificate
from ansible_collections.gatehouse.kong.tests.unit.plugins.module_utils._probe.certificates import make

OID = x509.NameOID
NAME = x509.Name([x509.NameAttribute(OID.COMMON_NAME, "a1"), x509.NameAttribute(OID.LOCALITY_NAME, "München")])


def make_probe(der):
    return {"name": "x", "detail": "connected", "certificate": base64.b64encode(der).decode()}


def add_days(days):
    return dt.datetime.now(dt.timezone.utc).replace(microsecond=0) + dt.timedelta(days=days, hours=1)


@pytest.mark.parametrize("days", [-3, 0, 12, 4000])
def test_subject_and_expiry(days):
    not_after = add_days(days)
    found = with_certificate(make_probe(make(NAME, not_after)[0]))
    assert found == {
        "name": "x",
        "detail": "connected",
        "certificate": {"subject": "CN=a1, L=München", "not_after": not_after.isoformat(), "days_left": days},
    }


def test_expiry_that_an_old_cryptography_has_without_a_time_zone(monkeypatch):
    not_after = add_days(12)
    old = SimpleNamespace(not_valid_after=not_after.replace(tzinfo=None), subject=())
    monkeypatch.setattr(certificates.x509, "load_der_x509_certificate", lambda _der: old)
    found = with_certificate(make_probe(b"x"))["certificate"]
    assert found == {"subject": "", "not_after": not_after.isoformat(), "days_left": 12}


def test_a_result_without_a_certificate_is_unchanged():
    result = {"name": "x", "detail": "refused", "certificate": None}
    assert with_certificate(result) == result


def test_damaged_certificates_are_named_in_the_detail():
    der = make(NAME, add_days(9))[0]
    for damaged in (b"\x30", der[:-1], der[: len(der) // 2], b"hello", bytes(400)):
        found = with_certificate(make_probe(damaged))
        assert found["certificate"] is None
        assert found["detail"].startswith("connected; the certificate cannot be read: ")
        assert "\n" not in found["detail"]


def test_the_first_line_of_an_error_is_named(monkeypatch):
    def fail(_der):
        raise ValueError("first\nsecond\nthird")

    monkeypatch.setattr(certificates.x509, "load_der_x509_certificate", fail)
    assert with_certificate(make_probe(b"x"))["detail"] == "connected; the certificate cannot be read: first"
