"""What a task says of a case: loss, calibrated probabilities, metrics and words."""

from medcore.outcomes.base import GridOutcome, Label, Outcome
from medcore.outcomes.binary import Binary
from medcore.outcomes.mask import Mask
from medcore.outcomes.multiclass import MultiClass
from medcore.outcomes.multilabel import MultiLabel
from medcore.outcomes.regression import Regression

__all__ = ["Binary", "GridOutcome", "Label", "Mask", "MultiClass", "MultiLabel", "Outcome", "Regression"]
