"""How long our own clients of AWS wait and how often they try."""

from botocore.config import Config

CONFIG = Config(
    connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3}
)
"""A call of AWS that fails has failed within about 20 s, well before a worker's time is over."""
