"""Where the audit log's key comes from: the server's key, or where it has none a key of its own beside the journal."""

from pathlib import Path

from mediaserver.audit.entry import AuditKey
from mediaserver.secrecy.key import Key, SecrecyError, new_key, read_key, write_key


def audit_key(server_key: Key | None, path: Path) -> AuditKey:
    """The key under which entries are sealed from now on; made where there is none. Raises `SecrecyError`."""
    if server_key is not None:
        return AuditKey.of(server_key)
    kept = kept_key(path)
    if kept is None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise SecrecyError(f"{path.parent}: cannot be made ({(error.strerror or str(error)).lower()})") from None
        made = new_key()
        write_key(made, path)
        kept = AuditKey.of(made)
    return kept


def kept_key(path: Path) -> AuditKey | None:
    """The key beside the journal; None where there is none. Raises `SecrecyError`."""
    try:
        return AuditKey.of(read_key(path.read_text(encoding="ascii", errors="replace"), str(path)))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SecrecyError(f"{path}: the key cannot be read ({(error.strerror or str(error)).lower()})") from None
