"""The exceptions a user can meet. Each message is one line: what was wrong, where, what would be right."""


class SymlipError(ValueError):
    """Unusable input, or a bound that does not exist. The command line prints it and exits with status 2."""


class DerivationError(SymlipError):
    """A derivation holds a step that its rule does not give. The message names the step."""


class MissingExtra(SymlipError):
    """An optional library is needed and not installed. The message says which extra to install."""

    def __init__(self, what: str, library: str, extra: str) -> None:
        super().__init__(f"{what} needs {library}, which is not installed: pip install 'symlip[{extra}]'")
