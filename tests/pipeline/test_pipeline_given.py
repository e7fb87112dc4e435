"""Data that comes from Python: arrays, tensors, tables, loaders; and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from pipeline_helpers import TINY, expected_scores, raw_data, rows_of, tensors_of
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

import goodfit as gf
from goodfit.errors import DataError, NetError, RunError

MINE = TINY.model_copy(update={"data": gf.DataSource(path="mine")})
FRAME, LABELS = raw_data("iris")
X = np.array(FRAME, np.float32)
Y = np.unique(LABELS, return_inverse=True)[1]

FORMS: dict[str, tuple[Any, Any]] = {
    "numpy": (X, Y),
    "torch": (torch.from_numpy(X), torch.from_numpy(Y)),
    "not contiguous": (np.asfortranarray(X), Y[::-1][::-1]),
    "lists": (X.tolist(), Y.tolist()),
    "columns of one": (X, Y[:, None]),
    "pandas target": (X, pd.Series(Y, index=np.arange(150) + 7)),
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("given")


@pytest.fixture(scope="module")
def from_numpy(root: Path) -> gf.Run:
    return gf.train(MINE, data=(X, Y), out=root / "numpy")


@pytest.mark.parametrize("form", [form for form in FORMS if form != "numpy"])
def test_arrays_of_every_form_give_the_same_bits(form: str, from_numpy: gf.Run) -> None:
    run = gf.train(MINE, data=FORMS[form])
    expected = tensors_of(from_numpy.folder.best)
    assert tensors_of(run.folder.best) == expected


def test_scores_of_arrays_are_scikit_learns(from_numpy: gf.Run) -> None:
    rows = rows_of(from_numpy.folder.path, "validation")
    expected = expected_scores(from_numpy, X[rows], Y[rows])
    assert from_numpy.scores.values == pytest.approx(expected, rel=1e-5)
    assert from_numpy.card.input_kind == "array" and from_numpy.card.source == "mine"


@pytest.mark.parametrize(
    "form",
    [X, torch.from_numpy(X), X.astype(np.float64), X.tolist(), X[::-1][::-1], X[:, ::-1][:, ::-1]],
    ids=["numpy", "torch", "doubles", "lists", "reversed rows", "reversed columns"],
)
def test_predictions_take_every_form(form: Any, from_numpy: gf.Run) -> None:
    expected = from_numpy.predict_proba(X)
    assert np.array_equal(from_numpy.predict_proba(form), expected)
    assert np.array_equal(from_numpy.predict(form), expected.argmax(axis=1))


def test_predictions_take_memory_that_may_not_be_written(from_numpy: gf.Run) -> None:
    frozen = X.copy()
    frozen.setflags(write=False)
    assert np.array_equal(from_numpy.predict(frozen), from_numpy.predict(X))


def test_chances_are_chances(from_numpy: gf.Run) -> None:
    chances = from_numpy.predict_proba(X)
    assert chances.shape == (150, 3) and chances.min() >= 0.0
    assert chances.sum(axis=1) == pytest.approx(1.0, abs=1e-6)


def test_a_sample_of_another_shape_is_told(from_numpy: gf.Run) -> None:
    with pytest.raises(DataError, match=r"samples of shape \[4\]") as caught:
        from_numpy.predict(X[:, :3])
    assert "[150, 3]" in str(caught.value.given)


def test_a_table_is_predicted_by_its_columns_names() -> None:
    run = gf.train(MINE, data=(FRAME, pd.Series(LABELS, name="species")))
    shuffled = FRAME[FRAME.columns[::-1]].assign(more="x")
    assert np.array_equal(run.predict(shuffled), run.predict(FRAME))
    assert run.card.target == "species" and set(run.predict(FRAME)) <= set(LABELS)
    with pytest.raises(DataError, match="is missing"):
        run.predict(FRAME.drop(columns=FRAME.columns[0]))
    with pytest.raises(DataError, match="trained on a table"):
        run.predict(X)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["1", "2"], np.int64),
        (["1", "02"], np.str_),
        (["a", "2"], np.str_),
        (["--1", "2"], np.str_),
        (["1", "123456789012345678901234567890"], np.str_),
        ([True, False], np.str_),
    ],
    ids=str,
)
def test_predictions_are_whole_numbers_where_all_classes_are(labels: list, expected: type) -> None:
    target = np.asarray(labels)[Y % 2]
    predicted = gf.train(MINE.model_copy(update={"epochs": 1}), data=(X, target)).predict(X)
    assert isinstance(predicted[0], expected)
    assert set(predicted.astype(str)) <= set(target.astype(str))


@pytest.mark.parametrize("data", [(X,), (X, Y, Y), [X, Y], X, {"x": X, "y": Y}], ids=type)
def test_what_is_no_pair_is_refused(data: Any) -> None:
    with pytest.raises(DataError, match="takes a pair") as caught:
        gf.train(MINE, data=data)
    assert caught.value.do.startswith("Pass data=(X, y).")


def test_a_run_of_given_data_needs_it_again(from_numpy: gf.Run) -> None:
    path = from_numpy.folder.path
    for again in (gf.test, gf.resume):
        with pytest.raises(DataError, match="cannot be loaded again") as caught:
            again(path)
        assert "has to be given again" in caught.value.do
        with pytest.raises(RunError, match="not what it was"):
            again(path, data=(X + 1, Y))
    tested = gf.test(path, data=(X, Y))
    assert tested.test_scores is not None and tested.test_scores.num_rows == from_numpy.sizes.test


# Loaders


def loader(rows: slice, *, size: int = 30, shuffle: bool = False) -> DataLoader:
    data = TensorDataset(torch.from_numpy(X[rows]), torch.from_numpy(Y[rows]))
    return DataLoader(data, batch_size=size, shuffle=shuffle)


EVEN, ODD = slice(0, None, 2), slice(1, None, 2)
LINEAR = MINE.model_copy(update={"optimizer": gf.SGD(lr=0.1), "schedule": gf.Constant()})


@pytest.fixture(scope="module")
def loaded(root: Path) -> gf.Run:
    return gf.train(LINEAR, batches=loader(EVEN), validation=loader(ODD, size=50), out=root / "l")


def test_loaders_train_as_a_plain_loop_over_them_does() -> None:
    torch.manual_seed(3)
    net = nn.Linear(4, 3)
    run = gf.train(LINEAR, net=net, batches=loader(EVEN), validation=loader(ODD))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    losses = []
    for x, y in [batch for _ in range(3) for batch in loader(EVEN)]:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert run.history.steps.loss == pytest.approx(losses, rel=1e-4)


def test_loaders_are_scored_and_described(loaded: gf.Run) -> None:
    expected = expected_scores(loaded, X[ODD], Y[ODD])
    assert loaded.scores.values == pytest.approx(expected, rel=1e-5)
    assert (loaded.sizes.train, loaded.sizes.validation, loaded.sizes.test) == (75, 75, 0)
    assert (loaded.recipe.batch_size, loaded.history.steps_per_epoch) == (30, 3)
    assert loaded.card.classes == ("0", "1", "2") and loaded.card.class_counts == (50, 50, 50)


def test_a_run_of_loaders_says_that_their_order_may_change(loaded: gf.Run) -> None:
    assert any("loader's own order" in note for note in loaded.history.notes)


def test_a_run_of_loaders_is_loaded(loaded: gf.Run) -> None:
    assert np.array_equal(gf.load(loaded.folder.path).predict(X), loaded.predict(X))


def test_a_run_of_loaders_has_no_test_part(loaded: gf.Run, root: Path) -> None:
    """Also where its data is called as a built-in set is: that one's rows were trained on."""
    named = LINEAR.model_copy(update={"data": gf.DataSource(path="iris")})
    gf.train(named, batches=loader(EVEN), validation=loader(ODD), out=root / "named")
    for path in (loaded.folder.path, root / "named"):
        with pytest.raises(RunError, match="has no test part"):
            gf.test(path)
        assert not (path / "scores-test.json").exists()


