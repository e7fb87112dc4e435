"""From texts to numbers: what a column of categories becomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from sklearn.utils import murmurhash3_32

from ..recipe.inputs import Prepare
from .filling import MISSING
from .preparation import CategoricalColumn, Codes, NumericColumn

Encoder = Callable[[str, pd.Series, Prepare], CategoricalColumn | NumericColumn]


def one_hot(name: str, texts: pd.Series, prepare: Prepare) -> CategoricalColumn:
    """Make an input for each category of the training rows: 1 for the row's own, 0 for the others.

    K categories, sorted, give K inputs. A category that training did not see is all zeros; a
    missing one is what ``missing_category`` says. As scikit-learn's
    OneHotEncoder(handle_unknown="ignore").

    Example:
        >>> one_hot("site", pd.Series(["b", "a", None]), Prepare()).categories
        ('a', 'b')
    """
    missing, is_own = MISSING[prepare.missing_category](texts)
    return CategoricalColumn(name=name, categories=_categories(texts), missing=missing, own=is_own)


def ordinal(name: str, texts: pd.Series, prepare: Prepare) -> NumericColumn:
    """Number the categories of the training rows from 0, in sorted order; then scale as numbers.

    One input, of use where the order of the texts means something ("1 low", "2 high"). Unknown
    is -1, and so is missing unless ``missing_category`` says otherwise. As scikit-learn's
    OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1).

    Example:
        >>> ordinal("size", pd.Series(["2 high", "1 low"]), Prepare()).made.categories
        ('1 low', '2 high')
    """
    missing, is_own = MISSING[prepare.missing_category](texts)
    codes = Codes(column=name, categories=_categories(texts), missing=missing, own=is_own)
    return NumericColumn(name=name, fill=-1.0, centre=0.0, scale=1.0, made=codes)


def hashing(name: str, texts: pd.Series, prepare: Prepare) -> CategoricalColumn:
    """Hash each text into one of ``hash_size`` inputs: +1 or -1 there, 0 in the others.

    h = MurmurHash3 of the text, signed, 32 bits; the input is |h| mod hash_size, its value the
    sign of h. For columns of many different texts: nothing is stored, an unknown text has its
    hash too, and texts that share an input are told apart by the sign at best. Missing is all
    zeros unless ``missing_category`` says otherwise. As scikit-learn's FeatureHasher. Source:
    Weinberger et al., "Feature Hashing for Large Scale Multitask Learning", 2009.

    Example:
        >>> hashing("city", pd.Series(["Oslo"]), Prepare(encode="hash", hash_size=8)).num_outputs
        8
    """
    missing, is_own = MISSING[prepare.missing_category](texts)
    return CategoricalColumn(name=name, missing=missing, own=is_own, hash_size=prepare.num_hashes)


def auto(name: str, texts: pd.Series, prepare: Prepare) -> CategoricalColumn:
    """Make a one-hot code of up to ``max_categories`` (50) different texts, and hash more.

    Counted in the training rows, column by column. See one-hot and hash, with their sources.

    Example:
        >>> how = Prepare(encode="auto", max_categories=2)
        >>> auto("site", pd.Series(["a", "b", "c"]), how).hash_size
        32
    """
    is_wide = texts.nunique() > prepare.most_categories
    return (hashing if is_wide else one_hot)(name, texts, prepare)


ENCODERS: Mapping[str, Encoder] = {
    "one-hot": one_hot,
    "ordinal": ordinal,
    "hash": hashing,
    "auto": auto,
}


def codes_of(texts: pd.Series, column: Codes | CategoricalColumn) -> np.ndarray:
    """Return float64 codes ``[N]`` of texts; NaN stands for unknown, and for missing.

    Example:
        >>> column = Codes(column="site", categories=("a", "b"), own=True)
        >>> codes_of(pd.Series(["b", None, "z"]), column).tolist()
        [1.0, 2.0, nan]
    """
    if column.missing is not None:
        texts = texts.fillna(column.missing)
    if isinstance(column, CategoricalColumn) and column.hash_size is not None:
        return _hashes(texts, column.hash_size, own=column.own)
    found = pd.Index(column.categories).get_indexer(texts)
    codes = np.where(found < 0, np.nan, found)
    return np.where(texts.isna(), len(column.categories), codes) if column.own else codes


def _hashes(texts: pd.Series, size: int, *, own: bool) -> np.ndarray:
    """Return the place from 1, with the sign of the hash; NaN where the text is missing."""
    uniques, places = np.unique(texts.fillna("").to_numpy(str), return_inverse=True)
    found = np.array([murmurhash3_32(str(text), seed=0) for text in uniques], dtype=np.int64)
    codes = (np.abs(found) % size + 1) * np.where(found >= 0, 1.0, -1.0)
    # A missing text of its own category is hashed as the empty text.
    return codes[places] if own else np.where(texts.isna(), np.nan, codes[places])


def _categories(texts: pd.Series) -> tuple[str, ...]:
    return tuple(sorted(texts.dropna().unique()))
