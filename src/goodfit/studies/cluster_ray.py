"""The way to a Ray cluster: an explicit address, an answer within 30 s, at least one CPU."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from ..errors import SearchError

LOCAL = "local"
ANSWER_S = 30.0
QUIET: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
TOKEN_ASKED = "InvalidAuthToken"
# Ray waits for minutes for an address that does not answer, and may end the process then.
PROBE = """
import sys, ray
ray.init(address=sys.argv[1], log_to_driver=False, logging_level="ERROR")
ray.shutdown()
"""


def ray_module() -> Any:
    """Return Ray.

    Raises:
        SearchError: it is not installed.
    """
    try:
        return import_module("ray")
    except ImportError as error:
        raise SearchError(
            "A search on a cluster needs Ray.",
            given=str(error),
            do="pip install goodfit[cluster]",
        ) from None


@contextmanager
def connected(address: str, num_cpus: int) -> Iterator[int]:
    """Be connected to a cluster, or to a local one of ``num_cpus``; gives its number of CPUs.

    At the end a local cluster stops; one that was there before goes on, and so does a connection.

    Raises:
        SearchError: Ray is missing, nobody answers, or the cluster has no CPU.
    """
    ray = ray_module()
    if ray.is_initialized():
        _check_is_that(address, ray.get_runtime_context().gcs_address)
        yield num_cpus_of(ray)
        return
    if address != LOCAL:
        _check_answers(address)
    _connect(ray, address, num_cpus)
    try:
        yield num_cpus_of(ray)
    finally:
        ray.shutdown()


def num_cpus_of(ray: Any) -> int:
    """Return the CPUs of all nodes.

    Raises:
        SearchError: there are none, and a task would wait for ever.
    """
    num = int(ray.cluster_resources().get("CPU", 0))
    if num < 1:
        raise SearchError(
            "The cluster has no CPU to train on.",
            given=f"{len(ray.nodes())} nodes, 0 CPUs",
            do="Add a node: ray start --address=HOST:PORT; goodfit resume goes on.",
        )
    return num


def _connect(ray: Any, address: str, num_cpus: int) -> None:
    """Connect; Ctrl-C and SIGTERM stay with who had them before, which Ray would change."""
    signals = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in signals}
    if address == LOCAL:
        # A cluster that we start tells nobody that it was started.
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        ray.init(address=LOCAL, num_cpus=num_cpus, include_dashboard=False, **QUIET)
    else:
        ray.init(address=address, **QUIET)
    if threading.current_thread() is threading.main_thread():
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


def _check_is_that(address: str, other: str) -> None:
    """Compare ports, and hosts where both are named: one host has many names."""
    host, _, port = address.rpartition(":")
    there, _, used = other.rpartition(":")
    if port != used or (host not in ("127.0.0.1", "localhost") and host != there):
        raise SearchError(
            "This process is connected to a Ray cluster already.",
            given=f"{other}, not {address}",
            do=f'Pass cluster="{other}", or call ray.shutdown() before.',
        )


def _check_answers(address: str) -> None:
    """Knock at the port, then let a process of its own try the whole connection."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or "/" in address:
        raise SearchError(
            "A cluster's address is HOST:PORT, or local.",
            given=address,
            do="Take the address that ray start --head printed, and search on one of its nodes.",
        )
    try:
        socket.create_connection((host, int(port)), timeout=ANSWER_S).close()
    except (OSError, OverflowError) as error:
        raise _no_answer(address, getattr(error, "strerror", None) or str(error)) from None
    command = [sys.executable, "-c", PROBE, address]
    try:
        found = subprocess.run(command, capture_output=True, timeout=ANSWER_S)
        told, why = found.stderr, ""
    except subprocess.TimeoutExpired as late:
        told, why = late.stderr or b"", f"nothing within {ANSWER_S:.0f} s"
    else:
        if found.returncode == 0:
            return
    lines = told.decode(errors="replace").strip().splitlines() or ["it failed"]
    if any(TOKEN_ASKED in line for line in lines):
        raise _token_asked(address)
    raise _no_answer(address, why or lines[-1])


def _token_asked(address: str) -> SearchError:
    return SearchError(
        "The Ray cluster asks for a token.",
        given=f"{address}, and RAY_AUTH_MODE={os.environ.get('RAY_AUTH_MODE', '')}",
        do="Set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN as they are on its nodes.",
    )


def _no_answer(address: str, why: str) -> SearchError:
    return SearchError(
        "The Ray cluster does not answer.",
        given=f"{address}: {why}",
        do="Look with ray status; begin one with ray start --head, or take --cluster local.",
    )