def test_a_run_of_loaders_is_not_resumed_with_other_data(root: Path, loaded: gf.Run) -> None:
    path = root / "named"
    with pytest.raises(RunError, match="not what it was"):
        gf.resume(path)
    gf.resume(path, batches=loader(EVEN), validation=loader(ODD))
    with pytest.raises(RunError, match="number of batches") as caught:
        gf.resume(path, batches=loader(EVEN, size=10), validation=loader(ODD))
    assert "probes of shape [8, 2] now, [3, 2]" in str(caught.value.given)


def pairs(rows: slice) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(X[rows][:30], Y[rows][:30]), (X[rows][30:], Y[rows][30:])]


def test_lists_of_arrays_are_batches_too(loaded: gf.Run) -> None:
    run = gf.train(LINEAR, batches=pairs(EVEN), validation=pairs(ODD))
    assert run.sizes == loaded.sizes and run.recipe.batch_size == 30


def test_a_class_that_only_validation_has_is_a_class() -> None:
    known = Y[EVEN] < 2
    batches = [(X[EVEN][known], Y[EVEN][known])]
    run = gf.train(LINEAR, batches=batches, validation=pairs(ODD))
    assert run.card.classes == ("0", "1", "2")


def test_token_numbers_stay_whole_numbers() -> None:
    tokens = torch.randint(0, 10, (64, 5), generator=torch.Generator().manual_seed(0))
    batches = [(tokens[i : i + 16], (tokens.sum(1) % 2)[i : i + 16]) for i in range(0, 64, 16)]
    net = nn.Sequential(nn.Embedding(10, 4), nn.Flatten(), nn.Linear(20, 2))
    run = gf.train(LINEAR, net=net, batches=batches, validation=batches)
    assert run.predict(tokens).shape == (64,)


