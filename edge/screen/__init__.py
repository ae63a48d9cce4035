"""The reader's web screen, served on the device itself.

Pages work without JavaScript; with it the radio readings and the counters fill themselves in. Everything is on the
loopback interface behind a PIN; the ``Host`` header is checked so that no page from elsewhere can reach in by name.
"""
