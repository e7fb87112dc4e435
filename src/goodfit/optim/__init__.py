"""Optimisation: update rules on rows, and learning-rate schedules."""

from .rules import RULES, Rule, Slots, coefficient_table, rule_of
from .schedules import FACTORS, learning_rates

__all__ = ["FACTORS", "RULES", "Rule", "Slots", "coefficient_table", "learning_rates", "rule_of"]
