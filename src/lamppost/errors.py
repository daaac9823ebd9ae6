"""Every error, sorted by who must act.

`AuthorError`    the author wrote something that cannot work: heard when it is loaded
`OperatorError`  the stage is not ready: heard at start, at deploy, on the terminal
`CallerError`    the caller sent something we refuse: heard in the answer
`TryAgain`, `GiveUp`   orders from a worker to its queue

Each carries a stable `code`, says what and where, and names the fix.
"""


class LamppostError(Exception):
    """What is wrong, how to mend it, and a stable code to search for."""

    code = "lamppost"

    def __init__(self, what: str, *, fix: str = "", code: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.fix = fix
        if code is not None:
            self.code = code

    def __str__(self) -> str:
        return f"{self.what}\n  fix: {self.fix}" if self.fix else self.what


class AuthorError(LamppostError):
    """A declaration, a migration or a handler that cannot work as written."""

    code = "author"


class OperatorError(LamppostError):
    """The stage or the machine lacks something: a setting, a right, a free port."""

    code = "operator"


class SettingMissing(OperatorError):
    """A parameter or secret that a function reads has no value."""

    code = "setting_missing"


class CallerError(LamppostError):
    """A refusal the caller can act on.

    `status` is the HTTP status (4xx, or 503 with `retry_after` seconds), `code` is stable,
    `errors` lists `FieldError`s for input that was understood but not accepted. Raised inside a transaction
    it undoes what was written there; a 4xx with `keep` lets it stand, as when a stolen token is refused and
    its whole session ended.
    """

    code = "refused"

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: "tuple[FieldError, ...]" = (),
        retry_after: int | None = None,
        keep: bool = False,
    ) -> None:
        super().__init__(detail, code=code)
        self.status = status
        self.errors = errors
        self.retry_after = retry_after
        self.keep = keep and status < 500


class FieldError:
    """One thing wrong with the input: `path` (`address.city`, `items[2]`), stable `code`, `message`."""

    __slots__ = ("code", "message", "path")

    def __init__(self, path: str, code: str, message: str) -> None:
        self.path = path
        self.code = code
        self.message = message

    def __repr__(self) -> str:
        return f"FieldError({self.path!r}, {self.code!r})"


def invalid(path: str, code: str, message: str) -> CallerError:
    """A 422 about one field. `code` is also the problem's code, so a caller can branch on it."""
    return CallerError(422, code, f"{path}: {message}", errors=(FieldError(path, code, message),))


def not_found(code: str, detail: str) -> CallerError:
    """A 404: what was asked for does not exist, or is not the caller's to see."""
    return CallerError(404, code, detail)


class TryAgain(LamppostError):
    """Bring this message back: after its visibility timeout."""

    code = "try_again"


class GiveUp(LamppostError):
    """No attempt can succeed with this message: move it to the dead letters now."""

    code = "give_up"
