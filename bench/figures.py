"""What the defaults reach: sealed test scores beside scikit-learn's, on the same splits.

    python -m bench.figures --fashion-mnist DIR

Each seed draws split, weights and batch order anew (Fashion-MNIST keeps its own test part). goodfit
trains with defaults only and opens the sealed part once. scikit-learn's models, defaults too
(inputs standardised for all but trees, 1,000 iterations for the logistic one), are given the
training and the validation rows, since they choose nothing on validation; they are scored on the
same test rows.
Writes docs/figures.md.
"""

import argparse
import json
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
import torch
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import goodfit as gf
from bench.data_folder import fashion_mnist_folder
from bench.report import RESULTS, header, print_header, progress, write_json
from goodfit.pipeline.begin import resolve_for
from goodfit.pipeline.material import Known, know, material_of

BUILT_IN = ("digits", "wine", "breast-cancer", "diabetes")
FASHION = "fashion-mnist"
PAGE = Path(__file__).parent.parent / "docs" / "figures.md"
Rows = tuple[np.ndarray, np.ndarray]
Maker = Callable[[int], Any]
CLASSIFIERS: dict[str, Maker] = {
    "scikit-learn MLP": lambda seed: _scaled(MLPClassifier(random_state=seed)),
    "logistic regression": lambda seed: _scaled(LogisticRegression(max_iter=1000)),
    "gradient boosting": lambda seed: HistGradientBoostingClassifier(random_state=seed),
}
REGRESSORS: dict[str, Maker] = {
    "scikit-learn MLP": lambda seed: _scaled(MLPRegressor(random_state=seed)),
    "linear regression": lambda seed: _scaled(LinearRegression()),
    "gradient boosting": lambda seed: HistGradientBoostingRegressor(random_state=seed),
}


def _scaled(model: Any) -> Any:
    return make_pipeline(StandardScaler(), model)


def recipes(name: str, folder: Path | None) -> dict[str, gf.Recipe]:
    """The networks that take part, defaults only."""
    if name != FASHION:
        return {"goodfit": gf.Recipe(data=name)}
    source = gf.DataSource(path=FASHION, folder=str(folder))
    return {
        "goodfit CNN": gf.Recipe(data=source),
        "goodfit MLP": gf.Recipe(data=source, net=gf.MLP()),
    }