def test_several_quantities_at_once_are_predicted_side_by_side() -> None:
    y = np.stack([X[:, 0] + X[:, 1], X[:, 2]], axis=1)
    run = gf.train(LINEAR, net=nn.Linear(4, 2), batches=[(X, y)], validation=[(X, y)])
    assert run.card.task == "regression" and run.predict(X).shape == (150, 2)
    with pytest.raises(NetError, match="something else") as caught:
        gf.train(LINEAR, net=nn.Linear(4, 1), batches=[(X, y)], validation=[(X, y)])
    assert "[150, 2]" in caught.value.do


def once(batches: Any) -> Any:
    return (batch for batch in batches)


def negative() -> list[tuple[np.ndarray, np.ndarray]]:
    return [(X, Y - 1)]


WRONG_LOADERS: dict[str, tuple[Callable[[], tuple[Any, Any]], str, str, str]] = {
    "a generator": (
        lambda: (once(pairs(EVEN)), pairs(ODD)),
        "only once",
        "generator",
        "DataLoader",
    ),
    "a generator to validate": (
        lambda: (pairs(EVEN), once(pairs(ODD))),
        "validation batches can be read only once",
        "generator",
        "DataLoader",
    ),
    "nothing": (lambda: ([], pairs(ODD)), "yields no batch", "", "(x, y)"),
    "nothing to validate": (lambda: (pairs(EVEN), []), "batches are none", "list", "(x, y)"),
    "triples": (lambda: ([(X, Y, Y)], pairs(ODD)), "pairs (x, y)", "tuple", "(x, y)"),
    "triples to validate": (lambda: (pairs(EVEN), [(X, Y, Y)]), "pairs", "tuple", "(x, y)"),
    "one of two": (lambda: (pairs(EVEN), None), "in pairs", "one of", "both"),
    "the other of two": (lambda: (None, pairs(ODD)), "in pairs", "one of", "both"),
    "a number": (lambda: (32, pairs(ODD)), "what yields batches", "int", "torch Dataset"),
    "a number to validate": (lambda: (pairs(EVEN), 32), "what yields", "int", "torch Dataset"),
    "negative classes": (lambda: (negative(), negative()), "counted from 0", "-1", "0, 1, 2"),
}


@pytest.mark.parametrize("case", WRONG_LOADERS)
def test_a_wrong_loader_is_told_in_words(case: str, tmp_path: Path) -> None:
    make, what, given, do = WRONG_LOADERS[case]
    batches, validation = make()
    with pytest.raises(DataError) as caught:
        gf.train(LINEAR, batches=batches, validation=validation, out=tmp_path / "run")
    error = caught.value
    assert what in error.what and given in str(error.given) and do in error.do
    assert not (tmp_path / "run").exists()


