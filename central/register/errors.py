"""The one error of the register."""


class RegisterError(ValueError):
    """A value the register refuses; the text names field, value and rule."""

    def __init__(self, field: str, value: object, rule: str) -> None:
        super().__init__(f"{field}: {value!r}, {rule}")
        self.field = field
        self.value = value
        self.rule = rule
