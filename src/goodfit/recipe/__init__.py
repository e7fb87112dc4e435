"""The recipe of a run, and the space of a search: a recipe with distributions in it.

schema               the recipe; its tables stand in inputs, networks, optimizers, schedules
parts                what those tables are made of
toml                 files, and errors with the nearest known name and the line
distributions        what may stand in the place of a searched value
space, space_make    the space: its parameters, grid, recipes; made of files, values, recipes
"""

from .augment import Augment
from .clips import Clip, ClipNorm, ClipPercentile, ClipValue, NoClip
from .distributions import Choice, Distribution, IntegerRange, Layers, LogUniform, Range, Uniform
from .distributions_make import choice, integer, layers, loguniform, uniform
from .evaluate import Evaluate, Views
from .inputs import DataSource, Prepare, Split
from .networks import CNN, MLP, Activation, Net, OwnNet, ResNet
from .optimizers import (
    L1,
    L2,
    SGD,
    Adagrad,
    Adam,
    AdamW,
    Decoupled,
    Elastic,
    Momentum,
    MomentumEMA,
    MomentumLRInside,
    Nesterov,
    NesterovLookahead,
    NesterovRewritten,
    NoPenalty,
    Optimizer,
    Penalty,
    RMSProp,
)
from .places import find_line
from .schedules import (
    Constant,
    Cosine,
    Cyclical,
    Exponential,
    MultiStep,
    OneCycle,
    OnPlateau,
    Schedule,
    Step,
    WarmRestarts,
)
from .schema import EarlyStopping, Engine, Recipe
from .space import LARGEST_GRID, Space, check_grid
from .space_make import read_space, space_of, write_space
from .space_walk import Parameter
from .toml import read, validate, write
from .transfer import Transfer

__all__ = [
    "CNN",
    "L1",
    "L2",
    "LARGEST_GRID",
    "MLP",
    "SGD",
    "Activation",
    "Adagrad",
    "Adam",
    "AdamW",
    "Augment",
    "Choice",
    "Clip",
    "ClipNorm",
    "ClipPercentile",
    "ClipValue",
    "Constant",
    "Cosine",
    "Cyclical",
    "DataSource",
    "Decoupled",
    "Distribution",
    "EarlyStopping",
    "Elastic",
    "Engine",
    "Evaluate",
    "Exponential",
    "IntegerRange",
    "Layers",
    "LogUniform",
    "Momentum",
    "MomentumEMA",
    "MomentumLRInside",
    "MultiStep",
    "Nesterov",
    "NesterovLookahead",
    "NesterovRewritten",
    "Net",
    "NoClip",
    "NoPenalty",
    "OnPlateau",
    "OneCycle",
    "Optimizer",
    "OwnNet",
    "Parameter",
    "Penalty",
    "Prepare",
    "RMSProp",
    "Range",
    "Recipe",
    "ResNet",
    "Schedule",
    "Space",
    "Split",
    "Step",
    "Transfer",
    "Uniform",
    "Views",
    "WarmRestarts",
    "check_grid",
    "choice",
    "find_line",
    "integer",
    "layers",
    "loguniform",
    "read",
    "read_space",
    "space_of",
    "uniform",
    "validate",
    "write",
    "write_space",
]
