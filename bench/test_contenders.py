"""Every contender does the work: as many backward passes as there are steps, and a falling loss.

python -m pytest bench
"""

import math

import pytest
import torch

from bench.contenders import CONTENDER_NAMES, load_train
from bench.memory import CASES
from bench.memory_cases import RUN
from bench.problems import Problem, digits_mlp, make_cnn, whole_batches

EPOCHS = 3
# The largest over the smallest last loss that another seed of the plain loop gives is about 1.5.
MAX_LOSS_RATIO = 1.7
# The project turns warnings into errors; those of other libraries are not ours.
pytestmark = pytest.mark.filterwarnings("default")
# Their steps need not call `Tensor.backward`, so only their loss is looked at.
OWN_BACKWARD = {"goodfit", "goodfit_compiled"}


def small_cnn() -> Problem:
    """Images of noise in which a brighter column tells the class."""
    generator = torch.Generator().manual_seed(0)
    y = torch.randint(10, (2050,), generator=generator)
    x = torch.randn(2050, 1, 28, 28, generator=generator)
    x[torch.arange(2050), 0, :, 2 * y] += 0.7
    data = whole_batches(x, y, 32)
    return Problem("noise-cnn", **data, make_net=make_cnn, batch_size=32, epochs=1)


@pytest.fixture(params=["mlp", "cnn"])
def problem(request: pytest.FixtureRequest) -> Problem:
    """One flat and one image problem."""
    if request.param == "mlp":
        return digits_mlp("digits", batch_size=32, epochs=1)
    return small_cnn()


@pytest.fixture
def backward_calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry for each call of `Tensor.backward`."""
    calls: list[int] = []
    original = torch.Tensor.backward

    def counted(self: torch.Tensor, *args: object, **options: object) -> None:
        calls.append(1)
        original(self, *args, **options)

    monkeypatch.setattr(torch.Tensor, "backward", counted)
    return calls


@pytest.mark.parametrize("name", CONTENDER_NAMES)
def test_contender_trains_as_plain_does(
    name: str, problem: Problem, backward_calls: list[int]
) -> None:
    """Exact number of steps, and a last loss like the plain loop's, well below chance."""
    try:
        train = load_train(name)
    except ImportError as error:
        pytest.skip(str(error))
    loss = train(problem, epochs=EPOCHS, seed=1)
    if name not in OWN_BACKWARD:
        assert len(backward_calls) == EPOCHS * problem.steps_per_epoch
    expected = load_train("plain")(problem, epochs=EPOCHS, seed=1)
    assert max(loss, expected) < MAX_LOSS_RATIO * min(loss, expected)
    assert loss < math.log(10) / 2


def test_memory_cases_are_all_described() -> None:
    """`memory.py` names its cases without importing them."""
    assert set(CASES) == set(RUN)
