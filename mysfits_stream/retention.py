"""The lifetimes of clicks, failed clicks and replayed clicks: expiry rules by key prefix.

A rule of S3 has a literal prefix and covers every key with the prefix (F231), so a setting is
rejected if the rule would cover objects with a longer lifetime.
"""

from __future__ import annotations

from dataclasses import dataclass

from mysfits_stream.key_prefixes import ERROR_TYPE, literal


@dataclass(frozen=True)
class Expiry:
    """The lifetime of the objects below a prefix, in days after their creation."""

    setting: str
    """The name of the setting in the section ``bucket``: ``expire_clicks_days``."""
    prefix: str
    days: int | None
    """None: the objects do not expire."""

    @property
    def id(self) -> str:
        """The ID of the lifecycle rule: ``expire-clicks``."""
        return self.setting.removesuffix("_days").replace("_", "-")


def expiries(
    prefix: str, error_prefix: str, *, clicks: int | None, failed: int | None, replayed: int | None
) -> tuple[Expiry, Expiry, Expiry]:
    """The lifetimes of clicks, failed clicks and replayed clicks, by prefix."""
    return (
        Expiry("expire_clicks_days", literal(prefix), clicks),
        Expiry("expire_failed_days", literal(f"{error_prefix}{ERROR_TYPE}/"), failed),
        Expiry("expire_replayed_days", replayed_prefix(error_prefix), replayed),
    )


def replayed_prefix(error_prefix: str) -> str:
    """The prefix of error objects whose clicks are on the stream again."""
    return f"{literal(error_prefix)}replayed/"


def rejection(wanted: tuple[Expiry, ...]) -> str | None:
    """The reason why the lifetimes contradict, or None; the text begins with the setting."""
    clicks, failed, _ = wanted
    if failed.prefix.endswith(f"{ERROR_TYPE}/") and clicks.prefix.startswith(failed.prefix):
        return (
            f"delivery.prefix: lies below {failed.prefix}, which holds failed clicks; choose another prefix, "
            "such as firehose/"
        )
    for rule in wanted:
        if rule.days is None:
            continue
        if not rule.prefix:
            return (
                f"bucket.{rule.setting}: needs a delivery prefix that begins with literal text, such as "
                "firehose/: a lifecycle rule would delete every object of the bucket"
            )
        for other in wanted:
            kept_longer = other.days is None or other.days > rule.days
            if other is not rule and kept_longer and other.prefix.startswith(rule.prefix):
                return (
                    f"bucket.{rule.setting}: would also delete what lies below {other.prefix} after "
                    f"{rule.days} days; set bucket.{other.setting} to {rule.days} or less, or change "
                    "delivery.prefix or delivery.error_prefix"
                )
    return None
