"""Changes of a REST API: one at a time, few per minute, with waits (F20, F60)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mysfits_stream.aws.errors import is_error, is_server_error, retry_after
from mysfits_stream.aws.waiting import Expired, Pace, retry_while
from mysfits_stream.provision.resource import Placement

if TYPE_CHECKING:
    from types_boto3_apigateway import APIGatewayClient

QUOTA_BUDGET = 900.0
"""Seconds to wait out quotas that the whole account shares: one DeleteRestApi in 30 s (F60, F61)."""

QUOTA_PAUSE = 31.0
CHANGE_BUDGET = 60.0
"""Seconds for which another change of the same API may be under way (F20)."""


@dataclass(frozen=True)
class Changes:
    """Makes changes of REST APIs, as patiently as API Gateway wants."""

    apigateway: APIGatewayClient
    pace: Pace

    @classmethod
    def of(cls, placement: Placement) -> Changes:
        """Changes of the REST APIs at a placement."""
        return cls(placement.clients.apigateway, placement.pace)

    def make(
        self,
        call: Callable[[], Any],
        waiting_for: str,
        api_id: str | None = None,
        *,
        quota: str = "check which other clients in this account and region call API Gateway",
    ) -> Any:
        """Call, with waits for concurrent changes of the API and for the account's quotas.

        A concurrent change gets a minute, a quota longer. ``quota`` is the advice for a permanently exceeded
        quota. Raises Expired after the waits, and NotFoundException for a deleted API.
        """

        def between_changes() -> Any:
            try:
                return retry_while(
                    _changing,
                    call,
                    self.pace,
                    waiting_for=f"{waiting_for}, after a concurrent change of the API",
                    budget=CHANGE_BUDGET,
                    advice="another run may be changing the API; wait, then run the same command again",
                )
            except Expired:
                if api_id:
                    # An API that is gone may be spoken of in the same words (F20b); this call tells.
                    self.apigateway.get_rest_api(restApiId=api_id)
                raise

        return retry_while(
            _throttled,
            between_changes,
            self.pace,
            waiting_for=waiting_for,
            budget=QUOTA_BUDGET,
            pause=lambda error: retry_after(error) or QUOTA_PAUSE,
            advice=f"the quota is shared by the whole account: {quota}, then run the same command again",
        )


def _changing(error: Exception) -> bool:
    """API Gateway rejects concurrent changes of an API (F20)."""
    return (
        is_error(error, "ConflictException", message="try again later")
        or is_error(error, "BadRequestException", message="concurrent modification")
        or is_server_error(error)
    )


def _throttled(error: Exception) -> bool:
    """API Gateway takes few changes of any API (F21, F60)."""
    return is_error(error, "TooManyRequestsException", "LimitExceededException")
