"""Views at test time: windows by hand, mirror images answered alike, means of probabilities."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from goodfit.errors import RecipeError
from goodfit.evaluation import VIEWS, check_views, outputs_of, viewed
from goodfit.recipe import Evaluate
from goodfit.report import words

GENERATOR = torch.Generator().manual_seed(0)
X = torch.rand(6, 3, 9, 7, generator=GENERATOR)


def net(num_outputs: int = 4) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        conv = nn.Conv2d(3, 5, 3, padding=1)
        return nn.Sequential(conv, nn.ReLU(), nn.Flatten(), nn.Linear(5 * 63, num_outputs)).eval()


def by_hand(x: Tensor, views: str, margin: int) -> list[np.ndarray]:
    padded = np.pad(x.numpy(), [(0, 0), (0, 0), (margin, margin), (margin, margin)])
    ends = [(margin, margin), *((a, b) for a in (0, 2 * margin) for b in (0, 2 * margin))]
    windows = [padded[:, :, a : a + x.shape[2], b : b + x.shape[3]] for a, b in ends]
    shown = windows if "crops" in views else [x.numpy()]
    mirrored = [image[..., ::-1] for image in shown] if "flip" in views else []
    return [*shown, *mirrored]


def test_every_name_of_a_recipe_is_a_view_that_is_explained() -> None:
    assert {"none", *VIEWS} == set(Evaluate.model_fields["views"].annotation.__args__)  # pyright: ignore
    assert all("notes n3" in " ".join((v.__doc__ or "").lower().split()) for v in VIEWS.values())


@pytest.mark.parametrize("dtype", [torch.float32, torch.uint8])
@pytest.mark.parametrize("views", VIEWS)
def test_views_are_slices_of_the_padded_image_and_their_mirror_images(
    views: str, dtype: torch.dtype
) -> None:
    x = (255 * X).to(dtype)
    found = [view.numpy() for view in VIEWS[views](x, 2)]
    wanted = by_hand(x, views, 2)
    assert len(found) == len(wanted) == words.VIEWS[views]
    for image in wanted:
        assert any(np.array_equal(image, view) for view in found)


@pytest.mark.parametrize("views", VIEWS)
def test_the_answer_is_the_mean_of_probabilities_over_views(views: str) -> None:
    model = net()
    asked = viewed(model, Evaluate(views=views, margin=2), task="classification")  # pyright: ignore
    each = [
        model(torch.from_numpy(view.copy())).detach().softmax(1) for view in by_hand(X, views, 2)
    ]
    outputs, _ = outputs_of(asked, [(X, torch.zeros(6))])
    torch.testing.assert_close(outputs.softmax(1), torch.stack(each).mean(0))


def test_quantities_are_averaged_as_they_are() -> None:
    model = net(1)
    asked = viewed(model, Evaluate(views="flip"), task="regression")
    wanted = (model(X) + model(X.flip(3))) / 2.0
    torch.testing.assert_close(asked(X), wanted)


def test_an_image_and_its_mirror_image_get_the_same_answer() -> None:
    model = net()
    flip = viewed(model, Evaluate(views="flip"), task="classification")
    assert torch.equal(flip(X), flip(X.flip(3)))
    both = viewed(model, Evaluate(views="flip-crops"), task="classification")
    torch.testing.assert_close(both(X), both(X.flip(3)))
    assert not torch.allclose(model(X), model(X.flip(3)), atol=1e-2)
    crops = viewed(model, Evaluate(views="crops"), task="classification")
    assert not torch.allclose(crops(X), crops(X.flip(3)), atol=1e-3)


def test_without_views_the_model_is_asked_itself() -> None:
    model = net()
    assert viewed(model, Evaluate(), task="classification") is model


def test_views_of_tables_and_crops_beside_the_image_are_refused() -> None:
    with pytest.raises(RecipeError, match="Only images have flips and crops") as table:
        check_views(Evaluate(views="flip"), input_kind="table", shape=(4,))
    assert 'evaluate.views = "flip"' in str(table.value) and '"none"' in str(table.value)
    with pytest.raises(RecipeError, match="show nothing of the image") as far:
        check_views(Evaluate(views="crops", margin=9), input_kind="image", shape=(1, 8, 8))
    assert "evaluate.margin = 9" in str(far.value) and "at most 2" in str(far.value)
    with pytest.raises(RecipeError, match="show nothing of the image"):
        check_views(Evaluate(views="flip-crops", margin=8), input_kind="image", shape=(3, 20, 8))
    check_views(Evaluate(views="crops", margin=7), input_kind="image", shape=(1, 8, 8))
    check_views(Evaluate(views="flip", margin=9), input_kind="image", shape=(1, 8, 8))
    check_views(Evaluate(margin=9), input_kind="table", shape=(4,))
