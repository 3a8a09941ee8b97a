"""Shows at the end of a run which operations of CMP's Open API the client was held against."""

import pytest

OPERATION = "operation"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests recorded as covered: pytest keeps what they print to itself."""
    covered = [
        str(value)
        for report in terminalreporter.getreports("passed")
        for name, value in report.user_properties
        if name == OPERATION
    ]
    if covered:
        terminalreporter.section(f"{len(covered)} operations of CMP's Open API are covered")
        terminalreporter.write_line("\n".join(covered))
