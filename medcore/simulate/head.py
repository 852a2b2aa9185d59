"""MR of a simulated head with a lesion."""
from medcore.datasets.sample import Sample
def heads(n: int, seed: int) -> list[Sample]:
    raise NotImplementedError
