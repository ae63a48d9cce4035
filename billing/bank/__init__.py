"""Bank formats, one file each."""
