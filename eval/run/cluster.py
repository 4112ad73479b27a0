"""Workers as actors of a Ray cluster, for more machines than one.

Every machine needs the same version of repocoder, and the benchmark data and the model at the same paths. The driver
alone writes the run's folder. Importing this module does not import Ray.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from eval.run.crew import Died, Event, Ready, Refused, Sampled
from eval.run.recipe import Recipe, decode_task, encode_task, sample_line
from eval.types import Task
from repocoder import __version__
from repocoder.errors import RepocoderError, UsageError, WorkerError

if TYPE_CHECKING:
    from contextlib import ExitStack

    from eval.run.recipe import Sampler

LOCAL = "local"
"""The address for which a cluster of this machine is started, and ended with the run."""


FINISH_S = 10.0  # for samplers to close; what takes longer is killed


@dataclass(frozen=True, slots=True)
class ClusterSize:
    """How much of a cluster a run takes. None: what there is."""

    slots: int | None = None
    cores_per_slot: int = 1
    local_cores: int | None = None  # of the cluster that LOCAL starts


class SamplerActor:
    """What Ray runs on a machine of the cluster; plain Python, so that it is tested without Ray."""

    def __init__(self, recipe: bytes, version: str) -> None:
        self._recipe = msgspec.msgpack.decode(recipe, type=Recipe)
        self._version = version
        self._sampler: Sampler | None = None
        self._stack: ExitStack | None = None

    def open(self) -> dict[str, Any]:
        """Open the sampler: {"ready": True}, or why it cannot be."""
        from contextlib import ExitStack

        if self._version != __version__:
            why = f"cluster: a machine has repocoder {__version__}, not {self._version}: install the same version"
            return {"refused": why, "exit_code": UsageError.exit_code}
        self._stack = ExitStack()
        try:
            self._sampler = self._stack.enter_context(self._recipe.open())
        except RepocoderError as error:
            return {"refused": str(error), "exit_code": error.exit_code}
        return {"ready": True}

    def sample(self, task: bytes) -> bytes:
        """The record of an encoded task, as a line."""
        assert self._sampler is not None
        return sample_line(self._sampler, decode_task(task), self._recipe.method)

    def close(self) -> None:
        """End what the sampler has started."""
        if self._stack is not None:
            self._stack.close()
            self._stack = None


class Cluster:
    """`eval.run.crew.Crew` over the actors of a cluster."""

    def __init__(self, recipe: Recipe, address: str, size: ClusterSize) -> None:
        """Connects to the cluster at `address`. Raises UsageError without Ray, WorkerError if nobody answers."""
        self._ray = _import_ray()
        self._recipe = msgspec.msgpack.encode(recipe)
        self._actors: dict[int, Any] = {}
        self._asked: dict[Any, int] = {}  # what is waited for -> slot
        self._connect(address, size)
        try:
            self.slots = self._slots(address, size)
        except UsageError:
            self.close()
            raise
        self._actor_class = self._ray.remote(SamplerActor).options(
            num_cpus=size.cores_per_slot, max_restarts=0
        )

    def start(self, slot: int) -> None:
        self._actors[slot] = self._actor_class.remote(self._recipe, __version__)
        self._asked[self._actors[slot].open.remote()] = slot

    def give(self, slot: int, task: Task) -> None:
        self._asked[self._actors[slot].sample.remote(encode_task(task))] = slot

    def wait(self, timeout_s: float) -> Sequence[Event]:
        done, _ = self._ray.wait(list(self._asked), num_returns=1, timeout=timeout_s)
        return [self._receive(reference) for reference in done]

    def finish(self) -> None:
        self._ray.wait(
            [actor.close.remote() for actor in self._actors.values()],
            num_returns=len(self._actors),
            timeout=FINISH_S,
        )

    def close(self) -> None:
        """Ends our actors, and the cluster if it is our own."""
        for actor in self._actors.values():
            self._ray.kill(actor)
        self._actors.clear()
        self._asked.clear()
        self._ray.shutdown()

    def _connect(self, address: str, size: ClusterSize) -> None:
        settings: dict[str, Any] = {
            "log_to_driver": False,
            "configure_logging": True,
            "logging_level": "ERROR",
        }
        if address == LOCAL:
            settings |= {"include_dashboard": False, "num_cpus": size.local_cores}
        try:
            self._ray.init(address=address, **settings)
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            first = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise WorkerError(
                f"cluster: {address}: {first}: start it with `ray start`, or say --ray local"
            ) from error

    def _slots(self, address: str, size: ClusterSize) -> int:
        """How many actors run at once. UsageError for more than the cluster can have: they would wait forever."""
        resources: Mapping[str, float] = self._ray.cluster_resources()
        possible = int(resources.get("CPU", 0)) // size.cores_per_slot
        wanted = possible if size.slots is None else size.slots
        if not 1 <= wanted <= possible:
            raise UsageError(
                f"cluster: {address}: has room for {possible} workers of {size.cores_per_slot} cores, "
                f"not {wanted}: lower --workers"
            )
        return wanted

    def _receive(self, reference: Any) -> Event:
        slot = self._asked.pop(reference)
        try:
            answer: bytes | dict[str, Any] = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            self._ray.kill(self._actors.pop(slot))
            return Died(slot, (str(error).strip().splitlines() or [type(error).__name__])[0])
        if isinstance(answer, bytes):
            return Sampled(slot, answer)
        if "refused" in answer:
            return Refused(slot, answer["exit_code"], answer["refused"])
        return Ready(slot)


def _import_ray() -> Any:
    """Ray, told to send nothing home. UsageError if it is not installed."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # else it warns about its own future
    try:
        import ray
    except ImportError:
        raise UsageError("--ray: Ray is not installed: install repocoder[ray]") from None
    return ray
