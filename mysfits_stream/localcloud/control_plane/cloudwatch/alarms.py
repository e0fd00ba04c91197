"""CloudWatch's alarms, where moto differs: an alarm is evaluated, and begins without data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mysfits_stream.localcloud import simulated
from mysfits_stream.localcloud.control_plane import moto_state
from mysfits_stream.localcloud.control_plane.alarm_evaluation import INSUFFICIENT_DATA, evaluate
from mysfits_stream.localcloud.http.calls import Call
from mysfits_stream.localcloud.http.messages import Handler, Request, Response


class Alarms:
    """The override for CloudWatch; ``backend`` is moto's, of a region, ``now`` AWS's time.

    Alarms are evaluated at each DescribeAlarms: a state in between is not seen, and no email is sent.
    """

    def __init__(self, backend: Callable[[str], Any], now: Callable[[], float]) -> None:
        self._backend = backend
        self._now = now

    def __call__(self, request: Request, moto: Handler) -> Response:
        """Answer one request to CloudWatch."""
        backend = self._backend(request.region)
        if request.operation == "DescribeAlarms":
            self._evaluate(backend)
        if request.operation == "PutMetricAlarm":
            return self._put(backend, request, moto)
        gone = set(moto_state.alarms(backend)) if request.operation == "DeleteAlarms" else set()
        response = moto(request)
        for name in gone - set(moto_state.alarms(backend)):
            moto_state.forget_alarm_tags(backend, name)
        return response

    def _put(self, backend: Any, request: Request, moto: Handler) -> Response:
        before = moto_state.alarm_states(backend)
        kept = moto_state.stored_alarms(backend)
        response = moto(request)
        if response.status != 200:
            return response
        try:
            names = list(moto_state.alarms(backend))
        except ValueError as error:
            moto_state.restore_alarms(backend, kept)
            call = Call("monitoring", request.operation, request.region, json=not request.is_form)
            return simulated.not_simulated(call, f"monitoring:PutMetricAlarm: Metrics: {error}")
        except Exception:  # an alarm that cannot be read would break every later call
            moto_state.restore_alarms(backend, kept)
            raise
        for name in names:
            # A changed alarm keeps its state; a new alarm has none yet (F255).
            moto_state.set_alarm_state(
                backend, name, *before.get(name, (INSUFFICIENT_DATA, NEW, self._now()))
            )
        return response

    def _evaluate(self, backend: Any) -> None:
        now = self._now()
        for name, alarm in moto_state.alarms(backend).items():
            state, _, since = moto_state.alarm_states(backend)[name]
            values = moto_state.values_of(backend, alarm.namespace, alarm.metric, alarm.dimensions)
            verdict = evaluate(alarm.rule, values, now, state)
            changed_at = since if verdict.state == state else now
            moto_state.set_alarm_state(backend, name, verdict.state, verdict.reason, changed_at)


NEW = "Unchecked: Initial alarm creation"
