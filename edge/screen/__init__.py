"""The reader's web screen, served on the device itself."""
