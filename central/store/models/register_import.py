"""Files the register was to be brought forward by: what each row's fate would be, and who decided."""

from sqlalchemy import LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from central.store.base import Base, Code, Data, Instant, LongText, Name
from central.store.models.register import InUtility


class RegisterImport(InUtility, Base):
    """A file and the fates of its rows. ``state``: planned, applied or discarded.

    ``content`` is kept until somebody decides: it holds people's data, and what came of it is in the register.
    ``fates`` is what was shown (JSON, compressed with zstd), ``digest`` its SHA-256: applying does that or nothing.
    """

    __tablename__ = "register_import"
    name: Mapped[Name]
    sha256: Mapped[Code]
    mapping: Mapped[LongText] = mapped_column(default="")
    content: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    fates: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    digest: Mapped[Code]
    counts: Mapped[Data]  # section → fate → rows
    refused: Mapped[int]
    state: Mapped[Code]
    uploaded_at: Mapped[Instant]
    uploaded_by: Mapped[Name]
    decided_at: Mapped[Instant | None]
    decided_by: Mapped[Name | None]
    without_refused: Mapped[bool] = mapped_column(default=False)
