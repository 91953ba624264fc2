"""Where the console's page may connect to."""

import pytest

from api.page import policy
from api.settings import ApiSettings

PLAIN = ApiSettings(mqtt_port=1884)
BEHIND_TLS = ApiSettings(mqtt_port=443, mqtt_secure=True)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("innwatch.example:8080", "ws://innwatch.example:1884"),
        ("innwatch.example", "ws://innwatch.example:1884"),
        ("127.0.0.1:8080", "ws://127.0.0.1:1884"),
        ("[::1]:8080", "ws://*:1884"),
        ("", "ws://*:1884"),
        ("evil; script-src *", "ws://*:1884"),
    ],
)
def test_the_page_connects_to_the_broker_on_the_host_it_came_from(host: str, expected: str) -> None:
    assert f"connect-src 'self' {expected};" in policy(PLAIN, host=host)


def test_behind_tls_the_page_connects_by_tls() -> None:
    assert "connect-src 'self' wss://innwatch.example:443;" in policy(BEHIND_TLS, host="innwatch.example")


def test_no_script_but_our_own_runs_and_nobody_frames_the_page() -> None:
    text = policy(PLAIN, host="innwatch.example")

    assert "unsafe" not in text
    assert "script-src 'self';" in text
    assert "frame-ancestors 'none'" in text
