"""Does every watcher that is installed really stand beside a training?"""

import pytest
import torch

from bench.watch_models import MODELS
from bench.watch_overhead import WATCHERS, Run, importable, summarise


@pytest.mark.parametrize("watcher", WATCHERS)
def test_a_watched_training_trains(watcher: str) -> None:
    if not importable(watcher):
        pytest.skip("not installed")
    run = Run(MODELS[0], watcher, seed=0)
    before = torch.cat([p.detach().flatten() for p in run.loop.net.parameters()])
    run.block(5)
    sample = run.close()
    after = torch.cat([p.detach().flatten() for p in run.loop.net.parameters()])
    assert not torch.equal(before, after)
    assert sample.cpu_s > 0
    assert (sample.looks >= 3) == (watcher == "goodfit")


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_each_model_takes_its_batch(model) -> None:
    outputs = model.net()(torch.randn(2, *model.shape))
    assert outputs.shape == (2, 10)


def test_ratios_are_against_none_in_the_same_round() -> None:
    runs = [Run(MODELS[0], "none", seed) for seed in range(2)]
    samples = [run.close() for run in runs]
    for sample in samples:
        sample.cpu_s = sample.wall_s = 2.0
    assert summarise(samples, samples, 4)["cpu_ratio"]["median"] == 1.0
