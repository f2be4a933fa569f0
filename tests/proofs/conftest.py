"""What browsers need as other phones do: servers that several tests share, and voices."""

from tests.interop.conftest import pytest_runtest_teardown, server, servers, voices

__all__ = ["pytest_runtest_teardown", "server", "servers", "voices"]
