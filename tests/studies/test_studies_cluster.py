"""A search on a Ray cluster: the same scores, also where a worker is killed in the middle."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from studies_helpers import SETTINGS, SPACE, Watched, group_of, queue

import goodfit as gf
from goodfit.errors import Interrupted, SearchError
from goodfit.runs import read_rows
from goodfit.studies import Silent, cluster_ray
from goodfit.studies import cluster as cluster_module
from goodfit.studies.cluster import Cluster, tile_rows
from goodfit.studies.cluster_ray import connected
from goodfit.studies.folder import make_study, open_study
from goodfit.studies.wave import Progress
from goodfit.studies.workers import run_wave

ray = pytest.importorskip("ray")
NODE = {"num_cpus": 1, "object_store_memory": 100 * 2**20}
LONG = gf.Recipe(
    data="iris",
    net=gf.MLP(hidden=(16,)),
    batch_size=8,
    epochs=300,
    early_stopping=gf.EarlyStopping(enabled=False),
)
RATES = (1e-4, 3e-4, 1e-3, 3e-3)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Two nodes of one CPU, and a connection that all tests share: a worker takes 4 s to begin."""
    utils = pytest.importorskip("ray.cluster_utils")
    before = signal.getsignal(signal.SIGTERM)
    nodes = utils.Cluster(initialize_head=True, head_node_args={**NODE, "include_dashboard": False})
    nodes.add_node(**NODE)
    with connected(nodes.address, 0) as num_cpus:
        assert num_cpus == 2
        yield nodes.address
    nodes.shutdown()
    signal.signal(signal.SIGTERM, before)