class Watched(TensorDataset):
    """Remembers which rows were asked for."""

    def __init__(self) -> None:
        super().__init__(torch.from_numpy(X[EVEN]), torch.from_numpy(Y[EVEN]))
        self.asked: list[int] = []

    def __getitem__(self, index: int) -> tuple[Tensor, ...]:
        self.asked.append(index)
        return super().__getitem__(index)


def test_a_shuffling_loader_gives_every_row_in_each_epoch_in_another_order() -> None:
    data = Watched()
    batches = DataLoader(data, batch_size=30, shuffle=True)
    gf.train(LINEAR.model_copy(update={"epochs": 2}), batches=batches, validation=pairs(ODD))
    first, second = data.asked[-150:-75], data.asked[-75:]
    assert sorted(first) == sorted(second) == list(range(75)) and first != second


# Datasets of torch


def dataset(rows: slice) -> TensorDataset:
    return TensorDataset(torch.from_numpy(X[rows]), torch.from_numpy(Y[rows]))


@pytest.fixture(scope="module")
def of_datasets(root: Path) -> gf.Run:
    return gf.train(LINEAR, batches=dataset(EVEN), validation=dataset(ODD), out=root / "datasets")


def test_a_dataset_trains_as_a_plain_loop_in_the_recipes_order() -> None:
    torch.manual_seed(3)
    net = nn.Linear(4, 3)
    data = Watched()
    run = gf.train(LINEAR, net=net, batches=data, validation=dataset(ODD))
    asked, epochs = data.asked[-3 * 75 :], LINEAR.epochs
    orders = [asked[75 * k : 75 * k + 75] for k in range(3)]
    assert epochs == 3 and all(sorted(order) == list(range(75)) for order in orders)
    assert orders[0] != orders[1] != orders[2] and orders[0] != list(range(75))
    optimizer, losses = torch.optim.SGD(net.parameters(), lr=0.1), []
    for order in orders:
        for rows in (order[:32], order[32:64], order[64:]):
            x, y = torch.from_numpy(X[EVEN][rows]), torch.from_numpy(Y[EVEN][rows])
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(net(x), y)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    assert run.history.steps.loss == pytest.approx(losses, rel=1e-4)


def test_datasets_are_scored_and_described(of_datasets: gf.Run) -> None:
    expected = expected_scores(of_datasets, X[ODD], Y[ODD])
    assert of_datasets.scores.values == pytest.approx(expected, rel=1e-5)
    sizes = of_datasets.sizes
    assert (sizes.train, sizes.validation, sizes.test) == (75, 75, 0)
    assert (of_datasets.recipe.batch_size, of_datasets.history.steps_per_epoch) == (32, 3)
    assert any("order drawn from the seed" in note for note in of_datasets.history.notes)
    assert not any("loader's own order" in note for note in of_datasets.history.notes)


def test_the_seed_says_the_order_of_a_dataset(of_datasets: gf.Run) -> None:
    torch.manual_seed(99)
    again = gf.train(LINEAR, batches=dataset(EVEN), validation=dataset(ODD))
    assert tensors_of(again.folder.best) == tensors_of(of_datasets.folder.best)
    net = nn.Linear(4, 3)
    first, other = (
        gf.train(
            LINEAR.model_copy(update={"seed": seed}),
            net=net,
            batches=dataset(EVEN),
            validation=dataset(ODD),
        ).history.steps.loss
        for seed in (0, 1)
    )
    assert first != other


def test_a_dataset_and_a_loader_go_together_and_a_rest_of_one_row_is_left_out() -> None:
    recipe = LINEAR.model_copy(update={"batch_size": 37})
    run = gf.train(recipe, batches=dataset(EVEN), validation=loader(ODD))
    assert (run.history.steps_per_epoch, run.sizes.train) == (2, 75)
    assert run.card.class_counts == (50, 50, 50)
    open_size = LINEAR.model_copy(update={"batch_size": None})
    run = gf.train(open_size, batches=loader(EVEN), validation=dataset(ODD))
    assert run.recipe.batch_size == 30 and run.sizes.validation == 75
    assert gf.train(open_size, batches=dataset(EVEN), validation=[(X, Y)]).recipe.batch_size == 16


