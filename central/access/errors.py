"""What the access services refuse."""


class AccessError(ValueError):
    """Something about users, passwords or factors that cannot be; the text names field, value and rule."""


class PasswordError(AccessError):
    """A password that is not taken; ``rule`` is short, long, common, guessable, wrong or same."""

    def __init__(self, rule: str, text: str) -> None:
        super().__init__(text)
        self.rule = rule


class ThrottledError(AccessError):
    """Too many wrong guesses: wait."""