def busy() -> list[psutil.Process]:
    """Return the workers that train."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):  # it ended meanwhile
            found += [process] if "train_tile" in " ".join(process.cmdline()) else []
    return found


class Killer(Silent):
    """Kills a worker that trains when the first trials tell of themselves."""

    def __init__(self) -> None:
        self.killed: int | None = None

    def on_epoch(self, progress: Progress) -> None:
        """Kill, once."""
        if self.killed is None:
            self.killed = busy()[0].pid
            os.kill(self.killed, signal.SIGKILL)


def assert_same_trials(found: gf.Study, local: gf.Study) -> None:
    assert [t.number for t in found.trials] == [t.number for t in local.trials]
    for ours, theirs in zip(found.trials, local.trials, strict=True):
        assert (ours.state, ours.epochs, ours.params) == (
            theirs.state,
            theirs.epochs,
            theirs.params,
        )
        assert ours.validation_loss == pytest.approx(theirs.validation_loss, rel=1e-4)
        assert ours.metric == pytest.approx(theirs.metric, abs=0.05)


def assert_counted_once(path: Path, num: int) -> None:
    rows = [row for row in read_rows(path / "trials.jsonl").rows if row["kind"] == "trial"]
    places = [(row["wave"], row["place"]) for row in rows]
    assert len(places) == len(set(places)) == num


def test_the_scores_are_those_of_a_search_on_one_machine(address: str, tmp_path: Path) -> None:
    options: dict[str, Any] = {"trials": 9, "strategy": "halving", "confirm": 1, "confirm_seeds": 2}
    found = gf.search(SPACE, cluster=address, out=tmp_path / "there", **options)
    local = gf.search(SPACE, workers=1, out=tmp_path / "here", **options)
    assert_same_trials(found, local)
    assert found.record.confirmed[0].values == pytest.approx(local.record.confirmed[0].values)
    assert found.record.groups[0].workers == 2 and found.record.groups[0].executor == "traced"
    assert len(found.optuna().get_trials()) == 9
    assert_counted_once(found.path, 9 + 3 + 2)


def test_a_killed_worker_loses_no_trial_and_counts_none_twice(address: str, tmp_path: Path) -> None:
    space, killer = LONG.vary(lr=gf.loguniform(1e-4, 1e-2)), Killer()
    options: dict[str, Any] = {"trials": 8, "rows": 2, "confirm": 0}
    found = gf.search(space, cluster=address, teller=killer, out=tmp_path / "there", **options)
    assert killer.killed is not None
    assert_counted_once(found.path, 8)
    assert_same_trials(found, gf.search(space, workers=1, **options))


def test_a_stopped_search_goes_on_on_one_machine_or_there(address: str, tmp_path: Path) -> None:
    class Stopping(Silent):
        def on_epoch(self, progress: Progress) -> None:
            if progress.condition != "running":
                signal.raise_signal(signal.SIGINT)

    space = LONG.model_copy(update={"epochs": 100}).vary(lr=gf.loguniform(1e-4, 1e-2))
    path = tmp_path / "study"
    options: dict[str, Any] = {"trials": 6, "rows": 1, "confirm": 0}
    with pytest.raises(Interrupted):
        gf.search(space, cluster=address, teller=Stopping(), out=path, **options)
    assert 1 <= len(read_rows(path / "trials.jsonl").rows) < 7
    assert open_study(path)[1].cluster == address
    found = gf.resume_study(path)
    assert_counted_once(path, 6)
    assert_same_trials(found, gf.search(space, workers=1, **options))


class OneGroup:
    """Trials of one group, and a study folder that workers on this machine see."""

    def __init__(
        self, folder: Path, *, num: int = 4, epochs: int = 300, fingerprint: str | None = None
    ) -> None:
        self.recipes = [
            LONG.model_copy(update={"optimizer": gf.AdamW(lr=lr), "epochs": epochs})
            for lr in RATES[:num]
        ]
        self.group = group_of(self.recipes[0], 2, folder)
        self.trials = queue(self.group, self.recipes)
        known = self.group.known
        card = replace(known.card, fingerprint=fingerprint or known.card.fingerprint)
        self.study = make_study(folder / "study", space="", settings=SETTINGS)
        known = replace(known, card=card)
        self.cluster = Cluster(2, None, self.recipes[0], known, self.study, keep_after_s=0.1)

    def kept_at(self, progress: Progress) -> Path:
        return self.study.rows(0, progress.asked.number)

    def run(self, watcher: Watched) -> None:
        self.cluster.run_wave([self.group], 10**6, watcher, self.kept_at)


class Deadly(Watched):
    """Kills all workers that train, once ``ready`` says so."""

    def __init__(self, ready: Callable[[], bool]) -> None:
        super().__init__()
        self.ready, self.killed = ready, []

    def on_epoch(self, progress: Progress) -> None:
        super().on_epoch(progress)
        if not self.killed and self.ready():
            self.killed = busy()
            for process in self.killed:
                process.kill()


def test_a_tile_whose_worker_died_goes_on_from_what_it_kept(address: str, tmp_path: Path) -> None:
    one = OneGroup(tmp_path, epochs=1000)
    rows = one.study.path / "rows"
    deadly = Deadly(lambda: len({file.parent for file in rows.glob("*/step-*")}) == 4)
    one.run(deadly)
    assert deadly.killed and all(progress.condition == "done" for progress in one.trials)
    # No trial began a second time: each went on from a row that its dead worker had kept.
    begun = [number for number, epoch in deadly.epochs if epoch == 1]
    assert begun and len(begun) == len(set(begun))
    alone = group_of(one.recipes[0], 2, tmp_path)
    trials = queue(alone, one.recipes)
    run_wave([alone], 1000, 1, Watched())
    for there, here in zip(one.trials, trials, strict=True):
        assert there.validation_loss == pytest.approx(here.validation_loss, rel=1e-4)


def test_workers_that_die_again_and_again_are_an_error(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_module, "MOST_SENT", 1)
    with pytest.raises(SearchError, match="die again and again"):
        OneGroup(tmp_path).run(Deadly(lambda: True))


def test_other_data_on_a_node_is_an_error(address: str, tmp_path: Path) -> None:
    with pytest.raises(SearchError, match="another data") as raised:
        OneGroup(tmp_path, num=1, fingerprint="0" * 32).run(Watched())
    assert "same path on every node" in str(raised.value)


def test_what_the_watcher_raises_cancels_the_tasks(address: str, tmp_path: Path) -> None:
    class Stopping(Watched):
        def check(self) -> None:
            if self.epochs:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        OneGroup(tmp_path).run(Stopping())
    until = time.monotonic() + 10
    while ray.available_resources().get("CPU", 0) < 2:
        assert time.monotonic() < until, "tasks go on"
        time.sleep(0.1)


def test_another_address_than_the_connected_one_is_an_error(address: str) -> None:
    host, _, port = address.rpartition(":")
    for other in ("local", f"{host}:{int(port) + 1}", f"203.0.113.7:{port}"):
        with pytest.raises(SearchError, match="already"), connected(other, 1):
            pass
    with connected(f"127.0.0.1:{port}", 1) as num_cpus:
        assert num_cpus == 2
    assert ray.is_initialized()


@pytest.fixture
def unconnected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray, "is_initialized", lambda: False)


def refused(folder: Path, address: str) -> str:
    """Return what a search says whose cluster cannot be reached; it leaves no folder."""
    with pytest.raises(SearchError) as raised:
        gf.search(SPACE, trials=2, cluster=address, out=folder / "study")
    assert not (folder / "study").exists()
    return str(raised.value)


@pytest.mark.parametrize("address", ["auto", "ray://127.0.0.1:10001", "127.0.0.1", "host:", ":1"])
@pytest.mark.usefixtures("unconnected")
def test_an_address_is_host_and_port(address: str, tmp_path: Path) -> None:
    assert "HOST:PORT" in refused(tmp_path, address)


@pytest.mark.usefixtures("unconnected")
def test_an_address_where_nobody_listens_is_an_error(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        told = refused(tmp_path, f"127.0.0.1:{port}")
    assert "does not answer" in told and f"127.0.0.1:{port}: Connection refused" in told


@pytest.mark.usefixtures("unconnected")
def test_a_listener_that_says_nothing_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_ray, "ANSWER_S", 3.0)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        began = time.monotonic()
        told = refused(tmp_path, f"127.0.0.1:{listener.getsockname()[1]}")
    assert "nothing within 3 s" in told and time.monotonic() - began < 20


@pytest.mark.usefixtures("unconnected")
@pytest.mark.parametrize(
    ("word", "answer"),
    [
        ("InvalidAuthToken: Authentication token is missing", "RAY_AUTH_TOKEN"),
        ("ConnectionError: no node here", "does not answer"),
    ],
)
def test_a_cluster_that_refuses_says_why(
    word: str, answer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_ray, "PROBE", f"import sys; sys.exit({word!r})")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert answer in refused(tmp_path, f"127.0.0.1:{listener.getsockname()[1]}")


def test_a_machine_without_ray_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    assert "pip install goodfit[cluster]" in refused(tmp_path, "local")


@given(
    st.lists(st.tuples(st.integers(1, 300), st.integers(1, 32)), min_size=1, max_size=5),
    st.integers(1, 16),
)
def test_tiles_are_small_enough_for_all_cpus(groups: list[tuple[int, int]], cpus: int) -> None:
    waiting, most = [num for num, _ in groups], [top for _, top in groups]
    sizes = tile_rows(waiting, most, cpus)
    assert all(1 <= size <= top for size, top in zip(sizes, most, strict=True))
    if len(groups) == 1:
        num_tiles = -(-waiting[0] // sizes[0])
        # Equal tiles: half of the CPUs or more have work, all where the trials divide.
        assert 2 * num_tiles >= min(cpus, waiting[0])
        if waiting[0] % cpus == 0:
            assert num_tiles >= cpus
