"""Why a storage cannot be used, and what to do about each reason; no password is repeated."""

from __future__ import annotations

import re
from pathlib import Path

from ..errors import SearchError

SQLITE, JOURNAL = "sqlite:///", "journal://"
FORMS = (
    "Name one of sqlite:///PATH, journal://PATH, postgresql://USER@HOST/NAME, "
    "mysql://USER@HOST/NAME"
)
# What each database's usual driver is called on PyPI.
PACKAGES = {
    "psycopg": "psycopg[binary]",
    "psycopg2": "psycopg2-binary",
    "MySQLdb": "mysqlclient",
}
INSTEAD = "or take --storage sqlite:///PATH, which needs nothing more"
LATER = " Trials that are done stand in trials.jsonl; goodfit resume writes them."
GONE = "its file was removed or replaced"
_USER = re.compile(r"(://[^:/@]*:)(.*)@", re.DOTALL)
_FIELD = re.compile(r"([?&](?:password|passwd|pwd)=)([^&]*)", re.IGNORECASE)


def masked(url: str) -> str:
    """Return a URL with ``***`` for a password.

    Example:
        >>> masked("postgresql://me:secret@host/db"), masked("mysql://host/db?password=secret")
        ('postgresql://me:***@host/db', 'mysql://host/db?password=***')
    """
    return _FIELD.sub(r"\1***", _USER.sub(r"\1***@", url))


def storage_failed(url: str, error: BaseException, *, midway: bool = False) -> SearchError:
    """Return what to say of a storage that failed; ``midway`` where trials have been trained."""
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    for _, secret in [*_USER.findall(url), *_FIELD.findall(url)]:
        reason = reason.replace(f":{secret}@", ":***@").replace(f"={secret}", "=***")
    return SearchError(
        f"The storage of the study cannot be used: {reason}",
        given=masked(url),
        do=_remedy(url, error, reason) + LATER * midway,
    )


def _remedy(url: str, error: BaseException, reason: str) -> str:
    scheme, found, _ = url.partition("://")
    if not found or "Could not parse" in reason or "Can't load plugin" in reason:
        what = f'"{scheme}://" is of no known kind. ' if found else ""
        return f"{what}{FORMS}."
    if missing := _missing_module(error):
        package = PACKAGES.get(missing, missing)
        return f"Install what talks to it: pip install {package}; {INSTEAD}."
    path = file_of(url)
    if path is None:
        return f"Look whether its server runs, and at host, name, user and password; {INSTEAD}."
    return _remedy_of_file(path, reason)


def _remedy_of_file(path: Path, reason: str) -> str:
    if not path.absolute().parent.is_dir():
        return f"Make its folder first: mkdir -p {path.absolute().parent}"
    if path.is_dir():
        return f"{path} is a folder: name a file in it."
    if GONE in reason:
        return "Leave it where it is while a study runs."
    if "constraint" in reason or "does not exist" in reason:
        return "Rows were taken out of the file: name another, or remove it."
    if "locked" in reason:
        return "Close what locks it, or name another: --storage sqlite:///PATH."
    if "not a database" in reason or "malformed" in reason:
        return "The file holds something else: name one that does not exist yet."
    return "Look whether the file may be written and the disk has room, or name another."


def file_of(url: str) -> Path | None:
    """Return the file of a storage that is one."""
    for head in (SQLITE, JOURNAL):
        if url.startswith(head):
            return Path(url.removeprefix(head).partition("?")[0])
    return None


def _missing_module(error: BaseException) -> str:
    """Return the name of the module that an import missed; Optuna wraps the error of it."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ModuleNotFoundError) and seen.name:
            return seen.name.split(".")[0]
        seen = seen.__cause__ or seen.__context__
    return ""
