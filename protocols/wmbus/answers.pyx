"""Telegrams answered as JSON lines one after the other, with nothing made for each but its line."""

import msgspec

from protocols.wmbus.decoding cimport Workspace, form_of, read
from protocols.wmbus.jsonl cimport Text, write_failure, write_telegram

cdef object encode = msgspec.json.Encoder().encode
cdef bytes NULL_REF = b"null"


cdef class Answers:
    """Writes the JSON line of each telegram; formats, counters and fragments are remembered on the way."""

    cdef Workspace space
    cdef Text out
    cdef int form
    cdef object formats
    cdef object counters
    cdef object fragments

    def __init__(self, formats, counters, fragments, str link):
        self.space = Workspace()
        self.out = Text()
        self.form = form_of(link)
        self.formats = formats
        self.counters = counters
        self.fragments = fragments

    def add(self, object ref, bytes frame, object keys):
        """Answer a frame with the keys of its provider."""
        self.space.clear()
        read(&self.space.t, frame, self.form, keys, self.formats, self.counters, self.fragments)
        write_telegram(self.out, &self.space.t, NULL_REF if ref is None else encode(ref))
        self.out.put_bytes(b"\n")

    def refuse(self, object ref, str error):
        """Answer input that holds no telegram."""
        write_failure(self.out, NULL_REF if ref is None else encode(ref), error)
        self.out.put_bytes(b"\n")

    def take(self):
        """The lines written since the last time."""
        return self.out.taken()