class Samples(Dataset[Any]):
    """Samples of any kind, by number."""

    def __init__(self, samples: list[Any]) -> None:
        self.samples = samples

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Any:
        return self.samples[index]


class Endless(Dataset[Any]):
    """Does not say how many samples it has."""

    def __getitem__(self, index: int) -> Any:
        return X[0], 0


def test_samples_may_be_arrays_and_plain_numbers() -> None:
    numbers = Samples([(x, int(y)) for x, y in zip(X, Y, strict=True)])
    quantities = Samples([(x, float(x[0])) for x in X])
    tensors = gf.train(LINEAR, batches=dataset(slice(None)), validation=dataset(ODD))
    run = gf.train(LINEAR, batches=numbers, validation=dataset(ODD))
    assert tensors_of(run.folder.best) == tensors_of(tensors.folder.best)
    assert gf.train(LINEAR, batches=quantities, validation=quantities).card.task == "regression"


WRONG_DATASETS: dict[str, tuple[Dataset[Any], str, str]] = {
    "none": (Samples([]), "has no samples", "Samples"),
    "no length": (Endless(), "has no length", "Endless"),
    "texts": (Samples([("a", 0)] * 9), "something else than numbers", "str"),
    "objects": (Samples([(object(), 0)] * 9), "do not make a batch", "object"),
    "sizes": (Samples([(X[0], 0), (X[0][:2], 1)] * 9), "do not make a batch", "ndarray"),
    "inputs alone": (Samples(list(X)), "pairs (x, y)", "Tensor"),
}


@pytest.mark.parametrize("case", WRONG_DATASETS)
def test_a_wrong_dataset_is_told_in_words(case: str) -> None:
    data, what, given = WRONG_DATASETS[case]
    for batches, validation in ((data, dataset(ODD)), (dataset(EVEN), data)):
        with pytest.raises(DataError) as caught:
            gf.train(LINEAR, batches=batches, validation=validation)
        assert what in caught.value.what and given in str(caught.value.given)


@pytest.mark.parametrize("data", [dataset(EVEN), loader(EVEN)], ids=["dataset", "loader"])
def test_a_dataset_as_data_is_sent_to_batches(data: Any) -> None:
    with pytest.raises(DataError, match="takes a pair") as caught:
        gf.train(LINEAR, net=nn.Linear(4, 3), data=data)
    assert "batches=" in caught.value.do and "random_split" in caught.value.do


class Streamed(IterableDataset[Any]):
    """Yields whole batches."""

    def __iter__(self) -> Any:
        return iter(pairs(EVEN))


def test_a_stream_of_batches_is_taken_as_it_comes(loaded: gf.Run) -> None:
    run = gf.train(LINEAR, batches=Streamed(), validation=pairs(ODD))
    assert run.sizes == loaded.sizes and run.recipe.batch_size == 30


def test_what_plays_no_part_with_loaders_is_said() -> None:
    said = {
        "prepare": gf.Prepare(scale="zca", eps=0.5),
        "split": gf.Split(test=7),
        "data": gf.DataSource(path="mine", target="y"),
    }
    recipe = LINEAR.model_copy(update=said)
    of_loader = gf.train(recipe, batches=loader(EVEN), validation=loader(ODD)).history.notes
    of_dataset = gf.train(recipe, batches=dataset(EVEN), validation=dataset(ODD)).history.notes
    for words in ('prepare.scale = "zca"', "prepare.eps = 0.5", "split.test = 7", 'target = "y"'):
        for notes in (of_loader, of_dataset):
            assert sum(f"{words} plays no part, since batches" in note for note in notes) == 1
    assert any("batch_size = 32 plays no part" in n and "30 rows" in n for n in of_loader)
    assert not any("batch_size" in note for note in of_dataset)
    plain = gf.train(LINEAR, batches=loader(EVEN, size=32), validation=loader(ODD)).history.notes
    assert not any("plays no part" in note for note in plain)
