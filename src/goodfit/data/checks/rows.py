"""Checks of rows that equal each other, and of classes that a part lacks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...records import Finding, Verdict, found, not_judged, passed
from .columns import SOURCE
from .copies import FEWEST_SHARED, SOME, is_overlap
from .remedies import keep_together
from .subject import Rows


def overlap_with_test(rows: Rows) -> Verdict:
    """Fires when rows of the test part stand in the training or validation part too.

    Then the final score is too good, and nothing later tells. Inputs are compared exactly. Rows
    that repeat within the training part are the data's own doubles: the share must be over 1 %
    and over three times theirs, and three rows at least. Where two columns tell nearly every row
    from the others, or equal images have 16 different values, none are equal by chance: over 1 %
    and three rows are enough. The validation part is compared by split-overlap. Notes n3, Proper
    Methodology.
    """
    name, parts = "overlap-with-test", rows.parts
    if not len(parts.test):
        return not_judged(name, "there is no test part")
    in_open = np.isin(rows.keys[parts.test], rows.keys[rows.open_rows])
    share, natural = float(in_open.mean()), _share_repeated(rows.keys[parts.train])
    num, copies = int(in_open.sum()), rows.has_copies_only
    if not is_overlap(num, len(in_open), share_repeated=natural, copies_only=copies):
        return passed(name, f"{share:.2%} of the test rows stand in another part")
    return found(
        Finding(
            rule=name,
            severity="warning",
            meaning="Rows of the test part stand in other parts: its score will be too good.",
            remedy="Remove doubles before the split, or keep them together:"
            f" {keep_together(rows.dataset)}.",
            source="notes n3, Proper Methodology",
            evidence={
                "share": share,
                "num_rows": num,
                "share_repeated_in_training": natural,
            },
        ),
    )


def _share_repeated(keys: np.ndarray) -> float:
    return 1.0 - len(np.unique(keys)) / len(keys)


def duplicate_rows(rows: Rows) -> Verdict:
    """Fires when over 1 % of the rows equal an earlier one in their inputs.

    Copies weigh as much as they are many, and after a random split they stand in several parts:
    how many held-out rows stand in the training part is among the evidence. A warning where over
    1 % of them do, and two columns tell nearly every row from the others (equal images: have 16
    different values), so that equal rows are copies; a statement otherwise: rows of few different
    values are equal by chance, and of these split-overlap and overlap-with-test judge. Notes n3,
    Data Considerations.
    """
    name, share, parts = "duplicate-rows", _share_repeated(rows.keys), rows.parts
    held_out = np.concatenate([parts.validation, parts.test])
    in_both = int(np.isin(rows.keys[held_out], rows.keys[parts.train]).sum())
    num_copies = len(rows.keys) - len(np.unique(rows.keys))
    if share <= SOME:
        return passed(name, f"rows that equal an earlier one: {num_copies:,}")
    is_seen = in_both >= max(FEWEST_SHARED, SOME * len(held_out)) and rows.has_copies_only
    return found(
        Finding(
            rule=name,
            severity="warning" if is_seen else "info",
            meaning="Many rows equal an earlier one: they count more than others"
            + (", and held-out rows stand in the training part too." if in_both else "."),
            remedy="Find out whether they were seen several times, or only written so: then remove"
            f" them before the split, or keep them together: {keep_together(rows.dataset)}.",
            source=SOURCE,
            evidence={
                "num_rows": num_copies,
                "share": share,
                "held_out_in_training": in_both,
                "held_out": len(held_out),
            },
        ),
    )


def contradicting_labels(rows: Rows) -> Verdict:
    """Fires when rows of equal inputs have different labels: no network can get all of them right.

    Of the rows that train and validate: a warning where over 1 % of them would be mistakes of
    even the best prediction, which takes the commonest label of each input, and equal rows are
    copies; a statement where fewer would, or where rows of few different values are equal by
    chance: then the columns do not decide the label. Quantities may differ on equal inputs and
    are not judged. Notes n3, Data Considerations.
    """
    name, seen = "contradicting-labels", rows.open_rows
    if rows.dataset.task != "classification":
        return not_judged(name, "the target is a quantity")
    num_wrong = _num_outvoted(rows.keys[seen], rows.dataset.target[seen])
    if not num_wrong:
        return passed(name, "equal inputs have equal labels")
    share, copies = num_wrong / len(seen), rows.has_copies_only
    return found(
        Finding(
            rule=name,
            severity="warning" if share > SOME and copies else "info",
            meaning="Rows of equal inputs have different labels: "
            + ("some of them must be wrong." if copies else "the columns do not decide them."),
            remedy="Look at these rows; correct them, or add a column that tells them apart.",
            source=SOURCE,
            evidence={"num_rows": num_wrong, "best_accuracy": 1.0 - share},
        ),
    )


def _num_outvoted(keys: np.ndarray, labels: np.ndarray) -> int:
    """Count rows whose label is not the commonest of the rows of their key."""
    distinct, code = np.unique(keys, return_inverse=True)
    num_classes = int(labels.max()) + 1
    cells, counts = np.unique(code * num_classes + labels, return_counts=True)
    commonest = np.zeros(len(distinct), np.int64)
    np.maximum.at(commonest, cells // num_classes, counts)
    return len(labels) - int(commonest.sum())


def missing_class(rows: Rows) -> Verdict:
    """Fires when a part has no row of some class: it is not learned there, or not judged.

    Notes n3, Proper Methodology.
    """
    name, data = "missing-class", rows.dataset
    if data.task != "classification":
        return not_judged(name, "the target is a quantity")
    every = set(range(len(data.classes)))
    lacking = {
        part: sorted(every - set(np.unique(data.target[places]).tolist()))
        for part, places in rows.parts.rows().items()
        if len(places)
    }
    parts = [part for part, classes in lacking.items() if classes]
    code = lacking[parts[0]][0] if parts else 0
    without = [part for part in parts if code in lacking[part]]
    if not parts:
        return passed(name, "every class stands in every part")
    return found(
        Finding(
            rule=name,
            severity="warning",
            meaning=f'No row of class "{data.classes[code]}" stands in the {_parts(without)}.',
            remedy="Collect more of it, hold out more rows, or leave the class out.",
            source="notes n3, Proper Methodology",
            evidence={f"missing_in_{part}": len(lacking[part]) for part in parts},
            where=_parts(parts),
        ),
    )


def _parts(names: Sequence[str]) -> str:
    """Return names of parts as words: "validation and test part"."""
    return f"{' and '.join(names)} part"
