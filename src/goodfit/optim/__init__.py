"""Optimisation: update rules on rows, decay and clipping around them, learning-rate schedules."""

from .clipping import CLIPS
from .decay import PENALTIES
from .differences import finite_difference_descent
from .rules import RULES, Rule, Slots
from .schedules import FACTORS, base_rate, learning_rates
from .whole import coefficient_table, coefficients_of, decisions, pulls_of, rule_for, rule_of

__all__ = [
    "CLIPS",
    "FACTORS",
    "PENALTIES",
    "RULES",
    "Rule",
    "Slots",
    "base_rate",
    "coefficient_table",
    "coefficients_of",
    "decisions",
    "finite_difference_descent",
    "learning_rates",
    "pulls_of",
    "rule_for",
    "rule_of",
]
