"""The error that ends a command: what is wrong and where, what to do next, and the exit code."""

PUBLISHED, CHECKS_FAILED, CONFIGURATION, BUSY, INTERRUPTED = 0, 1, 2, 75, 130
# Only where --strict asks for it.
PUBLISHED_WITH_WARNINGS = 3


class UserError(Exception):
    """The end of a command that cannot go on: its exit code, what is wrong and where, what to
    do."""

    def __init__(self, code: int, what: str, next_step: str = "") -> None:
        super().__init__(what)
        self.code, self.what, self.next_step = code, what, next_step


class NotFoundError(UserError):
    """What was asked for is not there; the text says why and what to do next."""

    def __init__(self, what: str, next_step: str = "") -> None:
        super().__init__(CHECKS_FAILED, what, next_step)


class UsageError(UserError):
    """Options or arguments that cannot be meant."""

    def __init__(self, what: str) -> None:
        super().__init__(CONFIGURATION, what)
