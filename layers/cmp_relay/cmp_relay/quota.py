"""The month's quota of requests: how much of it is used, and when it will be used up.

CMP counts by calendar month, as far as its documentation tells (facts.md C-12); months are UTC.
"""

from cmp_relay import slots

DAY = 24 * 3600 * 1000


def percent(used: int, limit: int) -> float:
    """Return how much of the quota is used."""
    return 100 * used / limit


def runs_out_at(used: int, limit: int, now: int) -> int | None:
    """Return the moment (ms) at which the quota is used up if the month goes on as it began.

    None if it lasts for the month.
    """
    if used >= limit:
        return now
    if not used:
        return None
    # The first hours of a month tell too little of it to frighten anybody.
    so_far = max(DAY, now - slots.month_began(now))
    end = now + (limit - used) * so_far // used
    return end if end < slots.next_month(now) else None


def days_left(used: int, limit: int, now: int) -> float:
    """Return in how many days the quota runs out, at most those that are left of the month."""
    end = runs_out_at(used, limit, now)
    return ((slots.next_month(now) if end is None else end) - now) / DAY
