"""Fiscal records behind one port: VERI*FACTU and its siblings."""
