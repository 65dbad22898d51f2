"""Errors that a person can act on, apart from errors of the program itself."""


class UserError(Exception):
    """Bad input or a missing tool. The text names the file, node or field, what is allowed, and what to do."""


class MismatchError(Exception):
    """Two executions of one network differ. The text names layer, pixel, channel and both codes."""
