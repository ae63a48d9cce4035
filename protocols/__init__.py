"""Bytes to meaning and back: meters' telegrams, radio line codes, and the messages between edge and centre.

Floor 0: no files, sockets, clocks or databases.
"""
