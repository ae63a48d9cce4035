"""The meters' keys on this device: a file that only its owner may read."""

import stat
from pathlib import Path

from protocols.wmbus import Keyring, keyfiles


class KeysError(ValueError):
    """The key file cannot be used; the text names file and rule, never a key."""


def load_keys(path: Path) -> Keyring:
    """The keys of ``path``; raises :class:`KeysError`, also where others than the owner may read the file."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            raise KeysError(f"keys.file {path}: mode {mode:03o} lets others than its owner read it, must be 600")
        return keyfiles.load(path.read_bytes())
    except (OSError, keyfiles.KeyFileError) as error:
        raise KeysError(f"keys.file {path}: {error}") from error
