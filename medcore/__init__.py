"""medcore: readers, tasks, training, explanation and the store behind the review desk. Knows nothing of Streamlit."""

__version__ = "0.1.0"
