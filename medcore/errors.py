"""The one class of error that a person can cause."""


class Refused(Exception):
    """Something a person gave or asked for can't be taken.

    Raised where the cause is known. The page shows it as one sentence and what to do;
    the command line prints the same to stderr and exits with status 2.
    Anything else that is raised is a bug.

    Neither sentence may hold a patient's name or number: both are shown and logged.
    """

    def __init__(self, sentence: str, remedy: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.sentence} {self.remedy}".strip()

    def __reduce__(self) -> tuple[type["Refused"], tuple[str, str]]:
        return Refused, (self.sentence, self.remedy)


class Unasked(Refused):
    """What was given is not what a question is about. It may still be viewed, and other questions asked of it."""

    def __reduce__(self) -> tuple[type["Unasked"], tuple[str, str]]:
        return Unasked, (self.sentence, self.remedy)
