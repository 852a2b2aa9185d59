"""One seed a case, and the facts that every simulated case carries."""

import numpy as np


def case_seeds(n: int, seed: int) -> list[int]:
    """n seeds, drawn from one: case i of a longer list is case i of a shorter one."""
    return [int(s) for s in np.random.default_rng(seed).integers(0, 2**53, n)]


def facts(age: float, female: bool, **more: str) -> dict[str, str]:
    """What is known of a simulated patient, `simulated` first."""
    return {"simulated": "yes", "age_years": str(int(age)), "sex": "F" if female else "M", **more}