def test_score(recipe: gf.Recipe) -> tuple[float, float]:
    """Train, open the sealed part, and return its score and the seconds of training."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run"
        gf.train(recipe, out=path)
        seconds = time.perf_counter() - began
        scores = gf.test(path).test_scores
    assert scores is not None
    return scores.values["accuracy" if "accuracy" in scores.values else "r2"], seconds


def parts_of(recipe: gf.Recipe) -> tuple[Known, Rows, Rows]:
    """The same rows as the run has: those that train or validate, those that test."""
    known = know(recipe)
    assert known.parts is not None
    with tempfile.TemporaryDirectory() as folder:
        material = material_of(known, resolve_for(recipe, known), Path(folder))
        inputs, target = material.batches.data  # pyright: ignore[reportGeneralTypeIssues]
        x = np.asarray(inputs).reshape(len(inputs), -1).copy()
        y = np.asarray(target).copy()
    seen = np.concatenate([known.parts.train, known.parts.validation])
    test = known.parts.test
    return known, (x[seen], y[seen].ravel()), (x[test], y[test].ravel())


def rivals(recipe: gf.Recipe, seed: int) -> Iterator[tuple[str, float, float]]:
    """Each model of scikit-learn: name, test score, seconds of fitting."""
    known, (x, y), (test_x, test_y) = parts_of(recipe)
    makers = CLASSIFIERS if known.card.task == "classification" else REGRESSORS
    for name, make in makers.items():
        progress(f"{recipe.data.path}, seed {seed}: {name}")
        began = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model = make(seed).fit(x, y)
        yield name, float(model.score(test_x, test_y)), time.perf_counter() - began


def measure(
    name: str, seeds: int, folder: Path | None, *, rival_seeds: int
) -> dict[str, dict[str, list[float]]]:
    """Scores and seconds of all that take part, seed after seed; of 0 seeds, of rivals alone."""
    found: dict[str, dict[str, list[float]]] = {}

    def note(model: str, score: float, seconds: float) -> None:
        held = found.setdefault(model, {"score": [], "seconds": []})
        held["score"].append(score)
        held["seconds"].append(seconds)

    for seed in range(max(seeds, rival_seeds)):
        for model, recipe in recipes(name, folder).items() if seed < seeds else ():
            progress(f"{name}, seed {seed}: {model}")
            note(model, *test_score(recipe.model_copy(update={"seed": seed})))
        if seed >= rival_seeds:
            continue
        plain = next(iter(recipes(name, folder).values()))
        for model, score, seconds in rivals(plain.model_copy(update={"seed": seed}), seed):
            note(model, score, seconds)
    return found


def told(scores: list[float]) -> str:
    """Mean and standard error.

    Example:
        >>> told([0.9, 0.92, 0.94])
        '0.920 ± 0.012'
    """
    if len(scores) < 2:
        return f"{mean(scores):.3f}"
    return f"{mean(scores):.3f} ± {stdev(scores) / len(scores) ** 0.5:.3f}"


def page(results: dict[str, dict[str, Any]]) -> str:
    """The page for docs, of ``{data: {"facts": ..., "models": ...}}``."""
    lines = [
        "# What the defaults reach",
        "",
        "Made by `python -m bench.figures --fashion-mnist DIR`. Accuracy (diabetes: R²) on the"
        " sealed test part, mean ± standard error over seeds, each with a split of its own"
        " (Fashion-MNIST keeps its own); defaults only. scikit-learn's models are given the"
        " validation rows too. Seconds are medians.",
        "",
    ]
    for name, held in results.items():
        models = held["models"]
        lines += [f"## {name}", "", "| model | test score | n | seconds |", "|---|---|---|---|"]
        best_first = sorted(models.items(), key=lambda item: -mean(item[1]["score"]))
        lines += [
            f"| {model} | {told(held['score'])} | {len(held['score'])} |"
            f" {np.median(held['seconds']):.1f} |"
            for model, held in best_first
        ]
        lines += ["", made_by(held["facts"]), ""]
        earlier: dict[str, list[str]] = {}
        for model, one in models.items():
            if "facts" in one:
                earlier.setdefault(made_by(one["facts"]), []).append(model)
        for made, names in earlier.items():
            lines += [f"{', '.join(names)}: {made}", ""]
    return "\n".join(lines)


def made_by(facts: dict[str, Any]) -> str:
    """The command, the day and the machine in words."""
    made = {**facts["machine"], **facts["versions"]}
    machine = ", ".join(f"{key} {value}" for key, value in made.items())
    return f"`{facts['command']}`, {facts['date'][:10]}; {machine}."


def with_earlier(found: dict[str, Any], earlier: dict[str, Any]) -> dict[str, Any]:
    """What was measured, and models that were measured earlier, with the facts of then.

    Example:
        >>> earlier = {"facts": {"date": "then"}, "models": {"a": {"score": [1]}, "b": {}}}
        >>> with_earlier({"b": {"score": [2]}}, earlier)["a"]
        {'facts': {'date': 'then'}, 'score': [1]}
    """
    models = earlier.get("models", {})
    kept = {name: {"facts": earlier["facts"]} | one for name, one in models.items()}
    return found | {name: one for name, one in kept.items() if name not in found}


def main() -> None:
    """Run, print, and write beside the results of other data."""
    parser = argparse.ArgumentParser(prog="python -m bench.figures", description=__doc__)
    names = [*BUILT_IN, FASHION]
    parser.add_argument("--data", nargs="+", choices=names, default=names)
    parser.add_argument("--seeds", type=int, default=3, help="seeds of goodfit; 0: rivals alone")
    parser.add_argument("--rival-seeds", type=int, default=3, help="seeds of scikit-learn's models")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--fashion-mnist", type=Path, help="folder of the four .gz files")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    facts = header("bench.figures", vars(options), ("goodfit", "torch", "scikit-learn"))
    print_header(facts)
    folder = fashion_mnist_folder(options.fashion_mnist) if FASHION in options.data else None
    path = RESULTS / "figures.json"
    results = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    for name in options.data:
        found = measure(name, options.seeds, folder, rival_seeds=options.rival_seeds)
        models = with_earlier(found, results.get(name, {}))
        results[name] = {"facts": facts, "models": models}
        # After each data set, so that what was measured for an hour is not lost.
        ordered = {name: results[name] for name in names if name in results}
        write_json(path, ordered)
        PAGE.write_text(page(ordered) + "\n", encoding="utf-8")
    print(page({name: results[name] for name in options.data}))


if __name__ == "__main__":
    main()
